/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_COUNTERS_H
#define CACHE_COUNTERS_H

#include "atomics.h"
#include "cache_status_field.h"
#include "cache_store.h"
#include "cache_verdict.h"

#include <webtier/status_provider.h>

/* What came of asking a store. */
typedef enum {
    CACHE_ERROR_TIMEOUT, /* no answer within the deadline */
    CACHE_ERROR_BREAKER, /* not asked: it is known not to answer */
    CACHE_ERROR_CORRUPT, /* what it had was no record, or one of another key */
    CACHE_ERROR_SPACE,   /* it had no room */
    CACHE_ERROR_OTHER,
    CACHE_ERRORS
} cache_error_e;

/* How long calls took: up to 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50 and 100 ms, and longer. */
#define CACHE_LATENCIES 11

/* Changes whenever the struct below does. */
#define CACHE_COUNTERS_LAYOUT 7

/* In shared memory, zeroed when fresh; any thread of any process adds. */
typedef struct cache_counters_t {
    tier_counter_t hits;
    tier_counter_t hits_stale;   /* of hits: used stale, as the request allowed */
    tier_counter_t not_modified; /* of hits: answered 304 */
    tier_counter_t forwarded[CACHE_FWDS];
    tier_counter_t revalidated; /* of forwarded: the origin said 304 */
    tier_counter_t refused[CACHE_VERDICTS];
    tier_counter_t stored;
    tier_counter_t stored_bytes;
    tier_counter_t invalidated;
    tier_counter_t errors[CACHE_ERRORS];
    tier_counter_t collapsed;                /* answered by what another request brought */
    tier_counter_t not_waited;               /* went to the origin because too many were waiting */
    tier_counter_t revalidations;            /* begun in the background */
    tier_counter_t not_revalidated;          /* there was no room for it */
    tier_counter_t stale_if_error;           /* used stale because the origin failed */
    tier_counter_t finished;                 /* stored although the client had gone */
    tier_counter_t hit_bytes;                /* of body, from the cache */
    tier_counter_t latency[CACHE_LATENCIES]; /* calls of memcached by how long they took */
    tier_counter_t hits_local;               /* look-ups answered by the first of two levels */
    tier_counter_t hits_remote;              /* by the second */
    tier_counter_t hits_local_only;          /* by the first, as the second did not answer */
} cache_counters_t;

/* Counts a store's status that is neither success nor a plain miss. */
void cache_counters_error(cache_counters_t *counters, apr_status_t status);

/* Counts a call of memcached that took so many microseconds. */
void cache_counters_latency(cache_counters_t *counters, apr_interval_time_t took);

/* Adds what the counters say to the status page's tree. */
void cache_counters_report(const cache_counters_t *counters, tier_status_node_t *root,
                           apr_pool_t *pool);

#endif
