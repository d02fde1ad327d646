/* SPDX-License-Identifier: Apache-2.0 */
/* What a 304, or the answer to a HEAD, makes of the stored response. */
#include "cache_filter.h"
#include "cache_conditional.h"
#include "cache_headers.h"
#include "cache_verdict.h"

/* A stored response and what becomes of it. */
typedef struct renewal_t {
    apr_table_t *fields;
    cache_directives_t told;
    cache_exchange_t exchange;
    cache_verdict_e verdict;
    const apr_table_t *cookies; /* whose Set-Cookie is for the client alone; NULL: there is none */
} renewal_t;

/*
 * The origin may give a cookie to who validates. Whether that is for all has to be said along with
 * it: what was said when the response was stored was said of other cookies, or of none. Returns the
 * fields without those that are for one visitor.
 */
static apr_table_t *keep_cookies(renewal_t *renewal, const cache_policy_t *policy,
                                 apr_table_t *fresh, apr_pool_t *pool)
{
    apr_table_t *others = apr_table_copy(pool, fresh);

    cache_policy_drop_cookies(policy, others);
    if (!cache_verdict_shares_cookies(others, &renewal->told)) {
        apr_table_unset(others, "Set-Cookie");
        apr_table_unset(others, "Set-Cookie2");
    }
    if (apr_table_elts(others)->nelts < apr_table_elts(fresh)->nelts)
        renewal->cookies = fresh;
    return others;
}

static int add_field(void *into, const char *name, const char *value)
{
    apr_table_addn(into, name, value);
    return 1;
}

/* fresh: the fields of what the origin said of it. */
static void renew_fields(cache_request_t *state, request_rec *r, apr_table_t *fresh,
                         renewal_t *renewal)
{
    cache_policy_t policy = cache_rules_policy(r);
    const char *age = apr_table_get(fresh, "Age");

    renewal->cookies = NULL;
    cache_filter_add_date(fresh, apr_time_now(), r->pool);
    cache_directives_parse_response(&renewal->told, fresh, r->pool);
    fresh = keep_cookies(renewal, &policy, fresh, r->pool);
    renewal->verdict = CACHE_REFUSED_INCOMPLETE;
    renewal->fields = state->stored;
    if (cache_conditional_selects(fresh, state->stored)) {
        renewal->fields = cache_headers_update(state->stored, fresh, &renewal->told, r->pool);
        renewal->verdict = CACHE_STORABLE;
    }
    cache_directives_parse_response(&renewal->told, renewal->fields, r->pool);
    /* Age is not stored, but says how old the confirmation is. */
    fresh = apr_table_copy(r->pool, renewal->fields);
    if (age)
        apr_table_setn(fresh, "Age", age);
    renewal->exchange = cache_filter_exchange(state, r, fresh, &renewal->told);
    renewal->exchange.method = CACHE_METHOD_GET;
    renewal->exchange.status = state->found.record.status;
    cache_policy_apply(&policy, &renewal->exchange, &renewal->told);
    if (renewal->verdict == CACHE_STORABLE && cache_rules_no_store(r))
        renewal->verdict = CACHE_REFUSED_RULE;
}

/* Collects the stored body again under the renewed fields. */
static void reopen_saving(cache_request_t *state, request_rec *r, renewal_t *renewal)
{
    const cache_record_t *record = &state->found.record;
    cache_saving_t *saving;
    cache_life_t life;

    cache_freshness_life(&life, &renewal->exchange, &state->heuristic);
    saving = cache_filter_make_saving(state, &renewal->exchange, &life, record->status_line,
                                      renewal->fields, r->pool);
    if (renewal->verdict == CACHE_STORABLE)
        renewal->verdict = cache_verdict_of(&renewal->exchange, &life, &state->heuristic);
    state->found.record.life = saving->life;
    if (renewal->verdict == CACHE_STORABLE)
        renewal->verdict = cache_filter_open_saving(state, saving, record->body_size, r->pool);
    if (renewal->verdict == CACHE_STORABLE)
        cache_vault_append_found(saving, &state->found);
}

/* What is no guess for this request's cookie, or against a rule, may stay for others, stale. */
static int speaks_of_request(cache_verdict_e verdict)
{
    return verdict == CACHE_REFUSED_NO_FRESHNESS || verdict == CACHE_REFUSED_COOKIE ||
           verdict == CACHE_REFUSED_RULE;
}

apr_status_t cache_renew_confirmed(cache_request_t *state, ap_filter_t *f,
                                   apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    renewal_t renewal;
    int with_body;

    renew_fields(state, r, cache_filter_fields(r), &renewal);
    reopen_saving(state, r, &renewal);
    cache_request_restore(state, r);
    with_body = cache_answer_prepare(state, r, &state->found.record, renewal.fields,
                                     &state->found.record.life);
    if (renewal.cookies)
        apr_table_do(add_field, r->headers_out, renewal.cookies, "Set-Cookie", "Set-Cookie2", NULL);
    if (renewal.verdict != CACHE_STORABLE) {
        cache_filter_refuse(state, renewal.verdict);
        if (!speaks_of_request(renewal.verdict))
            cache_vault_remove(state->runtime->store, state->found.record.key);
    } else if (state->runtime->store->is_quick) {
        cache_filter_finish(state, r);
    }
    state->answer.fwd_status = HTTP_NOT_MODIFIED;
    cache_top_note(state, r, renewal.verdict);
    tier_counter_add(&state->runtime->counters->revalidated, 1);
    tier_counter_add(&state->runtime->counters->forwarded[state->answer.fwd], 1);
    cache_answer_mark(state, r, "revalidated");
    apr_brigade_cleanup(brigade);
    cache_answer_fill(state, r, with_body, brigade);
    return state->saving ? cache_filter_pass_and_finish(state, f, brigade)
                         : cache_filter_pass(state, f, brigade);
}

void cache_renew_by_head(cache_request_t *state, request_rec *r, apr_table_t *fresh)
{
    const cache_record_t *record = &state->found.record;
    apr_table_t *stored = apr_table_make(r->pool, (int)record->field_count);
    renewal_t renewal;

    cache_record_add_fields(record, stored);
    if (!cache_conditional_describes(fresh, stored, record->body_size)) {
        cache_counters_error(state->runtime->counters,
                             cache_vault_remove(state->runtime->store, record->key));
        return;
    }
    state->stored = stored;
    renew_fields(state, r, fresh, &renewal);
    reopen_saving(state, r, &renewal);
    if (renewal.verdict == CACHE_STORABLE)
        cache_filter_finish(state, r);
}
