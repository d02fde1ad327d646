/* SPDX-License-Identifier: Apache-2.0 */
/* The look-up: from quick_handler where the administrator asked for it, else from the handler. */
#include "cache_hooks.h"
#include "cache_fallback.h"
#include "cache_partial.h"
#include "cache_private.h"

#include "clock.h"

#include <http_protocol.h>
#include <http_request.h>

#include <apr_strings.h>

#include <string.h>

static cache_counters_t *counters_of(const cache_request_t *state)
{
    return state->runtime->counters;
}

/* What ran before the answer was stored (DEFLATE, mod_headers, ...) must not run over it again. */
static void remove_content_filters(request_rec *r)
{
    ap_filter_t *next;

    for (ap_filter_t *f = r->output_filters; f; f = next) {
        next = f->next;
        if (f->frec->ftype < AP_FTYPE_PROTOCOL)
            ap_remove_output_filter(f);
    }
}

/* An answer that another request was forwarded for is no hit (RFC 9211 section 2.6). */
static const char *account(cache_request_t *state)
{
    cache_counters_t *counters = counters_of(state);

    if (state->answer.collapsed) {
        tier_counter_add(state->answer.detail ? &counters->stale_if_error : &counters->collapsed,
                         1);
        return state->answer.detail ? state->answer.detail : "collapsed";
    }
    state->answer.hit = 1;
    state->answer.fwd = CACHE_FWD_NONE;
    tier_counter_add(&counters->hits, 1);
    if (state->use == CACHE_USE_STALE)
        tier_counter_add(&counters->hits_stale, 1);
    return "hit";
}

static int is_part(const cache_request_t *state)
{
    return state->part && state->part->is_served;
}

/* Makes r's answer what is stored. */
static void answer(cache_request_t *state, request_rec *r, const cache_record_t *record,
                   apr_bucket_brigade *brigade)
{
    apr_table_t *fields = apr_table_make(r->pool, (int)record->field_count);

    cache_record_add_fields(record, fields);
    cache_answer_fill(state, r, cache_answer_prepare(state, r, record, fields, &record->life),
                      brigade);
}

/* Answers with what look has found. */
static int serve(cache_request_t *state, request_rec *r)
{
    const cache_record_t *record =
        is_part(state) ? &state->part->found.record : &state->found.record;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    if (state->is_to_revalidate)
        cache_herd_revalidate(state, r);
    if (!state->is_raw)
        remove_content_filters(r);
    if (is_part(state)) {
        cache_partial_answer(state, r, brigade);
    } else {
        answer(state, r, record, brigade);
    }
    state->answer.has_ttl = 1;
    state->answer.ttl = cache_freshness_ttl(&record->life, apr_time_now());
    cache_answer_mark(state, r, account(state));
    state->is_answered = 1;
    if (ap_pass_brigade(r->output_filters, brigade) != APR_SUCCESS && !r->connection->aborted)
        return AP_FILTER_ERROR;
    return OK;
}

/* The stored answer is there but may not be used unasked. */
static void validate(cache_request_t *state, request_rec *r, cache_use_e use)
{
    state->answer.fwd = use == CACHE_VALIDATE_REQUEST ? CACHE_FWD_REQUEST : CACHE_FWD_STALE;
    cache_request_keep_fields(state, r);
    cache_request_validate(state, r);
}

static void miss(cache_request_t *state, request_rec *r, apr_status_t status)
{
    state->answer.fwd = state->found.listed ? CACHE_FWD_VARY_MISS : CACHE_FWD_URI_MISS;
    cache_request_keep_fields(state, r);
    if (state->found.corrupt)
        tier_counter_add(&counters_of(state)->errors[CACHE_ERROR_CORRUPT], 1);
    cache_counters_error(counters_of(state), status);
    if (status != APR_NOTFOUND)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, status, r, WTNO(2010) "%s could not be asked for %s",
                      state->runtime->store->name, state->key);
}

/* Undoes what look did to the request. */
static void unprepare(cache_request_t *state, request_rec *r)
{
    if (state->stored || (state->part && state->part->completes))
        cache_request_restore(state, r);
    state->stored = NULL;
    state->part = NULL;
}

