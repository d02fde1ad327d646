/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_STATUS_FIELD_H
#define CACHE_STATUS_FIELD_H

#include <apr_pools.h>

/* The Cache-Status response field (RFC 9211): how one answer came about. */
typedef enum {
    CACHE_FWD_NONE, /* nothing was forwarded */
    CACHE_FWD_BYPASS,
    CACHE_FWD_METHOD,
    CACHE_FWD_URI_MISS,
    CACHE_FWD_VARY_MISS,
    CACHE_FWD_REQUEST,
    CACHE_FWD_STALE,
    CACHE_FWD_PARTIAL,
    CACHE_FWDS
} cache_fwd_e;

typedef struct cache_status_field_t {
    int hit;
    cache_fwd_e fwd;
    int collapsed;  /* 1: another request's forwarding served it (fwd) */
    int fwd_status; /* what the origin answered, where the client sees another status; 0: left out
                     */
    int has_ttl;
    apr_int64_t ttl;    /* seconds of freshness left; negative: stale since */
    int stored;         /* 1: it is in the store now; 0 says nothing */
    const char *detail; /* a token, or NULL */
} cache_status_field_t;

/* Returns the value of fwd, a token of section 2.2; a constant. */
const char *cache_status_field_fwd(cache_fwd_e fwd);

/* Returns the member for cache (a token), "webtier; hit; ttl=30", from pool. Any thread. */
const char *cache_status_field_text(const cache_status_field_t *field, const char *cache,
                                    apr_pool_t *pool);

#endif
