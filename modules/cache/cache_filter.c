/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output filter behind what makes the answer (DEFLATE, mod_headers, ...) and before what cuts
 * and frames it (ranges, chunks). It sees the origin's answer once: at its first brigade it
 * decides, then it collects what passes.
 */
#include "cache_hooks.h"
#include "cache_filter.h"
#include "cache_fallback.h"
#include "cache_partial.h"
#include "cache_private.h"
#include "cache_date.h"
#include "cache_headers.h"

#include <http_connection.h>
#include <http_protocol.h>
#include <http_request.h>

#include <apr_strings.h>

/*
 * A flush makes the client have its answer before memcached is talked to; of a large one it has
 * most already.
 */
#define FLUSH_UP_TO ((apr_size_t)64 * 1024)

void cache_filter_add(cache_request_t *state, request_rec *r)
{
    if (!state->is_added)
        ap_add_output_filter_handle(state->is_raw ? state->runtime->raw_filter
                                                  : state->runtime->filter,
                                    state, r, r->connection);
    state->is_added = 1;
}

/* Returns all fields of the answer as the client would get them, from r->pool. */
apr_table_t *cache_filter_fields(request_rec *r)
{
    apr_table_t *fields = apr_is_empty_table(r->err_headers_out)
                              ? apr_table_copy(r->pool, r->headers_out)
                              : apr_table_overlay(r->pool, r->err_headers_out, r->headers_out);
    const char *type = ap_make_content_type(r, r->content_type);

    if (type)
        apr_table_setn(fields, "Content-Type", type);
    if (r->content_encoding)
        apr_table_setn(fields, "Content-Encoding", r->content_encoding);
    if (r->content_languages && r->content_languages->nelts &&
        !apr_table_get(fields, "Content-Language"))
        apr_table_setn(fields, "Content-Language",
                       apr_array_pstrcat(r->pool, r->content_languages, ','));
    return fields;
}

cache_exchange_t cache_filter_exchange(const cache_request_t *state, const request_rec *r,
                                       const apr_table_t *fields, const cache_directives_t *told)
{
    cache_exchange_t exchange = {state->method, state->fields, &state->asked};

    exchange.authorized = r->user != NULL || apr_table_get(state->fields, "Authorization") != NULL;
    exchange.status = r->status;
    exchange.response = fields;
    exchange.told = told;
    exchange.requested = state->requested;
    exchange.received = apr_time_now();
    return exchange;
}

static void remove_key(const cache_request_t *state, const char *key)
{
    cache_purge_announce(state->runtime, key);
    cache_counters_error(state->runtime->counters, cache_vault_remove(state->runtime->store, key));
}

/* RFC 9111 section 4.4; the answer tells the client that it is done, so it is done first. */
static void invalidate_reference(const cache_request_t *state, request_rec *r, const char *name)
{
    const char *reference = apr_table_get(r->headers_out, name);
    const char *key = reference ? cache_key_related(&state->parts, reference, r->pool) : NULL;

    if (key)
        remove_key(state, key);
}

static void invalidate(const cache_request_t *state, request_rec *r)
{
    if (state->method != CACHE_METHOD_UNSAFE || !state->key || r->status < 200 || r->status > 399)
        return;
    remove_key(state, state->key);
    invalidate_reference(state, r, "Location");
    invalidate_reference(state, r, "Content-Location");
    tier_counter_add(&state->runtime->counters->invalidated, 1);
}

void cache_filter_refuse(cache_request_t *state, cache_verdict_e why)
{
    if (state->saving)
        cache_vault_drop(state->saving);
    state->saving = NULL;
    tier_counter_add(&state->runtime->counters->refused[why], 1);
    cache_herd_refused(state, why, state->status, state->connection->aborted != 0);
}

static const char *status_line(const request_rec *r)
{
    return r->status_line ? r->status_line : ap_get_status_line(r->status);
}

/* RFC 9110 section 6.6.1: a response that came without a date is given that of its arrival. */
void cache_filter_add_date(apr_table_t *fields, apr_time_t received, apr_pool_t *pool)
{
    char *date;

    if (apr_table_get(fields, "Date"))
        return;
    date = apr_palloc(pool, CACHE_DATE_SIZE);
    cache_date_format(date, received);
    apr_table_setn(fields, "Date", date);
}

static apr_int64_t seconds_of(apr_interval_time_t time)
{
    return time == TIER_UNSET ? CACHE_DELTA_NONE : apr_time_sec(time);
}

