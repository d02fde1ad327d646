/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_HOOKS_H
#define CACHE_HOOKS_H

/* What the hook files of mod_tier_cache share. */

#include "cache_request.h"

#include <webtier/status_provider.h>

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

/* Tells the answers under way, and other boxes where purges are on, that key is about to be
 * removed. May wait for memcached. cache_purge_hooks.c */
void cache_purge_announce(const cache_runtime_t *runtime, const char *key);

/*
 * To be called when an answer has been saved: returns 1 when its URL was purged, on any box, since
 * it was asked for; it is gone, or stale, then. May wait for memcached. cache_purge_hooks.c
 */
int cache_purge_undid(const cache_request_t *state, apr_pool_t *pool);

/* Takes the fields with tags out of r's answer where TierCacheTagsStrip says so.
 * cache_purge_hooks.c */
void cache_purge_strip_tags(request_rec *r);

/* Returns 1 for PURGE, and answers it. cache_purge_hooks.c */
int cache_purge_is_wanted(const request_rec *r);
int cache_purge_handle(request_rec *r);

/* Adds what is known of purges to the status page's tree. cache_purge_hooks.c */
void cache_purge_report(const cache_purge_t *purge, tier_status_node_t *root, apr_pool_t *pool);

/* The input filter on connections to backends. cache_expires.c */
apr_status_t cache_expires_filter(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                  apr_read_type_e block, apr_off_t bytes);

/*
 * Decides for each server of the list that wants it (TierCacheQuick auto) whether hits may be
 * served at once, and logs why not. For post_config; from pool. cache_certain.c
 */
void cache_certain_decide(server_rec *main_server, apr_pool_t *pool);

/* Returns 1 when a hit may be served before anything is known of r but its URL. cache_certain.c */
int cache_certain_is(const request_rec *r);

/* The hooks. cache_hooks.c */
int cache_hooks_quick_handler(request_rec *r, int is_lookup);
int cache_hooks_handler(request_rec *r);
void cache_hooks_insert_error_filter(request_rec *r);

#endif
