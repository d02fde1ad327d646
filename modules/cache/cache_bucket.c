/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket type for bodies that stay in shared memory while they are sent. Buckets of one record
 * belong to one request, and are used and destroyed by one thread at a time.
 */
#include "cache_hooks.h"

typedef struct in_place_t {
    apr_bucket_refcount refcount; /* first, as apr_bucket_shared_make wants it */
    const char *data;
    void (*release)(void *baton);
    void *baton;
} in_place_t;

static void destroy(void *data)
{
    in_place_t *piece = data;

    if (apr_bucket_shared_destroy(piece)) {
        piece->release(piece->baton);
        apr_bucket_free(piece);
    }
}

static apr_status_t read_piece(apr_bucket *bucket, const char **data, apr_size_t *size,
                               apr_read_type_e block)
{
    const in_place_t *piece = bucket->data;

    (void)block;
    *data = piece->data + bucket->start;
    *size = bucket->length;
    return APR_SUCCESS;
}

/* A slow client must not keep the memory: what waits for it is a copy. */
static apr_status_t set_aside(apr_bucket *bucket, apr_pool_t *pool)
{
    in_place_t *piece = bucket->data;

    (void)pool;
    if (!apr_bucket_heap_make(bucket, piece->data + bucket->start, bucket->length, NULL))
        return APR_ENOMEM;
    destroy(piece);
    return APR_SUCCESS;
}

static const apr_bucket_type_t type = {
    "TIER_CACHE", 5,         APR_BUCKET_DATA,         destroy,
    read_piece,   set_aside, apr_bucket_shared_split, apr_bucket_shared_copy};

apr_bucket *cache_bucket_create(const cache_blob_t *blob, const cache_piece_t *piece,
                                apr_bucket_alloc_t *list)
{
    apr_bucket *bucket = apr_bucket_alloc(sizeof(*bucket), list);
    in_place_t *in_place = apr_bucket_alloc(sizeof(*in_place), list);

    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = list;
    in_place->data = (const char *)piece->data;
    in_place->release = blob->release;
    in_place->baton = blob->baton;
    blob->hold(blob->baton);
    bucket = apr_bucket_shared_make(bucket, in_place, 0, piece->size);
    bucket->type = &type;
    return bucket;
}
