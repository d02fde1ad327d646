/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_SHM_H
#define CACHE_SHM_H

#include "cache_store.h"

/*
 * A store in a shared segment, for all processes of one host. It is cut into stripes, each with its
 * own lock, index, arena and eviction queue; an id always goes to the same stripe. Eviction is
 * SIEVE (Y. Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024): one bit an entry is set by a
 * hit, a hand goes from the oldest entry to the newest and takes the first whose bit is not set, so
 * that objects asked for once leave before those that were asked for again.
 *
 * The locks are robust mutexes, held for a look-up and one copy, never over I/O. When a process
 * dies holding one, the next to take it empties the stripe if it was being changed, and goes on if
 * it was only being read. Larger bodies are not copied but read in place (cache_pin.h).
 */

/* Records from this size on are read in place where that is asked for. */
#define CACHE_SHM_IN_PLACE ((apr_size_t)8 * 1024)

#define CACHE_SHM_SMALLEST ((apr_size_t)1024 * 1024)

typedef struct cache_shm_figures_t {
    apr_uint64_t entries, bytes, capacity; /* now */
    apr_uint64_t evicted, resets;          /* since the segment was made */
} cache_shm_figures_t;

/*
 * Returns the layout number (tier_segment_obtain) of a segment of size bytes for records of up to
 * largest bytes.
 */
apr_uint32_t cache_shm_layout(apr_size_t size, apr_size_t largest);

/*
 * Prepares size zeroed bytes (CACHE_SHM_SMALLEST or more) for records of up to largest bytes each,
 * or of a quarter of size where that is less. file: the descriptor of the file that the memory is
 * (memfile.h), in all processes that will use it, or -1. Parent process, before any use. Errors:
 * pthread's.
 */
apr_status_t cache_shm_format(void *base, apr_size_t size, apr_size_t largest, int file);

/* Returns a store over a prepared segment, from pool. Any process that has the mapping. */
cache_store_t *cache_shm_open(void *base, apr_pool_t *pool);

/*
 * What a first level in front of another store needs. A record's since is as of when it was right
 * in the other store (tier_clock_now()); changes counts puts and removals near id, so that what was
 * read from the other store before one of them is not kept after it.
 */

/* As the store's get, of a record that was right at `since` or later. */
apr_status_t cache_shm_get_since(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                                 cache_blob_t *blob, apr_pool_t *pool);

/*
 * The same, in place: of a record that is large enough, data is the head alone and pieces are the
 * body, which is not copied; where it may not stay in place, it is copied as by get.
 */
apr_status_t cache_shm_get_in_place(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                                    cache_blob_t *blob, apr_pool_t *pool);

/* Stores blob (data, size and since). Errors: as the store's put. */
apr_status_t cache_shm_put_since(cache_store_t *store, const cache_id_t *id,
                                 const cache_blob_t *blob, apr_interval_time_t keep);

/* The count of changes, to be read before the other store is. */
apr_uint64_t cache_shm_changes(cache_store_t *store, const cache_id_t *id);

/* As cache_shm_put_since, but no change itself; APR_EBUSY when there was one since changes. */
apr_status_t cache_shm_keep(cache_store_t *store, const cache_id_t *id, const cache_blob_t *blob,
                            apr_interval_time_t keep, apr_uint64_t changes);

/* Returns 1 to the first caller for the record that is right as of since, until it is put again. */
int cache_shm_claim(cache_store_t *store, const cache_id_t *id, apr_time_t since);

/* Drops the record unless it is of after `until`; no change. */
void cache_shm_forget(cache_store_t *store, const cache_id_t *id, apr_time_t until);

/* Reads the figures; takes no lock, so they may not add up to the last entry. */
void cache_shm_read_figures(const void *base, cache_shm_figures_t *figures);

#endif
