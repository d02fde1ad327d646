/* SPDX-License-Identifier: Apache-2.0 */
/* Revalidation in the background: who has got a stale answer waits for nothing. */
#include "cache_herd_private.h"
#include "cache_private.h"

#include "clock.h"

#include <apr_strings.h>

#define TAKES apr_time_from_sec(30)
#define GRACE apr_time_from_sec(2)
#define QUEUE 64

void cache_herd_start_background(cache_herd_t *herd, server_rec *s, apr_pool_t *pchild)
{
    tier_background_options_t options = {"tier-cache", 2, QUEUE, GRACE};
    apr_status_t rv = tier_background_start(&herd->background, &options, pchild);

    if (rv == APR_SUCCESS)
        return;
    herd->background = NULL;
    ap_log_error(
        APLOG_MARK, APLOG_ERR, rv, s,
        WTNO(
            2003) "no thread could be started; this process revalidates nothing in the background");
}

typedef struct revalidation_t {
    cache_herd_t *herd;
    cache_id_t id;
    cache_ticket_t ticket;
    int has_ticket; /* 0: prefork; it takes off when it is run */
} revalidation_t;

static void revalidation_is_over(void *baton, apr_status_t status,
                                 const tier_internal_result_t *result)
{
    revalidation_t *revalidation = baton;

    (void)status;
    (void)result;
    if (revalidation->has_ticket)
        cache_flight_land(&revalidation->herd->shared->flights, &revalidation->ticket,
                          CACHE_FLIGHT_LOST);
}

/* The client's own fields but for what says how its own copy is to be validated. */
static apr_table_t *fields_for(const cache_request_t *state, apr_pool_t *pool)
{
    static const char *const names[] = {"If-None-Match", "If-Modified-Since", "If-Range",
                                        "Range",         "Cache-Control",     "Pragma"};
    apr_table_t *fields = apr_table_copy(pool, state->fields);

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        apr_table_unset(fields, names[i]);
    return fields;
}

static int begin_flight(revalidation_t *revalidation)
{
    cache_herd_t *herd = revalidation->herd;
    apr_time_t now = tier_clock_now();

    revalidation->has_ticket = cache_flight_enter(&herd->shared->flights, &herd->shared->roster,
                                                  &revalidation->id, &herd->self, now, now + TAKES,
                                                  &revalidation->ticket) == CACHE_FLIGHT_LEADS;
    return revalidation->has_ticket;
}

static void submit(cache_request_t *state, request_rec *r, revalidation_t *revalidation)
{
    tier_internal_spec_t spec = {r->server, r};
    apr_status_t rv;

    spec.uri = state->parts.uri;
    spec.host = apr_table_get(r->headers_in, "Host");
    spec.headers = fields_for(state, r->pool);
    spec.deadline = tier_clock_now() + TAKES;
    spec.owner = &tier_cache_module;
    spec.baton = revalidation;
    spec.baton_size = sizeof(*revalidation);
    rv = tier_background_submit(revalidation->herd->background, &spec, revalidation_is_over);
    if (rv == APR_SUCCESS) {
        tier_counter_add(&state->runtime->counters->revalidations, 1);
        return;
    }
    tier_counter_add(&state->runtime->counters->not_revalidated, 1);
    revalidation_is_over(revalidation, rv, NULL);
}

void cache_herd_revalidate(cache_request_t *state, request_rec *r)
{
    revalidation_t revalidation = {state->runtime->herd};

    if (!revalidation.herd || !revalidation.herd->background || tier_internal_of(r))
        return;
    cache_herd_identify(state);
    revalidation.id = state->herd.id;
    if (cache_marks_has(&revalidation.herd->shared->marks, CACHE_MARK_RESTING, &state->herd.id,
                        tier_clock_now()))
        return;
    if (tier_background_is_deferred(revalidation.herd->background) || begin_flight(&revalidation))
        submit(state, r, &revalidation);
}

int cache_herd_is_revalidation(const request_rec *r)
{
    return tier_internal_baton(r, &tier_cache_module) != NULL;
}

int cache_herd_begin_revalidation(cache_request_t *state, request_rec *r, cache_herd_look_t look)
{
    revalidation_t *revalidation = tier_internal_baton(r, &tier_cache_module);
    cache_herd_t *herd = revalidation->herd;
    int leads = revalidation->has_ticket || begin_flight(revalidation);

    if (leads) {
        state->herd.id = revalidation->id;
        state->herd.has_id = 1;
        state->herd.ticket = revalidation->ticket;
        cache_herd_lead(state, r);
        if (herd->lease)
            leads = state->herd.has_lease =
                cache_lease_try(herd->lease, &state->herd.id, TAKES, r->pool) == CACHE_LEASE_MINE;
    }
    return !look(state, r) && leads;
}
