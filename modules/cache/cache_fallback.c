/* SPDX-License-Identifier: Apache-2.0 */
/* stale-if-error (RFC 5861 section 4): what is stored, in the place of the origin's error. */
#include "cache_fallback.h"
#include "cache_filter.h"

#include <http_connection.h>
#include <http_protocol.h>

/*
 * The status of an answer, or of the error that is there instead. mod_proxy_http gives a client
 * that has asked on its connection before no answer at all where the backend gave none (ERROR, EOC,
 * EOS), so that it asks again.
 */
static int status_of(const request_rec *r, const apr_bucket_brigade *brigade)
{
    const apr_bucket *first = APR_BRIGADE_FIRST(brigade);

    return AP_BUCKET_IS_ERROR(first) ? ((const ap_bucket_error *)first->data)->status : r->status;
}

int cache_fallback_is_wanted(const cache_request_t *state, const request_rec *r,
                             const apr_bucket_brigade *brigade)
{
    return cache_stale_is_error(status_of(r, brigade)) && state->found.blob.data &&
           cache_stale_if_error(&state->found.record.life, &state->asked, apr_time_now());
}

int cache_fallback_say_error(const cache_request_t *state, apr_bucket_brigade *brigade)
{
    if (!state->found.blob.data || !AP_BUCKET_IS_ERROR(APR_BRIGADE_FIRST(brigade)))
        return 0;
    cache_filter_drop(brigade, &ap_bucket_type_eoc);
    return 1;
}

void cache_fallback_end(cache_request_t *state, const request_rec *r)
{
    state->is_replaced = state->is_over = 1;
    state->sent_status = r->status;
}

void cache_fallback_drop_page(cache_request_t *state, request_rec *r)
{
    r->status = state->sent_status; /* what the log says */
    state->is_added = 0;
    cache_filter_add(state, r);
}

/* Whether it is an answer of the origin, of mod_proxy, or an error document: what follows of it is
 * dropped. */
apr_status_t cache_fallback_serve(cache_request_t *state, ap_filter_t *f,
                                  apr_bucket_brigade *brigade)
{
    const cache_record_t *record = &state->found.record;
    request_rec *r = f->r;
    apr_table_t *fields = apr_table_make(r->pool, (int)record->field_count);
    int status = status_of(r, brigade);
    int with_body;

    cache_record_add_fields(record, fields);
    if (state->stored)
        cache_request_restore(state, r);
    with_body = cache_answer_prepare(state, r, record, fields, &record->life);
    state->answer.fwd_status = status;
    cache_top_note(state, r, CACHE_STORABLE);
    state->answer.has_ttl = 1;
    state->answer.ttl = cache_freshness_ttl(&record->life, apr_time_now());
    state->answer.detail = "stale-if-error";
    tier_counter_add(&state->runtime->counters->forwarded[state->answer.fwd], 1);
    tier_counter_add(&state->runtime->counters->stale_if_error, 1);
    cache_answer_mark(state, r, "stale-if-error");
    cache_herd_failed(state);
    cache_fallback_end(state, r);
    r->no_cache = 0; /* mod_proxy's word, for its error */
    apr_brigade_cleanup(brigade);
    cache_answer_fill(state, r, with_body, brigade);
    return ap_pass_brigade(f->next, brigade);
}
