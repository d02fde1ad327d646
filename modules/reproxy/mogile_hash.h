/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_HASH_H
#define MOGILE_HASH_H

#include <apr.h>

#define MOGILE_HASH_START APR_UINT64_C(14695981039346656037)

/* Returns the hash of text after what hash is of (FNV-1a); not for what an attacker may choose
 * where two of a kind would do harm. */
static inline apr_uint64_t mogile_hash(apr_uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    return hash;
}

#endif
