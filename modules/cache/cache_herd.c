/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_herd_private.h"
#include "cache_private.h"

#include "clock.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#define MOST_ROUNDS       8
#define POLL_OTHER_BOX    apr_time_from_msec(5)
#define UNCACHEABLE_KEEPS apr_time_from_sec(60)

static cache_herd_t *herd_of(const cache_request_t *state)
{
    return state->runtime->herd;
}

apr_status_t cache_herd_init(cache_herd_shared_t *shared)
{
    apr_uint64_t number;
    apr_status_t rv = apr_generate_random_bytes((unsigned char *)&number, sizeof(number));

    snprintf(shared->box, sizeof(shared->box), "%016llx", (unsigned long long)number);
    if (rv == APR_SUCCESS)
        rv = cache_roster_init(&shared->roster);
    return rv == APR_SUCCESS ? cache_flight_init(&shared->flights) : rv;
}

static apr_status_t leave(void *data)
{
    cache_herd_t *herd = data;

    cache_roster_leave(&herd->shared->roster, &herd->self);
    return APR_SUCCESS;
}

/*
 * All threads, unless the administrator says otherwise: a request that may not wait goes to the
 * origin, which keeps its thread no less.
 */
static apr_uint32_t most_waiters(const server_rec *s)
{
    return (apr_uint32_t)TIER_SETTING(cache_config_of(s), waiters, APR_INT32_MAX);
}

cache_herd_t *cache_herd_open(cache_herd_shared_t *shared, tier_memcache_t *memcache, server_rec *s,
                              apr_pool_t *pchild)
{
    cache_herd_t *herd = apr_pcalloc(pchild, sizeof(*herd));

    herd->shared = shared;
    herd->most_waiters = most_waiters(s);
    cache_roster_enter(&shared->roster, &herd->self);
    herd->waiting = cache_roster_waiting(&shared->roster, &herd->self);
    if (!herd->waiting)
        herd->waiting = &herd->uncounted;
    apr_pool_cleanup_register(pchild, herd, leave, apr_pool_cleanup_null);
    if (memcache) {
        herd->lease = apr_pcalloc(pchild, sizeof(*herd->lease));
        herd->lease->memcache = memcache;
        herd->lease->owed = &shared->owed;
        memcpy(herd->lease->box, shared->box, sizeof(shared->box));
    }
    cache_herd_start_background(herd, s, pchild);
    return herd;
}

void cache_herd_identify(cache_request_t *state)
{
    const char *key = state->key;

    if (state->found.blob.data) {
        key = state->found.record.key;
    } else if (state->found.variant) {
        key = state->found.variant;
    }
    if (state->found.id_of && strcmp(state->found.id_of, key) == 0) {
        state->herd.id = state->found.id;
    } else {
        cache_key_id(&state->herd.id, key);
    }
    state->herd.has_id = 1;
}

/* Landing. */

static void land(cache_request_t *state, cache_flight_state_e outcome)
{
    cache_herd_t *herd = herd_of(state);

    if (!state->herd.is_leader)
        return;
    state->herd.is_leader = 0;
    if (state->herd.has_lease && outcome == CACHE_FLIGHT_UNCACHEABLE) {
        cache_lease_refuse(herd->lease, &state->herd.id, UNCACHEABLE_KEEPS);
    } else if (state->herd.has_lease) {
        cache_lease_release(herd->lease, &state->herd.id);
    }
    state->herd.has_lease = 0;
    cache_flight_land(&herd->shared->flights, &state->herd.ticket, outcome);
}

static void remember_uncacheable(const cache_request_t *state)
{
    cache_marks_set(&herd_of(state)->shared->marks, CACHE_MARK_UNCACHEABLE, &state->herd.id,
                    tier_clock_now(), UNCACHEABLE_KEEPS);
}

/* Who waits for what is to be asked for each time asks the origin, and nobody waits for it again.
 */
