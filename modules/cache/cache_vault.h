/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_VAULT_H
#define CACHE_VAULT_H

#include "cache_buffer.h"
#include "cache_status_field.h"
#include "cache_store.h"

/*
 * Responses in a store: finding the variant that a request selects, and putting a response where
 * such a request finds it. Under a URI's key there is either one response, for all requests, or a
 * list of variants, which are under keys made from the list's generation and a selector
 * (cache_vary.h). Any thread; the time is an argument.
 */
typedef struct cache_found_t {
    cache_record_t record; /* valid when found; its body may only be had by cache_vault_pieces */
    cache_blob_t blob;     /* what record points into; cache_vault_release when done */
    const char *variant;   /* listed: the key of the variant that was looked for first; else NULL */
    int listed;            /* 1: there is a list of variants under the key */
    cache_id_t id;         /* of the key that was looked for last: */
    const char *id_of;     /* that very pointer, so that nobody hashes it again */
    int corrupt; /* 1: bytes were found that are no record of this key, and taken for nothing */
} cache_found_t;

/*
 * Looks for a response under key (its whole text, cache_key_make) that a request with these header
 * fields selects. extra: what keeps responses apart besides, NULL: nothing; what was stored with
 * another one, or without, is not found. APR_SUCCESS; APR_NOTFOUND (found->listed tells a missing
 * variant from a missing URI); else the store's error.
 */
apr_status_t cache_vault_find(cache_found_t *found, cache_store_t *store, const char *key,
                              const char *extra, const apr_table_t *request, apr_pool_t *pool);

/* The same, into what an earlier look-up of this request has filled, and was released. */
apr_status_t cache_vault_find_again(cache_found_t *found, cache_store_t *store, const char *key,
                                    const char *extra, const apr_table_t *request,
                                    apr_pool_t *pool);

/* Gives back what find holds. Harmless when it found nothing. */
void cache_vault_release(cache_found_t *found);

/*
 * Sets *pieces to where the body is, one behind the other, and returns how many there are: bytes of
 * found, which stay until it is released; *whole is used for a body in one piece.
 */
int cache_vault_pieces(const cache_found_t *found, const cache_piece_t **pieces,
                       cache_piece_t *whole);

/*
 * A response on its way into a store: made by begin, filled by append as the body comes, ended by
 * save or drop.
 */
typedef struct cache_saving_t {
    const char *key;            /* of the URI; set by the caller, like all down to headers */
    const char *extra;          /* as of cache_vault_find */
    const apr_table_t *request; /* the fields that Vary may name */
    int listed;                 /* of cache_found_t */
    const cache_id_t *id;       /* of key; NULL: to be made of it */
    int status;
    const char *status_line;
    cache_life_t life;
    const apr_table_t *headers; /* to be stored (cache_headers_storable) */
    char *tags;                 /* cache_tags_text; its epochs may change until save */
    const char *names;          /* the rest is begin's */
    const char *selector;
    apr_size_t head_size;
    cache_buffer_t buffer;
    apr_pool_t *pool;
} cache_saving_t;

/*
 * Prepares saving for a body of expected bytes (a guess where it is not known), at most limit
 * bytes, in a store that takes records of at most largest bytes. Errors: APR_ENOSPC (expected, or
 * the fields, are too much), APR_ENOMEM, APR_EINVAL ("Vary: *", or by Accept-Encoding with an
 * unusual coding).
 */
apr_status_t cache_vault_begin(cache_saving_t *saving, apr_size_t expected, apr_size_t limit,
                               apr_size_t largest, apr_pool_t *pool);

/* Adds a part of the body. APR_ENOSPC: it is too large by now; saving is dropped. */
apr_status_t cache_vault_append(cache_saving_t *saving, const char *data, apr_size_t size);

/* Adds the whole body of what was found. The same. */
apr_status_t cache_vault_append_found(cache_saving_t *saving, const cache_found_t *found);

/* Returns how many bytes of body there are. */
apr_size_t cache_vault_body_size(const cache_saving_t *saving);

/*
 * Stores what was collected, and the list of variants where it changes, then drops saving. Errors:
 * the store's.
 */
apr_status_t cache_vault_save(cache_saving_t *saving, cache_store_t *store, apr_time_t now);

/* Frees what was collected. Harmless when that was done. */
void cache_vault_drop(cache_saving_t *saving);

/* Makes everything under key, all variants, unfindable. Errors: the store's. */
apr_status_t cache_vault_remove(cache_store_t *store, const char *key);

/*
 * Makes everything under key that is there now, all variants, stale as of now (wall clock). Errors:
 * the store's; APR_SUCCESS also when there is nothing. What is removed by somebody else at the same
 * moment stays removed where the store can tell (put_unless), else it may be there again, as stale.
 */
apr_status_t cache_vault_soften(cache_store_t *store, const char *key, apr_time_t now,
                                apr_pool_t *pool);

#endif
