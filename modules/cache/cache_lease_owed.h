/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LEASE_OWED_H
#define CACHE_LEASE_OWED_H

#include <apr_time.h>

#include "atomics.h"
#include "cache_key.h"

/*
 * The leases (cache_lease.h) that memcached did not hear to be given back, in zeroed shared memory.
 * Where there are too many the oldest are forgotten: they end by themselves. No lock; a process
 * that dies at any moment costs a place. Any thread of any process.
 */
#define CACHE_LEASE_OWED 128

typedef struct cache_lease_owed_place_t {
    apr_uint32_t state; /* private: free, being written or owed, and how often it was used */
    cache_id_t id;
} cache_lease_owed_place_t;

typedef struct cache_lease_owed_t {
    apr_uint32_t next;    /* private: the place that is written next */
    apr_uint32_t count;   /* private */
    apr_int64_t next_try; /* private: when memcached is told again */
    cache_lease_owed_place_t places[CACHE_LEASE_OWED];
} cache_lease_owed_t;

/* Remembers one. */
void cache_lease_owed_add(cache_lease_owed_t *owed, const cache_id_t *id);

/* Returns 1, four times a second at most (now: tier_clock_now()), to one caller when there are
 * some. */
int cache_lease_owed_due(cache_lease_owed_t *owed, apr_time_t now);

/* Returns 1 when there is one in place (0 to CACHE_LEASE_OWED - 1); fills *id, and *state for
 * done. */
int cache_lease_owed_at(const cache_lease_owed_t *owed, int place, cache_id_t *id,
                        apr_uint32_t *state);

/* It is given back, or nobody's any more. */
void cache_lease_owed_done(cache_lease_owed_t *owed, int place, apr_uint32_t state);

#endif
