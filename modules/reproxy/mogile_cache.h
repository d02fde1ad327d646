/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_CACHE_H
#define MOGILE_CACHE_H

#include "mogile_file.h"

/*
 * What look-ups have found, for all processes of the host: a segment of equal slots, in stripes
 * with a lock each (robust, held for one copy, never over I/O). A key may be in one of
 * MOGILE_CACHE_WAYS slots; the one that was not used for longest leaves. Keys are told apart byte
 * by byte: which keys the database takes for equal is its collation's affair, and two spellings of
 * a key simply have two slots.
 */
typedef struct mogile_cache_t mogile_cache_t;

#define MOGILE_CACHE_SLOT     768
#define MOGILE_CACHE_WAYS     8
#define MOGILE_CACHE_STRIPES  32
#define MOGILE_CACHE_SMALLEST ((apr_size_t)512 * 1024)

/* The layout of a segment of this size, for tier_segment_obtain(). */
apr_uint32_t mogile_cache_layout(apr_size_t size);

/* Prepares size zeroed bytes, MOGILE_CACHE_SMALLEST or more. Parent process. Errors: pthread's. */
apr_status_t mogile_cache_format(void *base, apr_size_t size);

/* Returns the cache in a prepared segment. */
mogile_cache_t *mogile_cache_at(void *base);

typedef struct mogile_cached_t {
    mogile_file_t *file; /* NULL: there is no such key */
    int is_fresh;        /* 0: to be used only where nobody can be asked */
} mogile_cached_t;

/* APR_SUCCESS, or APR_NOTFOUND. now: tier_clock_now(). Strings from pool. Any thread. */
apr_status_t mogile_cache_get(mogile_cache_t *cache, mogile_cached_t *cached, const char *domain,
                              const char *key, apr_time_t now, apr_pool_t *pool);

/*
 * Keeps file (NULL: no such key), fresh for `fresh` and usable for `stale` after that. What is too
 * long for a slot is not kept. Any thread.
 */
void mogile_cache_put(mogile_cache_t *cache, const mogile_file_t *file, const char *domain,
                      const char *key, apr_interval_time_t fresh, apr_interval_time_t stale,
                      apr_time_t now, apr_pool_t *pool);

/* Forgets the key. Any thread. */
void mogile_cache_drop(mogile_cache_t *cache, const char *domain, const char *key,
                       apr_pool_t *pool);

#endif
