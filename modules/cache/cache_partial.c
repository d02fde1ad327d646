/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_partial.h"
#include "cache_conditional.h"
#include "cache_filter.h"

#include <http_protocol.h>

#include <apr_strings.h>

/* Returns the ETag when parts may be combined by it, else NULL. */
static const char *strong_tag(const apr_table_t *fields)
{
    const char *etag = apr_table_get(fields, "ETag");

    return etag && cache_conditional_strong_match(etag, etag) ? etag : NULL;
}

/* Without a strong tag parts of two answers may be of two representations. */
static int is_same(const apr_table_t *fields, const cache_partial_t *part)
{
    const char *etag = strong_tag(fields);

    return etag && part->etag && cache_conditional_strong_match(etag, part->etag);
}

static apr_status_t release(void *found)
{
    cache_vault_release(found);
    return APR_SUCCESS;
}

/* Takes what was found out of the state; NULL when it is no part that can be worked with. */
static cache_partial_t *take(cache_request_t *state, request_rec *r)
{
    cache_partial_t *part = apr_pcalloc(r->pool, sizeof(*part));
    const cache_record_t *record = &part->found.record;

    part->found = state->found;
    memset(&state->found.blob, 0, sizeof(state->found.blob));
    apr_pool_cleanup_register(r->pool, &part->found, release, apr_pool_cleanup_null);
    part->fields = apr_table_make(r->pool, (int)record->field_count);
    cache_record_add_fields(record, part->fields);
    part->etag = strong_tag(part->fields);
    if (!cache_range_parse_content(&part->range, apr_table_get(part->fields, "Content-Range")) ||
        cache_range_size(&part->range) != (apr_int64_t)record->body_size)
        return NULL;
    return part;
}

static int is_usable(const cache_request_t *state, const cache_partial_t *part)
{
    cache_use_e use = cache_freshness_use(&part->found.record.life, &state->asked, apr_time_now());

    return use == CACHE_USE_FRESH || use == CACHE_USE_STALE;
}

static int has_condition(const apr_table_t *fields)
{
    return apr_table_get(fields, "If-None-Match") || apr_table_get(fields, "If-Modified-Since");
}

static int answers(const cache_request_t *state, cache_partial_t *part)
{
    const char *if_range = apr_table_get(state->fields, "If-Range");

    if (state->method != CACHE_METHOD_GET || has_condition(state->fields) ||
        (if_range && !(part->etag && cache_conditional_strong_match(if_range, part->etag))))
        return 0;
    return cache_range_parse_request(&part->wanted, apr_table_get(state->fields, "Range"),
                                     part->range.total) &&
           cache_range_covers(&part->range, &part->wanted) && is_usable(state, part);
}

static int can_be_completed(const cache_request_t *state, cache_partial_t *part)
{
    return part->etag && state->method == CACHE_METHOD_GET && !has_condition(state->fields) &&
           !apr_table_get(state->fields, "Range") &&
           cache_range_missing(&part->missing, &part->range);
}

static void ask_for_missing(const cache_partial_t *part, request_rec *r)
{
    apr_table_setn(r->headers_in, "Range",
                   apr_psprintf(r->pool, "bytes=%" APR_INT64_T_FMT "-%" APR_INT64_T_FMT,
                                part->missing.first, part->missing.last));
    apr_table_setn(r->headers_in, "If-Range", part->etag);
}

int cache_partial_look(cache_request_t *state, request_rec *r)
{
    cache_partial_t *part = take(state, r);

    state->part = part;
    state->answer.fwd = part ? CACHE_FWD_PARTIAL : CACHE_FWD_URI_MISS;
    if (part && answers(state, part)) {
        part->is_served = 1;
        return 1;
    }
    cache_request_keep_fields(state, r);
    if (part && can_be_completed(state, part)) {
        part->completes = 1;
        ask_for_missing(part, r);
    }
    return 0;
}

/* Appends the bytes of the part that are in range to brigade, before the bucket `before`. */
static void insert(const cache_partial_t *part, const cache_range_t *range, request_rec *r,
                   apr_bucket *before)
{
    apr_int64_t at = part->range.first;
    const cache_piece_t *piece;
    cache_piece_t whole;

    for (int left = cache_vault_pieces(&part->found, &piece, &whole); left > 0; left--, piece++) {
        apr_int64_t begin = range->first > at ? range->first - at : 0;
        apr_int64_t end = (apr_int64_t)piece->size;
        cache_piece_t cut;

        if (range->last + 1 < at + end)
            end = range->last + 1 - at;
        cut.data = piece->data + begin;
        cut.size = end > begin ? (apr_size_t)(end - begin) : 0;
        if (cut.size > 0)
            APR_BUCKET_INSERT_BEFORE(before, cache_answer_bucket(&part->found.blob, &cut, r));
        at += (apr_int64_t)piece->size;
    }
}

static const char *content_range(const cache_range_t *range, apr_pool_t *pool)
{
    return apr_psprintf(pool, "bytes %" APR_INT64_T_FMT "-%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
                        range->first, range->last, range->total);
}

