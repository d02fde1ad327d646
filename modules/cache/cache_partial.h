/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PARTIAL_H
#define CACHE_PARTIAL_H

/*
 * 206 answers (RFC 9111 sections 3.3 and 3.4): one contiguous part of a representation is stored
 * under its key, with status 206, until it is whole. Parts are combined only where they have the
 * same strong entity tag. A request's later range that is within it is served from it; for the
 * whole the origin is asked for what is missing, and the client gets both as one 200. One thread,
 * that of the request.
 */
#include "cache_hooks.h"
#include "cache_range.h"

typedef struct cache_partial_t {
    cache_found_t found;   /* released with the request */
    apr_table_t *fields;   /* the stored ones */
    const char *etag;      /* a strong one, or NULL */
    cache_range_t range;   /* what is stored */
    cache_range_t wanted;  /* what the request wants of it: is_served */
    cache_range_t missing; /* what the origin is asked for: completes */
    int is_served;
    int completes;
    int is_appending;   /* the stored part goes behind what the origin sends */
    cache_range_t sent; /* what a 206 of the origin has: is_stored */
    int is_stored;      /* it is being stored together with this part */
} cache_partial_t;

/*
 * A part was found: takes it out of state->found. Returns 1 when it answers the request, else
 * prepares the request for the origin.
 */
int cache_partial_look(cache_request_t *state, request_rec *r);

/* Makes r's answer the range that it asks for, and appends it to brigade. */
void cache_partial_answer(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade);

/*
 * The origin has answered a request for what is missing. A 206 that fits becomes a 200, whose
 * brigades go through cache_partial_append each. Returns 0 for one that does not.
 */
int cache_partial_complete(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade);
void cache_partial_append(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade);

/* Returns 1 when a 206 with these fields, that goes to its client as it is, may be stored. */
int cache_partial_may_store(cache_request_t *state, const request_rec *r,
                            const apr_table_t *fields);

/*
 * Opens saving for it, and for what is stored already where the two are combined. Returns as
 * cache_filter_open_saving.
 */
cache_verdict_e cache_partial_open(cache_request_t *state, cache_saving_t *saving,
                                   apr_table_t *fields, apr_pool_t *pool);

/* The 206 has come to its end: adds what is stored behind it. Returns as cache_vault_append. */
apr_status_t cache_partial_add_rest(cache_request_t *state);

#endif
