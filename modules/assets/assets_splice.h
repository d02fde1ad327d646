/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SPLICE_H
#define ASSETS_SPLICE_H

#include <apr_buckets.h>

/*
 * Edits a stream of buckets without copying what stays: buckets are split around each edit. One
 * thread.
 */
typedef struct assets_splice_t {
    apr_bucket_brigade *held; /* what may still be edited */
    apr_off_t begin;          /* of the stream: where held begins */
    apr_bucket_brigade *out;  /* what is done; the caller takes it */
} assets_splice_t;

/* Makes an empty one for a stream. */
void assets_splice_init(assets_splice_t *splice, apr_pool_t *pool, apr_bucket_alloc_t *alloc);

/* Makes edits (of assets_edit_t; NULL: none), and moves all before safe to out. Errors: what
 * splitting buckets gives. */
apr_status_t assets_splice_apply(assets_splice_t *splice, const apr_array_header_t *edits,
                                 apr_off_t safe);

#endif
