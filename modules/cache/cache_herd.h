/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_HERD_H
#define CACHE_HERD_H

/*
 * One request to the origin for one key: who asks, who waits for it, and what is asked in the
 * background. The decisions are cache_stale.h's, who is under way is in cache_flight.h.
 */
#include <httpd.h>

#include "cache_flight.h"
#include "cache_lease.h"
#include "cache_marks.h"
#include "cache_stale.h"

#include "background.h"

struct cache_request_t;

#define CACHE_HERD_LAYOUT 6

/* In shared memory. */
typedef struct cache_herd_shared_t {
    char box[CACHE_LEASE_BOX_SIZE + 1];
    cache_roster_t roster;
    cache_flights_t flights;
    cache_marks_t marks;
    cache_lease_owed_t owed;
} cache_herd_shared_t;

/* Of one process. */
typedef struct cache_herd_t {
    cache_herd_shared_t *shared;
    cache_member_t self;
    cache_lease_t *lease;          /* NULL: no memcached */
    tier_background_t *background; /* NULL: it could not be started */
    apr_uint32_t most_waiters;
    apr_uint32_t *waiting;  /* requests of the process that wait, those of other boxes included */
    apr_uint32_t uncounted; /* what waiting points to when there was no place in the roster */
} cache_herd_t;

/* Of one request. */
typedef struct cache_herd_request_t {
    cache_id_t id;         /* of the flight, and of the marks; set with has_id */
    cache_ticket_t ticket; /* while is_leader */
    int has_id, is_leader, has_lease;
} cache_herd_request_t;

/* Prepares fresh shared memory. Parent process. Errors: pthread's, or of the source of randomness.
 */
apr_status_t cache_herd_init(cache_herd_shared_t *shared);

/* Makes the process's herd; call in child_init. memcache may be NULL. Never fails: NULL parts do
 * without. */
cache_herd_t *cache_herd_open(cache_herd_shared_t *shared, tier_memcache_t *memcache, server_rec *s,
                              apr_pool_t *pchild);

/* What cache_herd_join asks of the look-up: looks again; 1 when what is found may be used now. */
typedef int (*cache_herd_look_t)(struct cache_request_t *state, request_rec *r);

/*
 * The origin is to be asked for what state looks for. Returns 0: do (it may have been made the
 * leader), or 1: do not, look has found what may be used.
 */
int cache_herd_join(struct cache_request_t *state, request_rec *r, cache_herd_look_t look);

/* A response was stored, or not; refused says why. Harmless when the request leads nobody. */
void cache_herd_stored(struct cache_request_t *state, cache_stale_worth_e worth);
void cache_herd_refused(struct cache_request_t *state, cache_verdict_e verdict, int status,
                        int is_aborted);

/*
 * The request is about to send a part of what others wait for to its client, or has sent it. Of a
 * stream of HTTP/2 it cannot be told before whether that will take long: where it does, another one
 * asks the origin.
 */
void cache_herd_sends(struct cache_request_t *state, int begins);

/* The origin failed and a stale response was used instead. */
void cache_herd_failed(struct cache_request_t *state);

/* Returns 1 when the origin of what was found failed a moment ago. */
int cache_herd_is_failing(struct cache_request_t *state);

/* Has what was found, which is stale, revalidated in the background unless that is being done. */
void cache_herd_revalidate(struct cache_request_t *state, request_rec *r);

/* Returns 1 when r is such a revalidation. */
int cache_herd_is_revalidation(const request_rec *r);

/*
 * The revalidation r begins, and only then looks: what another one has brought until it took off is
 * there. Returns 1 when it is to ask the origin.
 */
int cache_herd_begin_revalidation(struct cache_request_t *state, request_rec *r,
                                  cache_herd_look_t look);

#endif
