/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_FILTER_H
#define CACHE_FILTER_H

/*
 * What the files share that see the origin's answer pass: cache_filter.c, which collects it, and
 * cache_renew.c. One thread, that of the request.
 */
#include "cache_hooks.h"

/* Returns all fields of the answer as the client would get them, from r->pool. */
apr_table_t *cache_filter_fields(request_rec *r);

/* Returns request and answer as the rules see them; fields and told are the answer's, and stay. */
cache_exchange_t cache_filter_exchange(const cache_request_t *state, const request_rec *r,
                                       const apr_table_t *fields, const cache_directives_t *told);

/* Gives fields a Date where they have none (RFC 9110 section 6.6.1). received: wall clock. */
void cache_filter_add_date(apr_table_t *fields, apr_time_t received, apr_pool_t *pool);

/*
 * Returns a saving, from pool, of what exchange is about; life: what cache_freshness_life says of
 * it; line: the status line. Not open yet.
 */
cache_saving_t *cache_filter_make_saving(const cache_request_t *state,
                                         const cache_exchange_t *exchange, const cache_life_t *life,
                                         const char *line, apr_table_t *fields, apr_pool_t *pool);

/* Opens saving for expected bytes and makes it the state's. Returns CACHE_STORABLE, or why not. */
cache_verdict_e cache_filter_open_saving(cache_request_t *state, cache_saving_t *saving,
                                         apr_size_t expected, apr_pool_t *pool);

/* Stores what was collected. */
void cache_filter_finish(cache_request_t *state, request_rec *r);

/* Collects no more; those who wait are told. */
void cache_filter_refuse(cache_request_t *state, cache_verdict_e why);

/*
 * Pass brigade on: the second one is for one that ends a complete answer, which is stored then.
 * Errors: those of the filters behind.
 */
apr_status_t cache_filter_pass(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade);
apr_status_t cache_filter_pass_and_finish(cache_request_t *state, ap_filter_t *f,
                                          apr_bucket_brigade *brigade);

/*
 * Passes brigade on, and what was kept before it; or keeps it where somebody waits for the answer
 * and the client is slow. Errors: those of the filters behind. cache_hold.c
 */
apr_status_t cache_hold_pass(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade);

/*
 * Returns 1 when brigade is kept for now; else all that was kept before is in front of it.
 * cache_gather.c
 */
int cache_gather(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade);

/* Returns 1 when passing r's answer on may take longer than others are to wait. cache_hold.c */
int cache_hold_is_slow(const cache_request_t *state, const request_rec *r);

/*
 * RFC 9111 section 4.3.4: f's answer, a 304, confirms what is stored; the client gets the stored
 * body under the renewed fields. cache_renew.c
 */
apr_status_t cache_renew_confirmed(cache_request_t *state, ap_filter_t *f,
                                   apr_bucket_brigade *brigade);

/*
 * Section 4.3.5: fresh are the fields of the 200 that a HEAD was answered with. They update the
 * stored GET response, or end it where they do not describe it. cache_renew.c
 */
void cache_renew_by_head(cache_request_t *state, request_rec *r, apr_table_t *fresh);

/*
 * Collects what brigade carries into state->saving, which ends where it turns out too large or
 * broken, and judges what has come to its end. Returns 1 when the body is complete and may be
 * stored.
 */
int cache_filter_collect(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade);

/*
 * The client of an answer that is being collected has gone. Returns 1 when the rest goes to
 * cache_orphan_take from now on, and whoever makes the answer is to go on. cache_orphan.c
 */
int cache_orphan_adopt(cache_request_t *state, request_rec *r);
apr_status_t cache_orphan_take(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade);

/* Deletes brigade's buckets of this type; returns 1 when there were some. cache_hold.c */
int cache_filter_drop(apr_bucket_brigade *brigade, const apr_bucket_type_t *type);

#endif
