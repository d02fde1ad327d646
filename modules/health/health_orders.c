/* SPDX-License-Identifier: Apache-2.0 */
#include "health_orders.h"

#include "health_action.h"
#include "health_review.h"

#define REASON "asked for on the status page"

static void tell(const health_target_t *target, apr_uint32_t action)
{
    tier_log(target->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
             WTNO(1064) "%s: member %s: %s, %s", target->key.balancer, target->key.member,
             health_action_name(action), REASON);
}

static health_acted_e set_mode(health_target_t *target, health_mode_e mode, apr_uint32_t action,
                               apr_time_t now)
{
    health_member_t member = target->entry->record.member;
    apr_uint32_t was = member.mode;

    if (member.mode == (apr_uint32_t)mode)
        return HEALTH_ACTED;
    if (member.mode == HEALTH_MODE_DRAIN)
        health_target_drain(target, 0);
    health_member_set_mode(&member, mode, apr_time_now(), REASON);
    health_entry_set_member(target->entry, &member);
    if (was == HEALTH_MODE_MAINTENANCE && !health_target_is_out(target))
        health_target_returned(target, now);
    else
        health_target_mirror(target);
    tell(target, action);
    return HEALTH_ACTED;
}

static health_acted_e eject(health_target_t *target, apr_time_t now)
{
    health_eject_t *state = target->eject;

    if (!state)
        return HEALTH_ACT_NO_EJECT;
    if (health_eject_claim(state, target->ejecting, now) == 0)
        return HEALTH_ACTED; /* it is ejected already */
    health_eject_confirm(state, HEALTH_ATTEMPT_KINDS, 0);
    tell(target, HEALTH_ACTION_EJECT);
    health_review(target, now);
    health_target_mirror(target);
    return HEALTH_ACTED;
}

static health_acted_e restore(health_target_t *target, apr_time_t now)
{
    if (target->entry->record.member.state == HEALTH_DOWN)
        return HEALTH_ACT_IS_DOWN;
    if (target->eject && health_eject_is_out(target->eject))
        health_review_end(target, REASON, now);
    tell(target, HEALTH_ACTION_RESTORE);
    health_target_forgive(target);
    return HEALTH_ACTED;
}

static health_acted_e carry_out(health_target_t *target, apr_uint32_t action, apr_time_t now)
{
    switch (action) {
    case HEALTH_ACTION_DRAIN:
        return set_mode(target, HEALTH_MODE_DRAIN, action, now);
    case HEALTH_ACTION_MAINTENANCE:
        return set_mode(target, HEALTH_MODE_MAINTENANCE, action, now);
    case HEALTH_ACTION_NORMAL:
        return set_mode(target, HEALTH_MODE_NORMAL, action, now);
    case HEALTH_ACTION_EJECT:
        return eject(target, now);
    default:
        return restore(target, now);
    }
}

void health_orders_take(health_target_t *target, apr_time_t now)
{
    health_entry_t *entry = target->entry;
    apr_uint32_t action = tier_atomic_load(&entry->order);

    if (action == HEALTH_ACTION_NONE)
        return;
    tier_atomic_store(&entry->acted, carry_out(target, action, now));
    /* Last, for whoever waits. One who has given up meanwhile is told so although it is done. */
    tier_atomic_store(&entry->order, HEALTH_ACTION_NONE);
}
