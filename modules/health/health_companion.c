/* SPDX-License-Identifier: Apache-2.0 */
#include "health_companion.h"

#include <apr_strings.h>

#include <string.h>

/* How soon it is looked again whether the resolver has answered. */
#define RESOLVER_POLL apr_time_from_msec(10)

static void take_advice(const health_companion_t *companion, const health_advice_t *advice)
{
    health_entry_t *entry = companion->target->entry;
    health_member_t member;

    if (memcmp(advice, &entry->record.member.advice, sizeof(*advice)) == 0)
        return;
    memcpy(&member, &entry->record.member, HEALTH_MEMBER_HEAD);
    member.advice = *advice;
    health_entry_set_head(entry, &member);
}

static void miss(health_companion_t *companion, const char *why)
{
    static const health_advice_t all_of_it = {.weight = 100};
    const health_target_t *target = companion->target;

    companion->heard = 1;
    if (companion->missed == companion->check.fall || ++companion->missed < companion->check.fall)
        return;
    companion->down = 0;
    take_advice(companion, &all_of_it);
    tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
             WTNO(1074) "%s: the agent of member %s has no say until it answers again: %s",
             target->key.balancer, target->key.member, why);
}

/* Only a line that could be read comes with advice, also where it says down. */
static void answered(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                     const tier_result_t *result, apr_interval_time_t latency)
{
    health_companion_t *companion = probe->baton;

    (void)loop;
    (void)latency;
    if (!probe->advised) {
        if (verdict == HEALTH_FAIL)
            miss(companion, tier_result_text(result, probe->pool));
        return;
    }
    companion->missed = 0;
    companion->heard = 1;
    companion->down = verdict == HEALTH_FAIL;
    apr_cpystrn(companion->why, tier_result_text(result, probe->pool), sizeof(companion->why));
    take_advice(companion, &probe->advice);
}

/* Returns when it is to be asked again. */
static apr_time_t ask(health_companion_t *companion, apr_time_t now)
{
    apr_pool_t *scratch = companion->target->scratch;
    apr_sockaddr_t *addresses;
    tier_result_t problem;

    apr_pool_clear(scratch);
    if (!health_probe_active(&companion->probe)) {
        health_address_poll(companion->address, now, &problem, scratch);
        addresses = health_address_get(companion->address);
        if (!addresses && !health_address_unresolved(companion->address))
            return now + RESOLVER_POLL;
        if (addresses)
            health_probe_start(&companion->probe, addresses);
        else
            miss(companion, "unresolved: its name has no address");
    }
    companion->due += companion->check.interval;
    if (companion->due <= now)
        companion->due = now + companion->check.interval;
    return companion->due;
}

static void is_due(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    tier_loop_timer_set(loop, timer, ask(timer->baton, tier_loop_now(loop)));
}

static void derive(health_check_t *own, const health_check_t *check)
{
    health_check_defaults(own);
    own->kind = HEALTH_KIND_AGENT;
    own->port = check->agent_port;
    own->interval = check->agent_interval;
    own->timeout = check->timeout < own->interval ? check->timeout : own->interval;
    own->fall = check->fall;
}

apr_status_t health_companion_create(health_target_t *target, const health_spec_t *spec,
                                     health_lookups_t *lookups, tier_loop_t *loop)
{
    health_companion_t *made = apr_pcalloc(target->pool, sizeof(*made));
    apr_status_t status;

    target->companion = made;
    made->target = target;
    derive(&made->check, spec->check);
    made->loop = loop;
    made->timer.fire = is_due;
    made->timer.baton = made;
    made->probe.check = &made->check;
    made->probe.member = target->key.member;
    made->probe.authority = made->probe.peer = "";
    made->probe.done = answered;
    made->probe.baton = made;
    status = health_address_create(&made->address, NULL, spec->host, made->check.port, lookups,
                                   target->pool);
    return status == APR_SUCCESS ? health_probe_init(&made->probe, loop, target->pool) : status;
}

void health_companion_schedule(health_companion_t *companion, apr_time_t first)
{
    if (!companion)
        return;
    companion->due = first;
    tier_loop_timer_set(companion->loop, &companion->timer, first);
}

const char *health_companion_refuses(const health_companion_t *companion)
{
    return companion && companion->down ? companion->why : NULL;
}

int health_companion_is_awaited(const health_companion_t *companion)
{
    return companion && !companion->heard &&
           companion->target->entry->record.member.state == HEALTH_DOWN;
}

void health_companion_stop(health_companion_t *companion)
{
    if (!companion)
        return;
    tier_loop_timer_cancel(companion->loop, &companion->timer);
    health_probe_cancel(&companion->probe);
}
