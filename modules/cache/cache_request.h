/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_REQUEST_H
#define CACHE_REQUEST_H

/*
 * What one process caches with, and what it knows of one request: the state that the hooks and
 * filters of mod_tier_cache hand on to each other. One thread, that of the request.
 */

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <util_filter.h>

#include "cache_config.h"
#include "cache_counters.h"
#include "cache_directory.h"
#include "cache_epochs.h"
#include "cache_freshness.h"
#include "cache_herd.h"
#include "cache_policy.h"
#include "cache_top.h"
#include "cache_vault.h"

#include "glue.h"

extern module AP_MODULE_DECLARE_DATA tier_cache_module;

#define CACHE_NAME "webtier" /* in Cache-Status */

/* What one process caches with. NULL pointers: it could not be had, and nothing is cached. */
typedef struct cache_runtime_t {
    cache_store_t *store;
    cache_counters_t *counters;
    ap_filter_rec_t *filter;
    ap_filter_rec_t *raw_filter; /* the same before mod_include */
    ap_filter_rec_t *expires;    /* of connections to backends */
    cache_herd_t *herd;
    cache_top_t *top;       /* the URLs that cost the application most */
    cache_purge_t *purge;   /* NULL: nobody may purge, nothing is kept for it */
    cache_epochs_t *epochs; /* NULL: as purge, or no memcached */
} cache_runtime_t;

/* Returns this process's runtime. Set up before its first request, unchanged after. */
const cache_runtime_t *cache_runtime(void);

typedef struct cache_request_t cache_request_t;

/*
 * What is known of one request of an enabled virtual host; lives in r->pool, found by
 * cache_request_of.
 */
struct cache_request_t {
    const cache_runtime_t *runtime;
    apr_size_t max_size;
    cache_method_e method;
    cache_key_parts_t parts;
    const char *key;     /* NULL: this request has none, nothing is looked up or stored */
    apr_table_t *fields; /* the request's header fields as they were at the look-up */
    cache_directives_t asked;
    const char *key_extra; /* what TierCacheKey adds; NULL: nothing */
    int may_store; /* 0: a body, a precondition for the origin: its answer is not everybody's */
    cache_status_field_t answer; /* what Cache-Status will say */
    apr_time_t requested;        /* when the request was let through to the origin */
    apr_time_t requested_at;     /* the same, tier_clock_now() */
    cache_found_t found;
    apr_table_t *stored; /* the stored response's fields while it is being validated; else NULL */
    struct cache_partial_t
        *part;                /* a part of the response is stored; else NULL (cache_partial.h) */
    cache_saving_t *saving;   /* while a body is collected; else NULL */
    apr_int64_t announced;    /* its Content-Length; -1: not told */
    int is_raw;               /* what is stored passes the filters of content each time */
    int is_added;             /* the filter is in the chain */
    cache_use_e use;          /* what is found is good for */
    int is_to_revalidate;     /* it is served stale */
    int is_shared;            /* what is brought can be kept for those who wait: the store answers,
                                 or there is a first level in front of it */
    int status;               /* of the origin's answer */
    apr_time_t orphan_since;  /* the client has gone, what comes is collected; 0: it has not */
    apr_bucket_brigade *held; /* what the client is too slow for; NULL: nothing was */
    apr_bucket_brigade *gathered; /* what goes with more of the answer; NULL: nothing was */
    int is_replaced; /* by what is stored: the rest of the origin's answer is dropped */
    int is_over;     /* the client has its answer, of this status: so is httpd's own error page */
    int sent_status;
    cache_herd_request_t herd;
    cache_stale_defaults_t stale_defaults;
    cache_heuristic_t heuristic;
    const server_rec *server;
    conn_rec *connection;
    int is_answered; /* the filter has seen the response */
};

/*
 * Returns the state of the request that r belongs to by internal redirects; NULL when the cache has
 * none.
 */
cache_request_t *cache_request_of(const request_rec *r);

/* Makes the state of r and says what kind of request it is (key, method, directives). */
cache_request_t *cache_request_make(request_rec *r, const cache_runtime_t *runtime,
                                    apr_size_t max_size);

/* Puts the request's own conditions and ranges back, which validating has replaced. */
void cache_request_restore(const cache_request_t *state, request_rec *r);

/* Keeps the request's fields as they are, before any is changed. */
void cache_request_keep_fields(cache_request_t *state, request_rec *r);

/*
 * Replaces the request's conditions by the validators of what was found; state->stored stays NULL
 * where it has none.
 */
void cache_request_validate(cache_request_t *state, request_rec *r);

#endif