static cache_stale_defaults_t stale_defaults(const server_rec *server)
{
    const cache_server_t *config = cache_config_of(server);
    cache_stale_defaults_t defaults = {seconds_of(config->stale_while_revalidate),
                                       seconds_of(config->stale_if_error)};

    return defaults;
}

static cache_heuristic_t heuristic_of(const server_rec *server)
{
    const cache_server_t *config = cache_config_of(server);
    cache_heuristic_t heuristic = {
        TIER_SETTING(config, heuristic_percent, CACHE_DEFAULT_PERCENT),
        apr_time_sec(TIER_SETTING(config, heuristic_longest, CACHE_DEFAULT_LONGEST))};

    return heuristic;
}

cache_saving_t *cache_filter_make_saving(const cache_request_t *state,
                                         const cache_exchange_t *exchange, const cache_life_t *life,
                                         const char *line, apr_table_t *fields, apr_pool_t *pool)
{
    cache_saving_t *saving = apr_pcalloc(pool, sizeof(*saving));

    cache_filter_add_date(fields, exchange->received, pool);
    saving->key = state->key;
    saving->extra = state->key_extra;
    saving->request = state->fields;
    saving->listed = state->found.listed;
    if (state->found.id_of == state->key)
        saving->id = &state->found.id;
    saving->status = exchange->status;
    saving->status_line = line;
    saving->headers = fields;
    saving->life = *life;
    cache_stale_default(&saving->life, exchange->told, &state->stale_defaults);
    if (state->is_raw)
        saving->life.flags |= CACHE_LIFE_RAW;
    return saving;
}

cache_verdict_e cache_filter_open_saving(cache_request_t *state, cache_saving_t *saving,
                                         apr_size_t expected, apr_pool_t *pool)
{
    apr_status_t rv;

    saving->tags = cache_purge_tags_of(state, saving->headers, pool);
    if (!saving->tags)
        return CACHE_REFUSED_TAGS;
    rv = cache_vault_begin(saving, expected, state->max_size, state->runtime->store->largest, pool);

    if (rv == APR_SUCCESS) {
        state->saving = saving;
        return CACHE_STORABLE;
    }
    return rv == APR_ENOSPC   ? CACHE_REFUSED_TOO_LARGE
           : rv == APR_EINVAL ? CACHE_REFUSED_VARY
                              : CACHE_REFUSED_STORE;
}

/* Returns the announced length, or -1. */
static apr_int64_t announced_length(const apr_table_t *fields)
{
    const char *text = apr_table_get(fields, "Content-Length");

    return text ? cache_text_delta(cache_text_span(text)) : -1;
}

static cache_verdict_e judge(cache_request_t *state, request_rec *r)
{
    cache_policy_t policy = cache_rules_policy(r);
    apr_table_t *fields = cache_filter_fields(r);
    cache_directives_t told;
    cache_exchange_t exchange;
    cache_saving_t *saving;
    cache_verdict_e verdict;
    cache_life_t life;

    if (state->method != CACHE_METHOD_GET)
        return CACHE_REFUSED_METHOD;
    if (!state->key || !state->may_store)
        return CACHE_REFUSED_REQUEST;
    cache_directives_parse_response(&told, fields, r->pool);
    cache_policy_drop_cookies(&policy, fields);
    exchange = cache_filter_exchange(state, r, fields, &told);
    cache_policy_apply(&policy, &exchange, &told);
    if (cache_rules_no_store(r))
        return CACHE_REFUSED_RULE;
    if (r->status == HTTP_PARTIAL_CONTENT && cache_partial_may_store(state, r, fields))
        exchange.status = HTTP_OK;
    cache_freshness_life(&life, &exchange, &state->heuristic);
    verdict = r->no_cache ? CACHE_REFUSED_NO_STORE
                          : cache_verdict_of(&exchange, &life, &state->heuristic);
    if (verdict != CACHE_STORABLE)
        return verdict;
    state->announced = announced_length(fields);
    fields = cache_headers_storable(fields, &told, r->pool);
    saving = cache_filter_make_saving(state, &exchange, &life, status_line(r), fields, r->pool);
    if (r->status == HTTP_PARTIAL_CONTENT)
        return cache_partial_open(state, saving, fields, r->pool);
    return cache_filter_open_saving(
        state, saving, state->announced > 0 ? (apr_size_t)state->announced : 0, r->pool);
}

