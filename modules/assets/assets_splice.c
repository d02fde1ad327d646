/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_splice.h"

#include "assets_edit.h"

#include <string.h>

void assets_splice_init(assets_splice_t *splice, apr_pool_t *pool, apr_bucket_alloc_t *alloc)
{
    splice->held = apr_brigade_create(pool, alloc);
    splice->out = apr_brigade_create(pool, alloc);
    splice->begin = splice->size = 0;
    splice->buckets = 0;
}

static void put_out(assets_splice_t *splice, apr_bucket *bucket)
{
    splice->size += (apr_off_t)bucket->length;
    splice->buckets++;
    APR_BRIGADE_INSERT_TAIL(splice->out, bucket);
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
            put_out(splice, bucket);
        }
    }
    return APR_SUCCESS;
}

/* Edits that stand so close together that they and what is between them become one new bucket. */
typedef struct run_t {
    const assets_edit_t *edits;
    int count;
    apr_off_t from, to; /* of the stream */
    apr_size_t size;    /* of what takes its place */
} run_t;

/* Where in what is held the copying is. */
typedef struct cursor_t {
    apr_bucket *bucket;
    apr_off_t begin; /* of the stream: where the bucket begins */
    apr_off_t at;
} cursor_t;

/* Returns the next run of those count edits; what is held goes up to safe. */
static run_t find_run(const assets_splice_t *splice, const assets_edit_t *edits, int count,
                      apr_off_t safe)
{
    run_t run = {edits, 0, splice->begin, splice->begin, 0};

    if (edits->at - run.from > ASSETS_SPLICE_SHORT)
        run.from = run.to = edits->at;
    for (; run.count < count && edits[run.count].at - run.to <= ASSETS_SPLICE_SHORT; run.count++) {
        const assets_edit_t *edit = &edits[run.count];

        run.size += (apr_size_t)(edit->at - run.to) + edit->size;
        run.to = edit->at + (apr_off_t)edit->cut;
    }
    if (run.count == count && safe - run.to <= ASSETS_SPLICE_SHORT) {
        run.size += (apr_size_t)(safe - run.to);
        run.to = safe;
    }
    return run;
}

/* Copies up to offset to *to, and moves that. */
static apr_status_t copy(const assets_splice_t *splice, cursor_t *cursor, char **to,
                         apr_off_t offset)
{
    while (cursor->at < offset) {
        const char *data;
        apr_size_t size;
        apr_off_t skipped = cursor->at - cursor->begin;
        apr_status_t rv;

        if (cursor->bucket == APR_BRIGADE_SENTINEL(splice->held))
            return APR_EGENERAL;
        rv = apr_bucket_read(cursor->bucket, &data, &size, APR_BLOCK_READ);
        if (rv != APR_SUCCESS)
            return rv;
        if ((apr_off_t)size <= skipped) {
            cursor->begin += (apr_off_t)size;
            cursor->bucket = APR_BUCKET_NEXT(cursor->bucket);
            continue;
        }
        size -= (apr_size_t)skipped;
        if ((apr_off_t)size > offset - cursor->at)
            size = (apr_size_t)(offset - cursor->at);
        memcpy(*to, data + skipped, size);
        *to += size;
        cursor->at += (apr_off_t)size;
    }
    return APR_SUCCESS;
}

static apr_status_t write_run(assets_splice_t *splice, const run_t *run, char *to)
{
    cursor_t cursor = {APR_BRIGADE_FIRST(splice->held), splice->begin, run->from};
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < run->count && rv == APR_SUCCESS; i++) {
        rv = copy(splice, &cursor, &to, run->edits[i].at);
        if (run->edits[i].size > 0)
            memcpy(to, run->edits[i].text, run->edits[i].size);
        to += run->edits[i].size;
        cursor.at += (apr_off_t)run->edits[i].cut;
    }
    return rv == APR_SUCCESS ? copy(splice, &cursor, &to, run->to) : rv;
}

static apr_status_t put_run(assets_splice_t *splice, const run_t *run)
{
    apr_bucket_alloc_t *alloc = splice->out->bucket_alloc;
    char *data = apr_bucket_alloc(run->size, alloc);
    apr_status_t rv = write_run(splice, run, data);

    if (rv == APR_SUCCESS) {
        put_out(splice, apr_bucket_heap_create(data, run->size, apr_bucket_free, alloc));
    } else {
        apr_bucket_free(data);
    }
    return rv;
}

static apr_status_t apply(assets_splice_t *splice, const run_t *run)
{
    apr_status_t rv = take(splice, run->from, 0);

    if (rv == APR_SUCCESS && run->size > 0)
        rv = put_run(splice, run);
    return rv == APR_SUCCESS ? take(splice, run->to, 1) : rv;
}

apr_status_t assets_splice_apply(assets_splice_t *splice, const apr_array_header_t *edits,
                                 apr_off_t safe)
{
    int count = edits ? edits->nelts : 0;

    for (int i = 0; i < count;) {
        run_t run = find_run(splice, &APR_ARRAY_IDX(edits, i, assets_edit_t), count - i, safe);
        apr_status_t rv = apply(splice, &run);

        if (rv != APR_SUCCESS)
            return rv;
        i += run.count;
    }
    return take(splice, safe, 0);
}
