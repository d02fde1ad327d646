/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_splice.h"

#include "assets_edit.h"

void assets_splice_init(assets_splice_t *splice, apr_pool_t *pool, apr_bucket_alloc_t *alloc)
{
    splice->held = apr_brigade_create(pool, alloc);
    splice->out = apr_brigade_create(pool, alloc);
    splice->begin = 0;
}

/* Takes the held bytes before offset away: to out, or (is_cut) for good. */
static apr_status_t take(assets_splice_t *splice, apr_off_t offset, int is_cut)
{
    while (splice->begin < offset) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(splice->held);
        apr_off_t wanted = offset - splice->begin;

        if (bucket == APR_BRIGADE_SENTINEL(splice->held))
            return APR_EGENERAL;
        if ((apr_off_t)bucket->length > wanted) {
            apr_status_t rv = apr_bucket_split(bucket, (apr_size_t)wanted);

            if (rv != APR_SUCCESS)
                return rv;
        }
        splice->begin += (apr_off_t)bucket->length;
        if (is_cut) {
            apr_bucket_delete(bucket);
        } else {
            APR_BUCKET_REMOVE(bucket);
            APR_BRIGADE_INSERT_TAIL(splice->out, bucket);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t apply(assets_splice_t *splice, const assets_edit_t *edit)
{
    apr_status_t rv = take(splice, edit->at, 0);

    if (rv == APR_SUCCESS)
        rv = take(splice, edit->at + (apr_off_t)edit->cut, 1);
    if (rv == APR_SUCCESS && edit->size > 0)
        APR_BRIGADE_INSERT_TAIL(splice->out, apr_bucket_heap_create(edit->text, edit->size, NULL,
                                                                    splice->out->bucket_alloc));
    return rv;
}

apr_status_t assets_splice_apply(assets_splice_t *splice, const apr_array_header_t *edits,
                                 apr_off_t safe)
{
    for (int i = 0; edits && i < edits->nelts; i++) {
        apr_status_t rv = apply(splice, &APR_ARRAY_IDX(edits, i, assets_edit_t));

        if (rv != APR_SUCCESS)
            return rv;
    }
    return take(splice, safe, 0);
}
