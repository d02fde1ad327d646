/* SPDX-License-Identifier: Apache-2.0 */
#include "health_target.h"

#include <apr_strings.h>

#include <string.h>

#include "clock.h"
#include "health_calm.h"
#include "health_check_http.h"
#include "health_companion.h"
#include "health_ramp.h"
#include "health_review.h"
#include "health_schedule.h"

/* With timeout= as long as the interval, a probe that began a little late ends a little after the
 * next one is due: it ends then, or each would push the next one on. */
#define NEARLY_OVER apr_time_from_msec(2)

/* How soon a target looks again whether the resolver has answered. */
#define RESOLVER_POLL apr_time_from_msec(10)

const char *health_target_authority(const health_spec_t *spec, apr_pool_t *pool)
{
    const char *host =
        strchr(spec->host, ':') ? apr_pstrcat(pool, "[", spec->host, "]", NULL) : spec->host;

    if (spec->socket_path || spec->port == 0 ||
        spec->port == (strcmp(spec->scheme, "https") == 0 ? 443 : 80))
        return apr_pstrdup(pool, host);
    return apr_psprintf(pool, "%s:%u", host, (unsigned)spec->port);
}

int health_target_is_out(const health_target_t *target)
{
    return target->entry->record.member.state == HEALTH_DOWN ||
           (target->eject && health_eject_is_out(target->eject));
}

health_standing_e health_target_standing(const health_target_t *target)
{
    const health_server_t *server = target->server;

    if (target->entry->record.member.mode != HEALTH_MODE_NORMAL)
        return HEALTH_STANDING_STOPPED;
    return server->standing && target->refs->nelts > 0
               ? server->standing(server->baton, APR_ARRAY_IDX(target->refs, 0, void *))
               : HEALTH_STANDING_READY;
}

void health_target_drain(const health_target_t *target, int drain)
{
    const health_server_t *server = target->server;

    for (int i = 0; server->set_drain && i < target->refs->nelts; i++)
        server->set_drain(server->baton, APR_ARRAY_IDX(target->refs, i, void *), drain);
}

static int is_barred(const health_target_t *target)
{
    return target->entry->record.member.mode == HEALTH_MODE_MAINTENANCE ||
           (health_target_is_out(target) && !health_group_panics(target->group));
}

static int drains_already(const health_target_t *target)
{
    const health_server_t *server = target->server;
    int drains = 0;

    for (int i = 0; server->drains && i < target->refs->nelts; i++)
        drains |= server->drains(server->baton, APR_ARRAY_IDX(target->refs, i, void *));
    return drains;
}

/* Somebody else's drain, set before the agent asked for one, is not the agent's to end. In the
 * table, since another leader may see the end of it. */
static void note_drain(health_target_t *target)
{
    health_member_t member = target->entry->record.member;
    apr_uint32_t drained =
        member.advice.drain && member.mode != HEALTH_MODE_DRAIN && drains_already(target);

    target->advised_drain = member.advice.drain != 0;
    if (member.drained == drained)
        return;
    member.drained = drained;
    health_entry_set_member(target->entry, &member);
}

/* What the administrator says holds whatever the agent says. */
static void mirror_drain(health_target_t *target)
{
    const health_member_t *member = &target->entry->record.member;
    int ends = target->advised_drain && !member->drained;

    if (target->advised_drain != (member->advice.drain != 0))
        note_drain(target);
    if (member->mode == HEALTH_MODE_DRAIN || member->advice.drain)
        health_target_drain(target, 1);
    else if (ends)
        health_target_drain(target, 0);
}

void health_target_mirror(health_target_t *target)
{
    const health_member_t *member = &target->entry->record.member;
    health_mirror_e how = is_barred(target) ? HEALTH_MIRROR_DOWN : HEALTH_MIRROR_UP;

    mirror_drain(target);
    for (int i = 0; i < target->refs->nelts; i++) {
        void *ref = APR_ARRAY_IDX(target->refs, i, void *);
        apr_time_t since;

        target->server->mirror(target->server->baton, ref, how);
        if (!target->check || how == HEALTH_MIRROR_DOWN || health_target_is_out(target) ||
            member->failed == 0 || member->passes < target->check->rise)
            continue;
        /*
         * The server gave the member up for a fault that the probes saw too, and they see it no
         * more. An error that came when the probes passed is the server's own finding and stays.
         */
        since = target->server->error_since(target->server->baton, ref);
        if (since != 0 && since <= member->failed + target->check->interval)
            target->server->mirror(target->server->baton, ref, HEALTH_MIRROR_RECOVERED);
    }
}

