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

void health_group_judge(health_group_t *group)
{
    int panic = (apr_uint64_t)group->usable * 100 < (apr_uint64_t)group->percent * group->all;

    if (!group->panic || panic == health_group_panics(group))
        return;
    tier_atomic_store(group->panic, (apr_uint32_t)panic);
    if (panic)
        tier_log(
            group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
            WTNO(1062) "%s: only %u of %u members are usable, fewer than TierHealthPanic %u%%: "
                       "all of them are tried",
            group->key.balancer, group->usable, group->all, group->percent);
    else
        tier_log(group->log, TIER_LOG_MARK, TIER_LOG_NOTICE, APR_SUCCESS,
                 WTNO(1063) "%s: %u of %u members are usable again, only these are tried",
                 group->key.balancer, group->usable, group->all);
}

int health_group_is_bare(const health_group_t *group)
{
    return group->all > 0 && group->ready == 0 && !health_group_panics(group);
}