void cache_herd_stored(cache_request_t *state, cache_stale_worth_e worth)
{
    cache_herd_t *herd = herd_of(state);

    if (!state->herd.has_id)
        return;
    if (worth == CACHE_STALE_USABLE) {
        cache_marks_clear(&herd->shared->marks, CACHE_MARK_UNCACHEABLE, &state->herd.id);
        cache_marks_clear(&herd->shared->marks, CACHE_MARK_FAILING, &state->herd.id);
    } else if (worth == CACHE_STALE_NEVER && state->herd.is_leader) {
        remember_uncacheable(state);
    } else if (state->herd.has_lease) {
        state->herd.has_lease = 0; /* other boxes are not told that it is uncacheable */
        cache_lease_release(herd->lease, &state->herd.id);
    }
    land(state, worth == CACHE_STALE_USABLE ? CACHE_FLIGHT_STORED : CACHE_FLIGHT_UNCACHEABLE);
}

void cache_herd_refused(cache_request_t *state, cache_verdict_e verdict, int status, int is_aborted)
{
    cache_flight_state_e outcome = cache_stale_outcome(verdict, status, is_aborted);

    if (!state->herd.is_leader)
        return;
    if (outcome == CACHE_FLIGHT_UNCACHEABLE)
        remember_uncacheable(state);
    land(state, outcome);
}

void cache_herd_sends(cache_request_t *state, int begins)
{
    if (state->herd.is_leader && state->connection->master)
        cache_flight_send(&herd_of(state)->shared->flights, &state->herd.ticket,
                          begins ? tier_clock_now() : 0);
}

void cache_herd_failed(cache_request_t *state)
{
    if (!herd_of(state))
        return;
    if (!state->herd.has_id)
        cache_herd_identify(state);
    cache_marks_fail(&herd_of(state)->shared->marks, &state->herd.id, tier_clock_now());
    land(state, CACHE_FLIGHT_FAILED);
}

int cache_herd_is_failing(cache_request_t *state)
{
    if (!herd_of(state))
        return 0;
    cache_herd_identify(state);
    return cache_marks_has(&herd_of(state)->shared->marks, CACHE_MARK_FAILING, &state->herd.id,
                           tier_clock_now());
}

static apr_status_t land_lost(void *data)
{
    land(data, CACHE_FLIGHT_LOST);
    return APR_SUCCESS;
}

void cache_herd_lead(cache_request_t *state, request_rec *r)
{
    state->herd.is_leader = 1;
    apr_pool_cleanup_register(r->pool, state, land_lost, apr_pool_cleanup_null);
}

/* Joining. */

static int has_condition(const apr_table_t *fields)
{
    return apr_table_get(fields, "Range") || apr_table_get(fields, "If-None-Match") ||
           apr_table_get(fields, "If-Modified-Since");
}

/*
 * A leader's answer has to be one for all: whole, and not made for one user. When what is stored is
 * validated, the request's own conditions are not sent.
 */
static int may_join(const cache_request_t *state, const request_rec *r)
{
    if (!herd_of(state) || state->method != CACHE_METHOD_GET ||
        state->answer.fwd == CACHE_FWD_REQUEST)
        return 0;
    if (!state->is_shared || (state->asked.flags & (CACHE_CC_NO_STORE | CACHE_CC_NO_CACHE)) ||
        r->user)
        return 0;
    if (apr_table_get(state->fields, "Authorization"))
        return 0;
    return state->stored || !has_condition(state->fields);
}

static int is_uncacheable(const cache_request_t *state, apr_time_t now)
{
    return cache_marks_has(&herd_of(state)->shared->marks, CACHE_MARK_UNCACHEABLE, &state->herd.id,
                           now);
}

/*
 * Returns 0 when this box is to ask the origin whatever is stored; else another one may have stored
 * what is looked for, until this one got the lease or stopped waiting for it.
 */
