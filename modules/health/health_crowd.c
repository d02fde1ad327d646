/* SPDX-License-Identifier: Apache-2.0 */
#include "health_crowd.h"

#include "health_review.h"

/* The members of one balancer that outlier detection is on for. */
typedef struct crowd_t {
    apr_array_header_t *targets; /* of health_target_t * */
    apr_uint32_t ejected;
} crowd_t;

static crowd_t *crowd_of(apr_hash_t *crowds, const health_target_t *target, apr_pool_t *pool)
{
    crowd_t *crowd = apr_hash_get(crowds, &target->group, sizeof(target->group));

    if (crowd)
        return crowd;
    crowd = apr_pcalloc(pool, sizeof(*crowd));
    crowd->targets = apr_array_make(pool, 8, sizeof(health_target_t *));
    apr_hash_set(crowds, &target->group, sizeof(target->group), crowd);
    return crowd;
}

static apr_hash_t *gather(apr_hash_t *targets, apr_pool_t *pool)
{
    apr_hash_t *crowds = apr_hash_make(pool);

    for (apr_hash_index_t *i = apr_hash_first(NULL, targets); i; i = apr_hash_next(i)) {
        health_target_t *target = apr_hash_this_val(i);
        crowd_t *crowd;

        if (!target->outlier || !target->ejecting->outlier.on)
            continue;
        crowd = crowd_of(crowds, target, pool);
        if (health_eject_is_out(target->eject))
            crowd->ejected++;
        else
            APR_ARRAY_PUSH(crowd->targets, health_target_t *) = target;
    }
    return crowds;
}

static int has_room(const crowd_t *crowd, const health_target_t *target)
{
    const health_group_t *group = target->group;

    return group->ready > 1 &&
           crowd->ejected < health_eject_room(group->all, target->ejecting->share) &&
           !health_group_panics(group);
}

static void eject(crowd_t *crowd, health_target_t *target, health_outlier_e why, apr_uint32_t value,
                  apr_time_t now)
{
    apr_time_t until;

    if (!has_room(crowd, target) ||
        !(until = health_eject_claim(target->eject, target->ejecting, now)))
        return;
    crowd->ejected++;
    target->group->ready--;
    health_eject_confirm(target->eject, HEALTH_ATTEMPT_KINDS + why, (int)value);
    health_outlier_clear(target->outlier);
    health_review_tell(target, until - now);
    health_review(target, now);
    health_target_mirror(target);
}

static void judge(crowd_t *crowd, apr_time_t now, apr_pool_t *pool)
{
    apr_uint32_t count = (apr_uint32_t)crowd->targets->nelts;
    health_outlier_sum_t *sums = apr_palloc(pool, (count + 1) * sizeof(*sums));

    for (apr_uint32_t i = 0; i < count; i++) {
        const health_target_t *target = APR_ARRAY_IDX(crowd->targets, i, health_target_t *);

        sums[i] = health_outlier_sum(target->outlier, &target->ejecting->outlier, now);
    }
    for (apr_uint32_t i = 0; i < count; i++) {
        health_target_t *target = APR_ARRAY_IDX(crowd->targets, i, health_target_t *);
        apr_uint32_t value;
        health_outlier_e why =
            health_outlier_judge(sums, count, i, &target->ejecting->outlier, &value);

        if (why != HEALTH_OUTLIER_NONE)
            eject(crowd, target, why, value, now);
    }
}

void health_crowd_judge(apr_hash_t *targets, apr_time_t now, apr_pool_t *scratch)
{
    apr_hash_t *crowds;

    apr_pool_clear(scratch);
    crowds = gather(targets, scratch);
    for (apr_hash_index_t *i = apr_hash_first(NULL, crowds); i; i = apr_hash_next(i))
        judge(apr_hash_this_val(i), now, scratch);
}
