/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LEASE_H
#define CACHE_LEASE_H

#include <apr_pools.h>

#include "cache_key.h"
#include "cache_lease_owed.h"

#include "memcache.h"

/*
 * Which of the web boxes that share memcached asks the origin for a key: an item that only one can
 * add. It ends by itself when its box is lost. A memcached that does not answer means no lease, and
 * everybody asks; one that did not hear that a lease was given back is told when it answers again,
 * by the next request of the box that tries for a lease. Any thread.
 */
#define CACHE_LEASE_BOX_SIZE 16

typedef enum {
    CACHE_LEASE_MINE,       /* this box asks; cache_lease_release when done */
    CACHE_LEASE_OTHERS,     /* another one does */
    CACHE_LEASE_UNCACHEABLE /* another one did, and the answer cannot be shared */
} cache_lease_e;

typedef struct cache_lease_t {
    tier_memcache_t *memcache;
    char box[CACHE_LEASE_BOX_SIZE + 1]; /* no two boxes have the same */
    cache_lease_owed_t *owed;           /* of the box */
} cache_lease_t;

/* Tries to get the lease for keep, which is rounded up to seconds. One that this box has already is
 * renewed. */
cache_lease_e cache_lease_try(cache_lease_t *lease, const cache_id_t *id, apr_interval_time_t keep,
                              apr_pool_t *pool);

/* The same for who was told that another box has it: one call of memcached while it does. */
cache_lease_e cache_lease_try_again(cache_lease_t *lease, const cache_id_t *id,
                                    apr_interval_time_t keep, apr_pool_t *pool);

/* Gives it back. */
void cache_lease_release(cache_lease_t *lease, const cache_id_t *id);

/* Gives it back and tells the other boxes, for keep, that the answers cannot be shared. */
void cache_lease_refuse(cache_lease_t *lease, const cache_id_t *id, apr_interval_time_t keep);

#endif