static int await_lease(cache_request_t *state, request_rec *r, apr_time_t until)
{
    cache_herd_t *herd = herd_of(state);
    apr_interval_time_t keep = until - tier_clock_now();
    cache_lease_e whose = cache_lease_try(herd->lease, &state->herd.id, keep, r->pool);

    if (whose == CACHE_LEASE_OTHERS)
        state->answer.collapsed = 1;
    __atomic_add_fetch(herd->waiting, 1, __ATOMIC_RELAXED);
    while (whose == CACHE_LEASE_OTHERS && tier_clock_now() < until) {
        apr_sleep(POLL_OTHER_BOX);
        whose = cache_lease_try_again(herd->lease, &state->herd.id, keep, r->pool);
    }
    __atomic_sub_fetch(herd->waiting, 1, __ATOMIC_RELAXED);
    state->herd.has_lease = whose == CACHE_LEASE_MINE;
    if (whose != CACHE_LEASE_UNCACHEABLE)
        return 1;
    remember_uncacheable(state);
    land(state, CACHE_FLIGHT_UNCACHEABLE);
    return 0;
}

/* Between the look-up and the lead, the leader before, of any box, may have stored what is looked
 * for. */
static int begin_to_lead(cache_request_t *state, request_rec *r, cache_herd_look_t look,
                         apr_time_t until)
{
    int may_be_stored;

    cache_herd_lead(state, r);
    may_be_stored =
        herd_of(state)->lease ? await_lease(state, r, until) : state->herd.ticket.is_again;
    if (may_be_stored && look(state, r)) {
        land(state, CACHE_FLIGHT_STORED);
        return 1;
    }
    state->answer.collapsed = 0;
    return 0;
}

static cache_flight_state_e wait_for(cache_request_t *state, apr_time_t until)
{
    cache_herd_t *herd = herd_of(state);
    cache_flight_state_e outcome = CACHE_FLIGHT_UNCACHEABLE;

    if (__atomic_add_fetch(herd->waiting, 1, __ATOMIC_RELAXED) <= herd->most_waiters) {
        outcome = cache_flight_wait(&herd->shared->flights, &herd->shared->roster,
                                    &state->herd.ticket, until);
    } else {
        tier_counter_add(&state->runtime->counters->not_waited, 1);
    }
    __atomic_sub_fetch(herd->waiting, 1, __ATOMIC_RELAXED);
    return outcome;
}

/* The leader got nothing, or takes too long. */
static int use_stale(cache_request_t *state, request_rec *r, cache_flight_state_e outcome)
{
    if (outcome == CACHE_FLIGHT_UNCACHEABLE || !state->found.blob.data)
        return 0;
    if (!cache_stale_if_error(&state->found.record.life, &state->asked, apr_time_now()))
        return 0;
    if (state->stored)
        cache_request_restore(state, r);
    state->stored = NULL;
    state->answer.collapsed = 1;
    state->answer.detail = "stale-if-error";
    return 1;
}

int cache_herd_join(cache_request_t *state, request_rec *r, cache_herd_look_t look)
{
    apr_interval_time_t longest =
        TIER_SETTING(cache_config_of(r->server), wait, CACHE_DEFAULT_WAIT);
    apr_time_t now = tier_clock_now();
    apr_time_t until = now + longest;
    cache_herd_t *herd = herd_of(state);

    if (longest == 0 || !may_join(state, r))
        return 0;
    for (int round = 0; round < MOST_ROUNDS; round++, now = tier_clock_now()) {
        cache_flight_state_e outcome;
        cache_flight_role_e role;

        cache_herd_identify(state);
        if (is_uncacheable(state, now))
            return 0;
        role = cache_flight_enter(&herd->shared->flights, &herd->shared->roster, &state->herd.id,
                                  &herd->self, now, now + longest, &state->herd.ticket);
        if (role == CACHE_FLIGHT_LEADS) {
            state->answer.collapsed = round > 0; /* unless it asks after all */
            return begin_to_lead(state, r, look, until);
        }
        if (role == CACHE_FLIGHT_FULL)
            return 0;
        outcome = wait_for(state, until);
        if (outcome == CACHE_FLIGHT_STORED || outcome == CACHE_FLIGHT_LOST) {
            state->answer.collapsed = outcome == CACHE_FLIGHT_STORED && look(state, r);
            if (state->answer.collapsed)
                return 1;
        } else {
            return use_stale(state, r, outcome);
        }
    }
    return 0;
}