static const char *count_text(apr_uint32_t count, const char *one, const char *many,
                              apr_pool_t *pool)
{
    return count == 1 ? apr_pstrcat(pool, "1 ", one, NULL)
                      : apr_psprintf(pool, "%u consecutive %s", count, many);
}

static void log_transition(const health_target_t *target, health_state_e from, const char *result)
{
    const health_member_t *member = &target->entry->record.member;

    if (member->state == HEALTH_DOWN)
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1001) "%s: member %s is down (was %s) after %s: %s", target->key.balancer,
                 target->key.member, health_member_state_name(from),
                 count_text(member->failures, "failure", "failures", target->scratch), result);
    else
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1002) "%s: member %s is up (was %s) after %s: %s", target->key.balancer,
                 target->key.member, health_member_state_name(from),
                 count_text(member->passes, "pass", "passes", target->scratch), result);
}

static void recover(const health_target_t *target)
{
    for (int i = 0; i < target->refs->nelts; i++)
        target->server->mirror(target->server->baton, APR_ARRAY_IDX(target->refs, i, void *),
                               HEALTH_MIRROR_RECOVERED);
}

/* A member that is still ejected is not back; one without checks may be in mod_proxy's own error
 * state for a reason. */
static void mirror_recovery(health_target_t *target)
{
    if (!target->check || health_target_is_out(target) ||
        target->entry->record.member.mode == HEALTH_MODE_MAINTENANCE) {
        health_target_mirror(target);
        return;
    }
    recover(target);
}

void health_target_forgive(health_target_t *target)
{
    if (target->suspect)
        health_suspect_clear(target->suspect);
    if (target->entry->record.member.mode != HEALTH_MODE_MAINTENANCE)
        recover(target);
}

/* How much of its load factor the member has: slow start, and what its agent wants of that. */
static apr_uint32_t share_of(const health_target_t *target, apr_time_t now)
{
    apr_uint32_t weight = target->entry->record.member.advice.weight;
    apr_uint32_t share = target->entry->ramp
                             ? health_ramp_percent(target->entry->ramp, target->slow_start, now)
                             : 100;

    share = weight ? share * weight / 100 : share;
    return share ? share : 1;
}

void health_target_ramp(health_target_t *target, apr_time_t now)
{
    const health_server_t *server = target->server;
    apr_uint32_t share = share_of(target, now);

    if (share == 100 && target->entry->ramp == 0 && !target->reduced)
        return;
    for (int i = 0; server->set_share && i < target->refs->nelts; i++)
        server->set_share(server->baton, APR_ARRAY_IDX(target->refs, i, void *), share);
    target->reduced = share < 100;
    if (target->entry->ramp &&
        health_ramp_percent(target->entry->ramp, target->slow_start, now) >= 100)
        target->entry->ramp = 0;
}

void health_target_returned(health_target_t *target, apr_time_t now)
{
    if (target->slow_start > 0)
        target->entry->ramp = now;
    health_target_ramp(target, now);
    if (target->suspect)
        health_suspect_clear(target->suspect);
    mirror_recovery(target);
}

/* With nobody else to be asked the first pass is enough: a member that fails again is no worse. */
static apr_uint32_t rise_of(const health_target_t *target)
{
    return health_group_is_empty(target->group) ? 1 : target->check->rise;
}

/* Returns 1 when the outcome changes the member's state; otherwise it is taken in. The past, most
 * of the record, is neither read nor written but for this probe. */
static int changes_state(health_target_t *target, const health_outcome_t *outcome)
{
    health_member_t member;
    health_state_e from;

    memcpy(&member, &target->entry->record.member, HEALTH_MEMBER_HEAD);
    if (health_member_judge(&member, rise_of(target), target->check->fall, outcome, &from))
        return 1;
    health_entry_set_probed(target->entry, &member);
    if (target->calm)
        health_calm_note(target);
    return 0;
}

