/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_HASH_H
#define TIER_HASH_H

#include <apr.h>

/*
 * FNV-1a of 64 bits (G. Fowler, L. C. Noll, K.-P. Vo): for places in tables, and to notice what an
 * accident changed. Not where somebody who chooses the text gains by two of one hash. Any thread.
 */
#define TIER_HASH_START APR_UINT64_C(14695981039346656037)

/* Returns the hash of what hash is of, followed by size bytes. */
static inline apr_uint64_t tier_hash_bytes(apr_uint64_t hash, const void *bytes, apr_size_t size)
{
    const unsigned char *at = bytes;

    for (apr_size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * APR_UINT64_C(1099511628211);
    return hash;
}

/* Returns the hash of what hash is of, followed by text without the zero byte at its end. */
static inline apr_uint64_t tier_hash_text(apr_uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    return hash;
}

/* The same with the zero byte, so that "a", "bc" and "ab", "c" differ. */
static inline apr_uint64_t tier_hash_string(apr_uint64_t hash, const char *text)
{
    return tier_hash_text(hash, text) * APR_UINT64_C(1099511628211);
}

#endif