void cache_filter_finish(cache_request_t *state, request_rec *r)
{
    cache_counters_t *counters = state->runtime->counters;
    apr_size_t size = cache_vault_body_size(state->saving);
    cache_life_t life = state->saving->life;
    apr_status_t rv;

    if (cache_purge_overtook(state, r->pool)) {
        cache_filter_refuse(state, CACHE_REFUSED_PURGED);
        return;
    }
    rv = cache_vault_save(state->saving, state->runtime->store, apr_time_now());
    state->saving = NULL;
    if (rv == APR_SUCCESS && cache_purge_undid(state, r->pool)) {
        cache_filter_refuse(state, CACHE_REFUSED_PURGED);
        return;
    }
    if (rv == APR_SUCCESS) {
        tier_counter_add(&counters->stored, 1);
        tier_counter_add(&counters->stored_bytes, size);
        state->answer.stored = 1;
        cache_herd_stored(state, cache_stale_worth(&life, apr_time_now()));
        return;
    }
    cache_filter_refuse(state, CACHE_REFUSED_STORE);
    cache_counters_error(counters, rv);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r, WTNO(2011) "%s could not store %s",
                  state->runtime->store->name, state->key);
}

typedef enum { BODY_GOES_ON, BODY_ENDED, BODY_BROKE } body_e;

/* Adds what brigade carries to the body. */
static body_e collect(cache_request_t *state, apr_bucket_brigade *brigade)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t size;

        if (APR_BUCKET_IS_EOS(b))
            return cache_partial_add_rest(state) == APR_SUCCESS ? BODY_ENDED : BODY_BROKE;
        if (AP_BUCKET_IS_ERROR(b) || AP_BUCKET_IS_EOC(b))
            return BODY_BROKE;
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &data, &size, APR_BLOCK_READ) != APR_SUCCESS)
            return BODY_BROKE;
        if (cache_vault_append(state->saving, data, size) != APR_SUCCESS) {
            cache_filter_refuse(state, CACHE_REFUSED_TOO_LARGE);
            return BODY_GOES_ON;
        }
    }
    return BODY_GOES_ON;
}

int cache_filter_collect(cache_request_t *state, request_rec *r, apr_bucket_brigade *brigade)
{
    body_e body = collect(state, brigade);

    if (!state->saving)
        return 0;
    if (body == BODY_BROKE || r->connection->aborted) {
        cache_filter_refuse(state, CACHE_REFUSED_INCOMPLETE);
        return 0;
    }
    if (body != BODY_ENDED)
        return 0;
    if (state->announced >= 0 &&
        (apr_uint64_t)state->announced != cache_vault_body_size(state->saving)) {
        cache_filter_refuse(state, CACHE_REFUSED_INCOMPLETE);
        return 0;
    }
    return 1;
}

/* Sends all that is on its way to the client, so that what follows does not keep it waiting. */
static void flush(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, c->bucket_alloc);

    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(c->bucket_alloc));
    ap_pass_brigade(c->output_filters, brigade);
}

/* Where the client is gone, the rest of the body will not come unless somebody else takes it. */
apr_status_t cache_filter_pass(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    apr_status_t rv = cache_hold_pass(state, f, brigade);

    if (!state->saving || (rv == APR_SUCCESS && !f->r->connection->aborted))
        return rv;
    if (cache_orphan_adopt(state, f->r)) {
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
    }
    cache_filter_refuse(state, CACHE_REFUSED_INCOMPLETE);
    return rv;
}

/*
 * A complete answer goes to the client before it goes to a store that has to be talked to; a large
 * one, or one whose client is slow, after that, as others may be waiting for it.
 */
apr_status_t cache_filter_pass_and_finish(cache_request_t *state, ap_filter_t *f,
                                          apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    apr_status_t rv;

    if (cache_vault_body_size(state->saving) > FLUSH_UP_TO || cache_hold_is_slow(state, r)) {
        cache_filter_finish(state, r);
        return cache_filter_pass(state, f, brigade);
    }
    cache_herd_sends(state, 1);
    rv = ap_pass_brigade(f->next, brigade);
    if (rv == APR_SUCCESS && !r->main && !r->connection->aborted)
        flush(r);
    cache_herd_sends(state, 0);
    cache_filter_finish(state, r);
    return rv;
}

/*
 * Marks the answer with what is known when its head leaves; what is stored later does not say so.
 */
static void mark_forwarded(cache_request_t *state, request_rec *r, cache_verdict_e verdict)
{
    const char *word = cache_status_field_fwd(state->answer.fwd);

    if (state->answer.fwd != CACHE_FWD_NONE)
        tier_counter_add(&state->runtime->counters->forwarded[state->answer.fwd], 1);
    if (verdict != CACHE_STORABLE && verdict != CACHE_REFUSED_METHOD)
        state->answer.detail =
            state->answer.detail ? state->answer.detail : cache_verdict_name(verdict);
    cache_answer_mark(state, r, word);
}