static void judge(health_target_t *target, const health_outcome_t *outcome)
{
    health_member_t member;
    health_state_e from;

    if (!changes_state(target, outcome))
        return;
    member = target->entry->record.member;
    health_member_judge(&member, rise_of(target), target->check->fall, outcome, &from);
    health_entry_set_member(target->entry, &member);
    log_transition(target, from, outcome->result);
    if (from != HEALTH_DOWN) {
        health_target_mirror(target);
        return;
    }
    health_target_returned(target, tier_clock_now());
    /* An ejection may end with it: not only at the next tick. */
    if (target->eject)
        health_review(target, tier_clock_now());
}

static void log_local_fault(health_target_t *target, const tier_result_t *result)
{
    if (!target->local_fault)
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_WARNING, result->status,
                 WTNO(1003) "%s: member %s cannot be probed: %s; its state stays as it is",
                 target->key.balancer, target->key.member, result->detail);
    target->local_fault = 1;
}

static void take_outcome(health_target_t *target, health_verdict_e verdict,
                         const tier_result_t *result, apr_interval_time_t latency)
{
    const char *refused = health_companion_refuses(target->companion);
    health_outcome_t outcome;

    apr_pool_clear(target->scratch);
    if (verdict == HEALTH_VOID) {
        log_local_fault(target, result);
        return;
    }
    target->local_fault = 0;
    if (verdict == HEALTH_PASS && health_companion_is_awaited(target->companion))
        return;
    outcome.advice = target->probe.advised ? &target->probe.advice : NULL;
    outcome.passed = verdict == HEALTH_PASS && !refused;
    outcome.latency = latency;
    outcome.when = apr_time_now();
    outcome.result = outcome.passed && result->detail ? result->detail
                                                      : tier_result_text(result, target->scratch);
    if (verdict == HEALTH_PASS && refused)
        outcome.result = refused;
    judge(target, &outcome);
}

static apr_interval_time_t interval_of(const health_target_t *target)
{
    return health_schedule_interval(target->check, &target->entry->record.member);
}

/* After an outcome another interval may hold, counted from the probe that brought it. */
static void reschedule(tier_loop_t *loop, health_target_t *target)
{
    apr_time_t due = target->probed + interval_of(target);

    if (due == target->entry->due && !target->overdue)
        return;
    target->overdue = 0;
    target->entry->due = due;
    tier_loop_timer_set(loop, &target->timer, due);
}

static void probe_done(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                       const tier_result_t *result, apr_interval_time_t latency)
{
    take_outcome(probe->baton, verdict, result, latency);
    reschedule(loop, probe->baton);
}

static void poll_address(health_target_t *target)
{
    tier_result_t problem;
    apr_pool_t *scratch = target->scratch;

    apr_pool_clear(scratch);
    if (!health_address_poll(target->address, tier_clock_now(), &problem, scratch))
        return;
    if (problem.status != APR_SUCCESS)
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_WARNING, APR_SUCCESS,
                 WTNO(1004) "%s: the name of member %s has no address (%s); it is looked up again "
                            "each second",
                 target->key.balancer, target->key.member, tier_result_text(&problem, scratch));
    else
        tier_log(target->log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS,
                 WTNO(1005) "%s: the name of member %s has a new address", target->key.balancer,
                 target->key.member);
}

/* No address yet: returns 1 when it is worth a short wait, else counts it as a failed probe. */
static int wait_for_address(health_target_t *target, apr_time_t now)
{
    const tier_result_t result = {APR_EGENERAL, "unresolved", "the member's name has no address"};

    if (target->waiting_since == 0)
        target->waiting_since = now;
    if (!health_address_unresolved(target->address) &&
        now - target->waiting_since < target->check->timeout)
        return 1;
    target->probe.advised = 0;
    take_outcome(target, HEALTH_FAIL, &result, 0);
    return 0;
}

/* Returns when the timer is to fire next; 0: it is set when the probe is done. */
static apr_time_t begin_probe(health_target_t *target, apr_time_t now)
{
    apr_sockaddr_t *addresses;
    apr_time_t due;

    if (health_probe_active(&target->probe) &&
        !health_probe_expire(&target->probe, now + NEARLY_OVER)) {
        target->overdue = 1; /* the interval for suspects may be shorter than the time-out */
        return 0;
    }
    due = target->entry->due;
    if (due > now)
        return due; /* what it has brought puts the next one off */
    poll_address(target);
    addresses = health_address_get(target->address);
    if (!addresses && wait_for_address(target, now))
        return now + RESOLVER_POLL;
    target->waiting_since = 0;
    due = health_schedule_next(due, interval_of(target), now);
    target->probed = due - interval_of(target); /* without the times that were missed */
    /* Before the probe, so that a leader who takes over now does not probe again. */
    target->entry->due = due;
    if (addresses)
        health_probe_start(&target->probe, addresses);
    return due;
}

