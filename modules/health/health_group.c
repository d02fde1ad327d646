/* SPDX-License-Identifier: Apache-2.0 */
#include "health_group.h"

#include "atomics.h"

void health_group_begin(health_group_t *group)
{
    group->all = group->usable = group->ready = 0;
}

void health_group_count(health_group_t *group, health_standing_e standing, int out)
{
    if (standing == HEALTH_STANDING_STOPPED)
        return;
    group->all++;
    if (out)
        return;
    group->usable++;
    if (standing == HEALTH_STANDING_READY)
        group->ready++;
}

int health_group_panics(const health_group_t *group)
{
    return group && group->panic && tier_atomic_load(group->panic);
}

int health_group_is_down(const health_group_t *group)
{
    return group->usable == 0;
}

int health_group_is_empty(const health_group_t *group)
{
    return group && group->all > 0 && group->usable == 0;
}

void health_group_excuse(health_group_t *group, const char *down, apr_time_t now)
{
    if (down && group->excused == 0)
        tier_log(group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1065) "%s requires %s, which is down: no member is taken out of service "
                            "for failing meanwhile",
                 group->key.balancer, down);
    if (down) {
        group->excused = now + HEALTH_GROUP_GRACE;
    } else if (group->excused != 0 && (now >= group->excused || group->usable == group->all)) {
        group->excused = 0;
        tier_log(group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1068) "%s: what it requires is up again, members that fail are taken out",
                 group->key.balancer);
    }
}

static health_panic_e panic_of(const health_group_t *group)
{
    if (group->excused != 0)
        return HEALTH_PANIC_REQUIRED;
    return (apr_uint64_t)group->usable * 100 < (apr_uint64_t)group->percent * group->all
               ? HEALTH_PANIC_FEW
               : HEALTH_PANIC_NO;
}

void health_group_judge(health_group_t *group)
{
    health_panic_e panic = panic_of(group);
    health_panic_e before;

    if (!group->panic)
        return;
    before = (health_panic_e)tier_atomic_load(group->panic);
    if (panic == before)
        return;
    tier_atomic_store(group->panic, (apr_uint32_t)panic);
    if (panic == HEALTH_PANIC_FEW)
        tier_log(
            group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
            WTNO(1062) "%s: only %u of %u members are usable, fewer than TierHealthPanic %u%%: "
                       "all of them are tried",
            group->key.balancer, group->usable, group->all, group->percent);
    else if (before == HEALTH_PANIC_FEW)
        tier_log(group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1063) "%s: %u of %u members are usable again, only these are tried",
                 group->key.balancer, group->usable, group->all);
}

int health_group_is_bare(const health_group_t *group)
{
    return group->all > 0 && group->ready == 0 && !health_group_panics(group);
}