/* The first brigade of an answer that goes to the client as the origin gave it. */
static apr_status_t first_brigade(cache_request_t *state, ap_filter_t *f,
                                  apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    cache_verdict_e verdict = judge(state, r);
    int complete = 0;

    if (state->stored || (state->part && state->part->completes))
        cache_request_restore(state, r);
    if (verdict == CACHE_STORABLE) {
        complete = cache_filter_collect(state, r, brigade);
        if (!state->saving)
            verdict = CACHE_REFUSED_INCOMPLETE;
        if (complete && state->runtime->store->is_quick)
            cache_filter_finish(state, r);
    } else {
        cache_filter_refuse(state, verdict);
    }
    invalidate(state, r);
    cache_purge_strip_tags(r);
    cache_top_note(state, r, verdict);
    mark_forwarded(state, r, verdict);
    if (cache_gather(state, f, brigade))
        return APR_SUCCESS;
    return complete && state->saving ? cache_filter_pass_and_finish(state, f, brigade)
                                     : cache_filter_pass(state, f, brigade);
}

static apr_status_t next_brigade(cache_request_t *state, ap_filter_t *f,
                                 apr_bucket_brigade *brigade)
{
    int complete = state->saving && cache_filter_collect(state, f->r, brigade);

    if (cache_gather(state, f, brigade))
        return APR_SUCCESS;
    if (complete && !state->runtime->store->is_quick)
        return cache_filter_pass_and_finish(state, f, brigade);
    if (complete)
        cache_filter_finish(state, f->r);
    return cache_filter_pass(state, f, brigade);
}

/* The answer to a HEAD says something of what is stored for GET as well. */
static apr_status_t head_brigade(cache_request_t *state, ap_filter_t *f,
                                 apr_bucket_brigade *brigade)
{
    apr_table_t *fields = cache_filter_fields(f->r);
    apr_status_t rv = first_brigade(state, f, brigade);

    cache_renew_by_head(state, f->r, fields);
    return rv;
}

/*
 * The origin was asked for what is missing of the whole, and sent something else: neither that nor
 * what is stored is an answer. It does not know its own entity tags.
 */
static apr_status_t give_up(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

    cache_request_restore(state, r);
    cache_filter_refuse(state, CACHE_REFUSED_INCOMPLETE);
    cache_counters_error(state->runtime->counters,
                         cache_vault_remove(state->runtime->store, state->part->found.record.key));
    state->is_replaced = 1;
    apr_brigade_cleanup(brigade);
    APR_BRIGADE_INSERT_TAIL(brigade,
                            ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    return ap_pass_brigade(f->next, brigade);
}

static apr_status_t say_error(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    apr_status_t rv = first_brigade(state, f, brigade);

    cache_fallback_end(state, f->r);
    return rv;
}

apr_status_t cache_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    cache_request_t *state = f->ctx;

    if (APR_BRIGADE_EMPTY(brigade))
        return ap_pass_brigade(f->next, brigade);
    if (state->is_replaced) {
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
    }
    if (state->orphan_since)
        return cache_orphan_take(state, f, brigade);
    if (state->is_answered) {
        if (state->part)
            cache_partial_append(state, f->r, brigade);
        return next_brigade(state, f, brigade);
    }
    state->is_answered = 1;
    state->status = f->r->status;
    state->stale_defaults = stale_defaults(f->r->server);
    state->heuristic = heuristic_of(f->r->server);
    if (state->part && state->part->completes && f->r->status == HTTP_PARTIAL_CONTENT) {
        if (!cache_partial_complete(state, f->r, brigade))
            return give_up(state, f, brigade);
        cache_partial_append(state, f->r, brigade);
    }
    if (cache_fallback_is_wanted(state, f->r, brigade))
        return cache_fallback_serve(state, f, brigade);
    if (cache_fallback_say_error(state, brigade))
        return say_error(state, f, brigade);
    if (state->stored && f->r->status == HTTP_NOT_MODIFIED)
        return cache_renew_confirmed(state, f, brigade);
    if (state->method == CACHE_METHOD_HEAD && f->r->status == HTTP_OK && state->found.blob.data)
        return head_brigade(state, f, brigade);
    return first_brigade(state, f, brigade);
}
