/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_STALE_H
#define CACHE_STALE_H

#include "cache_flight.h"
#include "cache_freshness.h"
#include "cache_verdict.h"

/*
 * RFC 5861: when a stale response may be used unasked, and what requests for one key have to do
 * with each other. Pure. Nothing here allows what RFC 9111 section 4.2.4 forbids: no-cache,
 * must-revalidate, proxy-revalidate, s-maxage. now: wall clock.
 */

/* What counts for responses that say nothing themselves; seconds, CACHE_DELTA_NONE: nothing. */
typedef struct cache_stale_defaults_t {
    apr_int64_t while_revalidate;
    apr_int64_t if_error;
} cache_stale_defaults_t;

/*
 * Puts the defaults where the response says nothing. told is what it says. A response that may not
 * be used for a moment without asking is not used stale because of a default: those who wrote
 * "max-age=0" for "not from a cache" said no more than that.
 */
void cache_stale_default(cache_life_t *life, const cache_directives_t *told,
                         const cache_stale_defaults_t *defaults);

/*
 * Makes life be stale as of `at` (wall clock) where it was to be fresh for longer: what a soft
 * purge does. How long past that it may be used stays as it is.
 */
void cache_stale_since(cache_life_t *life, apr_time_t at);

/* Returns 1 when a response that is stale now may be used while it is revalidated in the
 * background. */
int cache_stale_while_revalidate(const cache_life_t *life, const cache_directives_t *asked,
                                 apr_time_t now);

/* Returns 1 when it may be used in the place of an error. */
int cache_stale_if_error(const cache_life_t *life, const cache_directives_t *asked, apr_time_t now);

/* What those who wait for a response may make of it, now that it is stored. */
typedef enum {
    CACHE_STALE_USABLE,
    CACHE_STALE_TOO_OLD, /* not this one, which was long on its way; the next one may be usable */
    CACHE_STALE_NEVER    /* nor the next one: it is to be asked for each time */
} cache_stale_worth_e;

/* Says that. Any thread. */
cache_stale_worth_e cache_stale_worth(const cache_life_t *life, apr_time_t now);

/* Returns 1 for the statuses that RFC 5861 section 4 calls an error: 500, 502, 503, 504. */
int cache_stale_is_error(int status);

/*
 * What those who wait for a response that was not stored are told: verdict and status say why,
 * is_aborted that its client has gone before the end.
 */
cache_flight_state_e cache_stale_outcome(cache_verdict_e verdict, int status, int is_aborted);

/*
 * Returns 1 while an answer is read on whose client has gone: size bytes of its body have come, of
 * announced ones (-1: it does not say), since the client went alone microseconds ago.
 */
int cache_stale_is_finished_alone(apr_int64_t announced, apr_size_t size,
                                  apr_interval_time_t alone);

#endif
