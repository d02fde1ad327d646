/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_HOOKS_H
#define CACHE_HOOKS_H

/* What the hook files of mod_tier_cache share. */

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

#include <webtier/status_provider.h>

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
        *part;               /* a part of the response is stored; else NULL (cache_partial.h) */
    cache_saving_t *saving;  /* while a body is collected; else NULL */
    apr_int64_t announced;   /* its Content-Length; -1: not told */
    int is_raw;              /* what is stored passes the filters of content each time */
    int is_added;            /* the filter is in the chain */
    cache_use_e use;         /* what is found is good for */
    int is_to_revalidate;    /* it is served stale */
    int was_asked;           /* the store has said what it has, or that it has nothing */
    int status;              /* of the origin's answer */
    apr_time_t orphan_until; /* the client has gone, what comes is collected; 0: it has not */
    int is_replaced;         /* by what is stored: the rest of the origin's answer is dropped */
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

/*
 * Makes the state of r and says what kind of request it is (key, method, directives).
 * cache_request.c
 */
cache_request_t *cache_request_make(request_rec *r, const cache_runtime_t *runtime,
                                    apr_size_t max_size);

/*
 * Puts the request's own conditions and ranges back, which validating has replaced. cache_request.c
 */
void cache_request_restore(const cache_request_t *state, request_rec *r);

/* Keeps the request's fields as they are, before any is changed. cache_request.c */
void cache_request_keep_fields(cache_request_t *state, request_rec *r);

/*
 * Replaces the request's conditions by the validators of what was found; state->stored stays NULL
 * where it has none. cache_request.c
 */
void cache_request_validate(cache_request_t *state, request_rec *r);

/*
 * Adds Cache-Status to the answer and the note and variable for the log. word: what the note says.
 * cache_answer.c
 */
void cache_answer_mark(cache_request_t *state, request_rec *r, const char *word);

/*
 * Makes r's answer the stored one: status and fields, or 304 where the request's condition says so.
 * Returns 1 when the body is to be sent. cache_answer.c
 */
int cache_answer_prepare(cache_request_t *state, request_rec *r, const cache_record_t *record,
                         const apr_table_t *fields, const cache_life_t *life);

/* Appends what was found's body, or nothing, and the end of the response to brigade. cache_answer.c
 */
void cache_answer_fill(cache_request_t *state, request_rec *r, int with_body,
                       apr_bucket_brigade *brigade);

/* Returns a bucket of a piece of blob, for r. cache_answer.c */
apr_bucket *cache_answer_bucket(const cache_blob_t *blob, const cache_piece_t *piece,
                                request_rec *r);

/*
 * Returns a bucket of a piece that stays where it is in shared memory; it is copied when it has to
 * wait for its client. cache_bucket.c
 */
apr_bucket *cache_bucket_create(const cache_blob_t *blob, const cache_piece_t *piece,
                                apr_bucket_alloc_t *list);

/* The output filter that stores, validates, invalidates and marks. cache_filter.c */
apr_status_t cache_filter(ap_filter_t *f, apr_bucket_brigade *brigade);

/* Puts the filter into r's chain unless it is there. cache_filter.c */
void cache_filter_add(cache_request_t *state, request_rec *r);

/*
 * What the directives of r's directory say; those of expressions are worked out anew at each call.
 * cache_rules.c
 */
int cache_rules_bypass(request_rec *r);
int cache_rules_no_store(request_rec *r);
cache_policy_t cache_rules_policy(const request_rec *r);

/* Takes the client's wishes out of asked where TierCacheIgnoreClient says so. cache_rules.c */
void cache_rules_forget_wishes(const request_rec *r, cache_directives_t *asked);

/*
 * Makes of r's query what TierCacheQuery says, for the key and for the application. The second is
 * the hook for fixups. cache_key_hooks.c
 */
void cache_key_normalise_query(request_rec *r);
int cache_key_fixup(request_rec *r);

/* Sets *parts to what TierCacheKey adds to the key; 0: it cannot be told. cache_key_hooks.c */
int cache_key_read_parts(request_rec *r, const char **parts);

/*
 * Whether what is stored of r's answer is to pass the filters of content each time; whether r is a
 * part of a page that is cached by itself, and making it ready for that. cache_fragments.c
 */
int cache_fragments_is_raw(const request_rec *r);
int cache_fragments_is_one(const request_rec *r);
void cache_fragments_prepare(request_rec *r);

/*
 * The application has begun to answer r; verdict: what comes of its answer. cache_top_hooks.c
 */
void cache_top_note(const cache_request_t *state, const request_rec *r, cache_verdict_e verdict);

/* Adds the list to the status page's tree. cache_top_hooks.c */
void cache_top_report(cache_top_t *top, tier_status_node_t *root, apr_pool_t *pool);

/*
 * Returns the tags of a response, a text of cache_tags_text from pool, "" where nobody may
 * purge; NULL: more than can be kept. cache_purge_hooks.c
 */
char *cache_purge_tags_of(const cache_request_t *state, const apr_table_t *response,
                          apr_pool_t *pool);

/*
 * Returns 0 when what was found was purged on this box; makes it stale where the purge was soft.
 * cache_purge_hooks.c
 */
int cache_purge_spares(cache_request_t *state);

/*
 * Completes the tags of what is about to be saved. Returns 1 when a purge has come since it was
 * asked for. May wait for memcached. cache_purge_hooks.c
 */
int cache_purge_overtook(cache_request_t *state, apr_pool_t *pool);

/* Takes the fields with tags out of r's answer where TierCacheTagsStrip says so.
 * cache_purge_hooks.c */
void cache_purge_strip_tags(request_rec *r);

/* Returns 1 for PURGE, and answers it. cache_purge_hooks.c */
int cache_purge_is_wanted(const request_rec *r);
int cache_purge_handle(request_rec *r);

/* Adds what is known of purges to the status page's tree. cache_purge_hooks.c */
void cache_purge_report(const cache_purge_t *purge, tier_status_node_t *root, apr_pool_t *pool);

/* stale-if-error: whether r's answer is replaced by what is stored, and doing so. cache_fallback.c
 */
int cache_fallback_is_wanted(const cache_request_t *state, const request_rec *r);
apr_status_t cache_fallback_serve(cache_request_t *state, ap_filter_t *f,
                                  apr_bucket_brigade *brigade);

/* The input filter on connections to backends. cache_expires.c */
apr_status_t cache_expires_filter(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                  apr_read_type_e block, apr_off_t bytes);

/* The hooks. cache_hooks.c */
int cache_hooks_quick_handler(request_rec *r, int is_lookup);
int cache_hooks_handler(request_rec *r);
void cache_hooks_insert_error_filter(request_rec *r);

#endif