/* RFC 9111 section 5.2.1.7. */
static int refuse_to_forward(cache_request_t *state, request_rec *r)
{
    state->answer.fwd = CACHE_FWD_NONE;
    state->answer.detail = "only-if-cached";
    unprepare(state, r);
    return HTTP_GATEWAY_TIME_OUT;
}

static apr_status_t release_found(void *found)
{
    cache_vault_release(found);
    return APR_SUCCESS;
}

/*
 * RFC 5861: stale, but instant, and asked for in the background; so too while the origin fails, as
 * nobody is to wait for that again and again.
 */
static int may_be_used_stale(cache_request_t *state, const request_rec *r)
{
    const cache_life_t *life = &state->found.record.life;
    apr_time_t now = apr_time_now();

    if (!state->runtime->herd || !state->runtime->herd->background || tier_internal_of(r))
        return 0;
    return cache_stale_while_revalidate(life, &state->asked, now) ||
           (cache_stale_if_error(life, &state->asked, now) && cache_herd_is_failing(state));
}

/* What has passed the filters must not pass them again, and what has not must. */
static int is_as_wanted(const cache_request_t *state)
{
    return ((state->found.record.life.flags & CACHE_LIFE_RAW) != 0) == (state->is_raw != 0);
}

/*
 * Looks in the store. Returns 1 when what is found may be used now, else prepares the request for
 * the origin. May be called again when the store may have changed.
 */
static int look(cache_request_t *state, request_rec *r)
{
    apr_status_t rv;

    unprepare(state, r);
    cache_vault_release(&state->found);
    rv = cache_vault_find_again(&state->found, state->runtime->store, state->key, state->key_extra,
                                state->fields, r->pool);
    if (rv == APR_SUCCESS && !(is_as_wanted(state) && cache_purge_spares(state))) {
        cache_vault_release(&state->found);
        rv = APR_NOTFOUND;
    }
    state->is_shared = rv == APR_SUCCESS || rv == APR_NOTFOUND || state->runtime->store->truth;
    if (rv != APR_SUCCESS) {
        miss(state, r, rv);
        return 0;
    }
    if (state->found.blob.release)
        apr_pool_cleanup_register(r->pool, &state->found, release_found, apr_pool_cleanup_null);
    if (state->found.record.status == HTTP_PARTIAL_CONTENT)
        return cache_partial_look(state, r);
    state->use = cache_freshness_use(&state->found.record.life, &state->asked, apr_time_now());
    if (state->use == CACHE_USE_FRESH || state->use == CACHE_USE_STALE)
        return 1;
    state->is_to_revalidate = state->use == CACHE_VALIDATE_STALE && may_be_used_stale(state, r);
    if (!state->is_to_revalidate) {
        validate(state, r, state->use);
        return 0;
    }
    cache_request_keep_fields(state, r);
    state->use = CACHE_USE_STALE;
    return 1;
}

/* Returns DECLINED when the origin is to be asked, else what the hook returns. */
static int look_up(cache_request_t *state, request_rec *r)
{
    if (look(state, r))
        return serve(state, r);
    return state->asked.flags & CACHE_CC_ONLY_IF_CACHED ? refuse_to_forward(state, r) : DECLINED;
}

static void pass_by(cache_request_t *state)
{
    state->answer.fwd = CACHE_FWD_BYPASS;
    state->answer.detail = "bypass";
    state->may_store = 0;
}

/* Makes the request's state; looks it up when it is one that a stored response may answer. */
static int begin(request_rec *r, int is_raw)
{
    const cache_runtime_t *runtime = cache_runtime();
    const cache_server_t *config = cache_config_of(r->server);
    cache_request_t *state;

    if (!runtime->store)
        return DECLINED;
    state = cache_request_make(r, runtime,
                               (apr_size_t)TIER_SETTING(config, max_size, CACHE_DEFAULT_MAX_SIZE));
    state->is_raw = is_raw;
    if (state->method != CACHE_METHOD_GET && state->method != CACHE_METHOD_HEAD) {
        state->answer.fwd = CACHE_FWD_METHOD;
        return DECLINED;
    }
    if (!state->key || !state->may_store) {
        state->answer.fwd = CACHE_FWD_BYPASS;
        return DECLINED;
    }
    if (cache_rules_bypass(r) || !cache_key_read_parts(r, &state->key_extra)) {
        pass_by(state);
        return DECLINED;
    }
    return cache_herd_is_revalidation(r) ? DECLINED : look_up(state, r);
}

