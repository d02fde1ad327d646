/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HASH_H
#define ASSETS_HASH_H

#include "hash.h"

#include <string.h>

/*
 * Returns a hash of a path, for places in tables: eight bytes at a time, as paths are looked up
 * several times in each request. Not where somebody who chooses the text gains by two of one hash.
 * Any thread.
 */
static inline apr_uint64_t assets_hash(const char *text, apr_size_t size)
{
    apr_uint64_t hash = TIER_HASH_START ^ size;

    for (; size >= sizeof(hash); text += sizeof(hash), size -= sizeof(hash)) {
        apr_uint64_t word;

        memcpy(&word, text, sizeof(word));
        hash = (hash ^ word) * APR_UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    hash = tier_hash_bytes(hash, text, size);
    return hash ^ hash >> 32;
}

#endif
