/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_FRESHNESS_H
#define CACHE_FRESHNESS_H

#include "cache_exchange.h"

/*
 * RFC 9111 section 4.2: how long a response is fresh, how old it is, and what a request makes of
 * that. Pure: the time is an argument (wall clock, microseconds). Any thread.
 */
enum {
    CACHE_LIFE_NO_CACHE = 1u << 0,        /* never used without a successful validation */
    CACHE_LIFE_MUST_REVALIDATE = 1u << 1, /* never used stale */
    CACHE_LIFE_IMMUTABLE =
        1u << 2, /* RFC 8246: a reload need not ask the origin while it is fresh */
    CACHE_LIFE_HEURISTIC = 1u << 3, /* lifetime is a guess of ours */
    CACHE_LIFE_VALIDATOR = 1u << 4, /* it has an ETag or a Last-Modified */
    CACHE_LIFE_RAW = 1u << 5        /* it was stored before the filters of content */
};

/* What of a response's freshness is stored with it. */
typedef struct cache_life_t {
    apr_uint32_t flags;
    apr_int64_t lifetime;               /* seconds, 0 to CACHE_DELTA_MAX */
    apr_time_t received;                /* when the response came */
    apr_interval_time_t initial_age;    /* corrected_initial_age of section 4.2.3 */
    apr_int64_t stale_while_revalidate; /* RFC 5861, seconds; 0 when the response has none */
    apr_int64_t stale_if_error;         /* seconds; CACHE_DELTA_NONE when the response has none */
} cache_life_t;

typedef struct cache_heuristic_t {
    apr_int64_t percent; /* of the time since Last-Modified; 0: no heuristics */
    apr_int64_t longest; /* seconds */
} cache_heuristic_t;

/*
 * Returns 1 when the response itself says how long it is fresh (section 4.2.1), even if it says so
 * wrongly.
 */
int cache_freshness_is_explicit(const cache_exchange_t *exchange);

/*
 * Fills life. Freshness is that of s-maxage, max-age or Expires, in this order; an unreadable or
 * contradicting value is 0. Without any of them heuristic counts (section 4.2.2), for statuses that
 * allow it and requests without Cookie (nobody said that the answer is for all), or where the
 * response is "public".
 */
void cache_freshness_life(cache_life_t *life, const cache_exchange_t *exchange,
                          const cache_heuristic_t *heuristic);

/*
 * Returns 1 when heuristic would make the response fresh for a while, were it not for the request's
 * Cookie.
 */
int cache_freshness_is_withheld(const cache_exchange_t *exchange,
                                const cache_heuristic_t *heuristic);

/* Returns the Date of the response, or when it was received where it has no valid one. */
apr_time_t cache_freshness_date(const apr_table_t *response, apr_time_t received);

/* Returns current_age in whole seconds, 0 to CACHE_DELTA_MAX: what the Age field says. */
apr_int64_t cache_freshness_age(const cache_life_t *life, apr_time_t now);

/* Returns how many whole seconds it stays fresh; 0 or less: stale. What Cache-Status calls ttl. */
apr_int64_t cache_freshness_ttl(const cache_life_t *life, apr_time_t now);

typedef enum {
    CACHE_USE_FRESH,      /* answer with it */
    CACHE_USE_STALE,      /* answer with it: it is stale, and the request allows that (max-stale) */
    CACHE_VALIDATE_STALE, /* ask the origin: it is stale, or may not be used unasked */
    CACHE_VALIDATE_REQUEST /* ask the origin: the request wants that */
} cache_use_e;

/*
 * Decides what a stored response is good for, for a request with these directives (section 5.2.1).
 */
cache_use_e cache_freshness_use(const cache_life_t *life, const cache_directives_t *asked,
                                apr_time_t now);

/* Returns for how long it has been stale; 0 or less: it is fresh. Microseconds. */
apr_interval_time_t cache_freshness_staleness(const cache_life_t *life, apr_time_t now);

/*
 * Returns for how long a store should keep the response: while it is fresh, and then as long as
 * validating it may save its body. Microseconds; 0: no use at all.
 */
apr_interval_time_t cache_freshness_keep(const cache_life_t *life, apr_time_t now);

#endif