/*
 * Sub-requests and internal redirects belong to a request that has been through here; so does what
 * another module fetches for a client, who would be waited for by his own fetch.
 */
static int is_own(const request_rec *r)
{
    return r->main == NULL && r->prev == NULL && r->method_number != M_CONNECT &&
           (!tier_internal_of(r) || cache_herd_is_revalidation(r));
}

int cache_hooks_quick_handler(request_rec *r, int is_lookup)
{
    const cache_server_t *config = cache_config_of(r->server);

    if (is_lookup || !is_own(r) || config->enabled != 1 || !cache_certain_is(r))
        return DECLINED;
    cache_key_normalise_query(r);
    return begin(r, 0);
}

/*
 * The cache is off for what answers the request: neither the quick handler nor the first URL could
 * tell.
 */
static void forget(cache_request_t *state, request_rec *r)
{
    unprepare(state, r);
    state->is_answered = 1;
}

/*
 * Per-directory rewriting and error documents answer by an internal redirect, which starts with a
 * new chain of filters.
 */
static void follow_redirect(request_rec *r)
{
    cache_request_t *state = cache_request_of(r);

    if (!state || state->is_answered)
        return;
    if (cache_config_is_enabled(r)) {
        state->is_added = 0;
        cache_filter_add(state, r);
    } else {
        forget(state, r);
    }
}

/* Returns 0 when there is something to serve after all: another request has brought it, or is about
 * to. */
static int goes_to_origin(cache_request_t *state, request_rec *r)
{
    if (!cache_herd_is_revalidation(r))
        return !cache_herd_join(state, r, look);
    return !state->key || !state->may_store || cache_herd_begin_revalidation(state, r, look) ||
           !state->found.blob.data;
}

int cache_hooks_handler(request_rec *r)
{
    cache_request_t *state;
    int rv = DECLINED;
    int is_raw;

    if (r->prev && !r->main)
        follow_redirect(r);
    if (!is_own(r) && !cache_fragments_is_one(r))
        return DECLINED;
    if (cache_purge_is_wanted(r) && cache_config_is_enabled(r))
        return cache_purge_handle(r);
    state = ap_get_module_config(r->request_config, &tier_cache_module);
    if (state && state->is_added)
        return DECLINED; /* the handlers run again, because another member is tried */
    if (!cache_config_is_enabled(r)) {
        if (state)
            forget(state, r);
        return DECLINED;
    }
    is_raw = cache_fragments_is_raw(r);
    if (is_raw)
        cache_fragments_prepare(r);
    if (!state) {
        rv = begin(r, is_raw);
    } else if (state->may_store && cache_rules_bypass(r)) {
        forget(state, r);
        return DECLINED;
    } else if (state->key && state->may_store && is_raw) {
        state->is_raw = 1; /* the quick handler could not tell */
        rv = look_up(state, r);
    }
    state = ap_get_module_config(r->request_config, &tier_cache_module);
    if (rv == DECLINED && state && !goes_to_origin(state, r))
        rv = serve(state, r);
    if (rv == DECLINED && state) {
        state->requested = apr_time_now();
        state->requested_at = tier_clock_now();
        cache_filter_add(state, r);
    }
    return rv;
}

/* The range filter gives up a stored answer for an error page, and with it the answer's fields. */
static void describe_unsatisfiable(const cache_request_t *state, request_rec *r)
{
    const char *mark = apr_table_get(r->headers_out, "Cache-Status");

    if (mark)
        apr_table_setn(r->err_headers_out, "Cache-Status", mark);
    if (state->found.blob.data)
        apr_table_setn(
            r->err_headers_out, "Content-Range",
            apr_psprintf(r->pool, "bytes */%" APR_SIZE_T_FMT, state->found.record.body_size));
}

/* httpd's own error pages, and 304 from its own handlers, have a chain of filters of their own. */
void cache_hooks_insert_error_filter(request_rec *r)
{
    cache_request_t *state = r->main ? NULL : cache_request_of(r);

    if (!state)
        return;
    if (state->is_over) {
        cache_fallback_drop_page(state, r);
    } else if (!state->is_answered) {
        state->is_added = 0;
        cache_filter_add(state, r);
    } else if (r->status == HTTP_RANGE_NOT_SATISFIABLE) {
        describe_unsatisfiable(state, r);
    }
}