void cache_partial_answer(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade)
{
    const cache_partial_t *part = state->part;
    const cache_record_t *record = &part->found.record;
    apr_bucket *end = apr_bucket_eos_create(r->connection->bucket_alloc);

    cache_answer_prepare(state, r, record, part->fields, &record->life);
    apr_table_setn(r->headers_out, "Content-Range", content_range(&part->wanted, r->pool));
    ap_set_content_length(r, (apr_off_t)cache_range_size(&part->wanted));
    APR_BRIGADE_INSERT_TAIL(brigade, end);
    insert(part, &part->wanted, r, end);
}

/* Whether the origin has sent just what it was asked for, of the same representation. */
static int fits(const cache_partial_t *part, const apr_table_t *fields)
{
    cache_range_t sent;

    return is_same(fields, part) &&
           cache_range_parse_content(&sent, apr_table_get(fields, "Content-Range")) &&
           cache_range_covers(&sent, &part->missing) && cache_range_covers(&part->missing, &sent);
}

int cache_partial_complete(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade)
{
    cache_partial_t *part = state->part;

    if (!fits(part, cache_filter_fields(r)))
        return 0;
    r->status = HTTP_OK;
    r->status_line = NULL;
    apr_table_unset(r->headers_out, "Content-Range");
    ap_set_content_length(r, (apr_off_t)part->range.total);
    state->answer.fwd_status = HTTP_PARTIAL_CONTENT;
    part->is_appending = part->range.first > 0;
    if (!part->is_appending)
        insert(part, &part->range, r, APR_BRIGADE_FIRST(brigade));
    return 1;
}

void cache_partial_append(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade)
{
    cache_partial_t *part = state->part;

    if (!part->is_appending || APR_BRIGADE_EMPTY(brigade) ||
        !APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade)))
        return;
    part->is_appending = 0;
    insert(part, &part->range, r, APR_BRIGADE_LAST(brigade));
}

/* A complete response that is stored is not given up for a part. */
int cache_partial_may_store(cache_request_t *state, const request_rec *r, const apr_table_t *fields)
{
    cache_range_t sent;
    cache_partial_t *part = state->part;

    if (state->is_raw || !apr_table_get(state->fields, "Range") || state->found.blob.data ||
        !cache_range_parse_content(&sent, apr_table_get(fields, "Content-Range")))
        return 0;
    if (!part) {
        part = state->part = apr_pcalloc(r->pool, sizeof(*part));
    } else if (!is_same(fields, part) || part->range.total != sent.total) {
        memset(&part->range, 0, sizeof(part->range));
    } else if (!cache_range_touches(&part->range, &sent) && is_usable(state, part) &&
               cache_range_size(&part->range) > cache_range_size(&sent)) {
        return 0;
    }
    part->sent = sent;
    part->is_stored = 1;
    return 1;
}

/* Adds the stored bytes from first to before `end`. */
static apr_status_t add(cache_request_t *state, apr_int64_t first, apr_int64_t end)
{
    const cache_partial_t *part = state->part;
    apr_int64_t at = part->range.first;
    apr_status_t rv = APR_SUCCESS;
    const cache_piece_t *piece;
    cache_piece_t whole;
    int left = cache_vault_pieces(&part->found, &piece, &whole);

    for (; left > 0 && rv == APR_SUCCESS; left--, piece++) {
        apr_int64_t from = first > at ? first - at : 0;
        apr_int64_t to = end - at < (apr_int64_t)piece->size ? end - at : (apr_int64_t)piece->size;

        if (to > from)
            rv = cache_vault_append(state->saving, (const char *)piece->data + from,
                                    (apr_size_t)(to - from));
        at += (apr_int64_t)piece->size;
    }
    return rv;
}

cache_verdict_e cache_partial_open(cache_request_t *state, cache_saving_t *saving,
                                   apr_table_t *fields, apr_pool_t *pool)
{
    cache_partial_t *part = state->part;
    cache_range_t both = part->sent;
    cache_verdict_e verdict;

    if (part->range.total && cache_range_touches(&part->range, &part->sent)) {
        both = cache_range_union(&part->range, &part->sent);
    } else {
        part->range.total = 0; /* the new one replaces it */
    }
    saving->status = HTTP_PARTIAL_CONTENT;
    apr_table_setn(fields, "Content-Range", content_range(&both, pool));
    if (cache_range_size(&both) == both.total) {
        saving->status = HTTP_OK;
        saving->status_line = "200 OK";
        apr_table_unset(fields, "Content-Range");
    }
    verdict = cache_filter_open_saving(state, saving, (apr_size_t)cache_range_size(&both), pool);
    state->announced = cache_range_size(&both);
    if (verdict == CACHE_STORABLE && part->range.total)
        add(state, part->range.first, part->sent.first);
    return verdict;
}

apr_status_t cache_partial_add_rest(cache_request_t *state)
{
    const cache_partial_t *part = state->part;

    if (!part || !part->is_stored || !part->range.total)
        return APR_SUCCESS;
    return add(state, part->sent.last + 1, part->range.last + 1);
}