static void probe_due(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    apr_time_t next = begin_probe(timer->baton, tier_loop_now(loop));

    if (next)
        tier_loop_timer_set(loop, timer, next);
}

/* Where the probe goes: to the member, unless the check says otherwise. */
static apr_status_t find_address(health_target_t *target, const health_spec_t *spec,
                                 health_lookups_t *lookups)
{
    const health_check_t *check = spec->check;
    const char *path = check->address || check->port ? NULL : spec->socket_path;
    const char *host = check->address ? check->address : spec->host;
    apr_port_t port = check->port ? check->port : health_check_kind_port(check->kind);

    if (check->address && *check->address == '/')
        path = check->address;
    if (!port || strcmp(spec->scheme, health_check_kind_name(check->kind)) == 0)
        port = check->port ? check->port : spec->port;
    return health_address_create(&target->address, path, host, port, lookups, target->pool);
}

/* The name that a certificate must have. */
static const char *peer_name(const health_spec_t *spec, apr_pool_t *pool)
{
    const health_check_t *check = spec->check;

    if (check->tls.peer)
        return check->tls.peer;
    if (check->host)
        return health_check_host_name(check->host, pool);
    return apr_pstrdup(pool,
                       check->address && *check->address != '/' ? check->address : spec->host);
}

static apr_status_t prepare_probe(health_target_t *target, const health_spec_t *spec,
                                  health_lookups_t *lookups, tier_loop_t *loop)
{
    apr_status_t status;

    target->timer.fire = probe_due;
    target->timer.baton = target;
    target->probe.check = spec->check;
    target->probe.member = target->key.member;
    target->probe.authority = health_target_authority(spec, target->pool);
    target->probe.peer = peer_name(spec, target->pool);
    target->probe.done = probe_done;
    target->probe.baton = target;
    status = find_address(target, spec, lookups);
    if (status == APR_SUCCESS)
        status = health_probe_init(&target->probe, loop, target->pool);
    return status == APR_SUCCESS && spec->check->agent_port
               ? health_companion_create(target, spec, lookups, loop)
               : status;
}

apr_status_t health_target_create(health_target_t **target, const health_spec_t *spec,
                                  health_entry_t *entry, const health_server_t *server,
                                  health_lookups_t *lookups, tier_loop_t *loop, apr_pool_t *pool)
{
    apr_pool_t *own;
    health_target_t *made;
    apr_status_t status = apr_pool_create(&own, pool);

    if (status != APR_SUCCESS)
        return status;
    made = *target = apr_pcalloc(own, sizeof(*made));
    made->pool = own;
    made->key = spec->key;
    made->check = spec->check;
    made->ejecting = spec->ejecting;
    made->eject = spec->eject;
    made->suspect = spec->suspect;
    made->alarm = spec->alarm;
    made->outlier = spec->outlier;
    made->slow_start = spec->slow_start;
    made->log = spec->log;
    made->server = server;
    made->entry = entry;
    made->refs = apr_array_make(own, 1, sizeof(void *));
    made->advised_drain = entry->record.member.advice.drain != 0;
    made->reduced = entry->record.member.advice.weight != 0; /* by an earlier leader, perhaps */
    apr_pool_create(&made->scratch, own);
    status = spec->check ? prepare_probe(made, spec, lookups, loop) : APR_SUCCESS;
    if (status != APR_SUCCESS)
        apr_pool_destroy(own);
    return status;
}

apr_status_t health_target_schedule(health_target_t *target, tier_loop_t *loop, apr_time_t first)
{
    apr_time_t now = tier_loop_now(loop);

    if (!health_schedule_usable(target->entry->due, interval_of(target), now))
        target->entry->due = first;
    health_companion_schedule(target->companion, target->entry->due);
    return tier_loop_timer_set(loop, &target->timer, target->entry->due);
}

void health_target_destroy(health_target_t *target, tier_loop_t *loop)
{
    tier_loop_timer_cancel(loop, &target->timer);
    health_probe_cancel(&target->probe);
    health_companion_stop(target->companion);
    apr_pool_destroy(target->pool);
}
