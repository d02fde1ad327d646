/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SPLICE_H
#define ASSETS_SPLICE_H

#include <apr_buckets.h>

/*
 * Edits a stream of buckets. What stays is moved as it is where there is much of it; short
 * stretches between edits are copied with what is put in, as that costs less than splitting buckets
 * and sending many small ones. One thread.
 */
typedef struct assets_splice_t {
    apr_bucket_brigade *held; /* what may still be edited; in memory */
    apr_off_t begin;          /* of the stream: where held begins */
    apr_bucket_brigade *out;  /* what is done; the caller takes it */
    apr_off_t size;           /* bytes put into out since the caller set this to 0 */
    apr_size_t buckets;       /* the same, buckets */
} assets_splice_t;

/* Up to so many bytes are a short stretch. */
#define ASSETS_SPLICE_SHORT ((apr_off_t)4096)

/* Makes an empty one for a stream. */
void assets_splice_init(assets_splice_t *splice, apr_pool_t *pool, apr_bucket_alloc_t *alloc);

/* Makes edits (of assets_edit_t; NULL: none), and moves all before safe to out. Errors: what
 * reading and splitting buckets gives. */
apr_status_t assets_splice_apply(assets_splice_t *splice, const apr_array_header_t *edits,
                                 apr_off_t safe);

#endif
