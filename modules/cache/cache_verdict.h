/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_VERDICT_H
#define CACHE_VERDICT_H

#include "cache_freshness.h"

/* Why a response is not stored. The order is that of the counters in shared memory. */
typedef enum {
    CACHE_STORABLE,
    CACHE_REFUSED_METHOD,  /* not a GET */
    CACHE_REFUSED_REQUEST, /* the request says no-store, or is one that is not understood here
                              (body, If-Match) */
    CACHE_REFUSED_STATUS,  /* not final, partial, or must-understand with a status unknown here */
    CACHE_REFUSED_NO_STORE,
    CACHE_REFUSED_PRIVATE,
    CACHE_REFUSED_AUTHORIZATION, /* RFC 9111 section 3.5 */
    CACHE_REFUSED_SET_COOKIE,    /* and nothing says that it is meant for everybody */
    CACHE_REFUSED_VARY,          /* "*" */
    CACHE_REFUSED_NO_FRESHNESS,  /* no explicit lifetime, no heuristic one */
    CACHE_REFUSED_EXPIRED, /* a lifetime of 0 (or none readable) and nothing to validate it by */
    CACHE_REFUSED_TOO_LARGE,
    CACHE_REFUSED_INCOMPLETE, /* the body broke off, or its length is not what was announced */
    CACHE_REFUSED_STORE,      /* the store could not take it */
    CACHE_REFUSED_RULE,       /* TierCacheNoStore */
    CACHE_REFUSED_TAGS,       /* more tags than can be kept: it could not be purged by them all */
    CACHE_REFUSED_PURGED,     /* it was purged while it was on its way */
    CACHE_REFUSED_COOKIE, /* no explicit lifetime, and none is guessed for the request's Cookie */
    CACHE_VERDICTS
} cache_verdict_e;

/*
 * Returns the verdict's name: a token for Cache-Status' detail, the log and counters. A constant.
 */
const char *cache_verdict_name(cache_verdict_e verdict);

/*
 * RFC 9111 section 3, for a shared cache, before the body is known. CACHE_STORABLE, or the first
 * reason why not. life is what cache_freshness_life makes of the exchange and heuristic; where a
 * response without explicit freshness is given none by a heuristic, it is not stored. Any thread.
 */
cache_verdict_e cache_verdict_of(const cache_exchange_t *exchange, const cache_life_t *life,
                                 const cache_heuristic_t *heuristic);

/*
 * Returns 1 when what a response's fields say of cookies is for all: it sets none, or says with
 * them (told) that it is to be shared, or that the field is not to be stored. Any thread.
 */
int cache_verdict_shares_cookies(const apr_table_t *response, const cache_directives_t *told);

#endif
