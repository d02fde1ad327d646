/* SPDX-License-Identifier: Apache-2.0 */
#include "health_action.h"

#include <apr_strings.h>

#include <string.h>

#include "atomics.h"
#include "clock.h"

#define LOOK_EVERY apr_time_from_msec(5)
#define MAIN_SCOPE "-"

static const char *const names[] = {"none", "drain", "maintenance", "normal", "eject", "restore"};

#define NAMES (sizeof(names) / sizeof(names[0]))

health_action_e health_action_of(const char *name)
{
    for (apr_uint32_t i = 1; i < NAMES; i++) {
        if (strcmp(name, names[i]) == 0)
            return (health_action_e)i;
    }
    return HEALTH_ACTION_NONE;
}

const char *health_action_name(apr_uint32_t action)
{
    return action < NAMES ? names[action] : names[0];
}

const char *health_action_words(const health_member_t *member, apr_pool_t *pool)
{
    const char *modes = member->mode == HEALTH_MODE_DRAIN         ? "maintenance normal"
                        : member->mode == HEALTH_MODE_MAINTENANCE ? "drain normal"
                                                                  : "drain maintenance";

    if (member->ejected_until)
        return apr_pstrcat(pool, modes, " restore", NULL);
    return member->ejects ? apr_pstrcat(pool, modes, " eject", NULL) : modes;
}

const char *health_action_target(const health_key_t *key, apr_pool_t *pool)
{
    return apr_pstrcat(pool, *key->scope ? key->scope : MAIN_SCOPE, " ", key->balancer, " ",
                       key->member, NULL);
}

int health_action_key(health_key_t *key, const char *target)
{
    char scope[sizeof(key->scope)], balancer[sizeof(key->balancer)];
    const char *first = strchr(target, ' ');
    const char *second = first ? strchr(first + 1, ' ') : NULL;

    if (!second || (apr_size_t)(first - target) >= sizeof(scope) ||
        (apr_size_t)(second - first) > sizeof(balancer))
        return 0;
    apr_cpystrn(scope, target, (apr_size_t)(first - target) + 1);
    apr_cpystrn(balancer, first + 1, (apr_size_t)(second - first));
    return second[1] &&
           health_key_set(key, strcmp(scope, MAIN_SCOPE) == 0 ? "" : scope, balancer, second + 1);
}

health_acted_e health_action_ask(health_entry_t *entry, health_action_e action,
                                 apr_interval_time_t timeout)
{
    apr_time_t until = tier_clock_now() + timeout;

    if (!tier_atomic_swap(&entry->order, HEALTH_ACTION_NONE, action))
        return HEALTH_ACT_BUSY;
    while (tier_clock_now() < until) {
        if (tier_atomic_load(&entry->order) == HEALTH_ACTION_NONE)
            return (health_acted_e)tier_atomic_load(&entry->acted);
        apr_sleep(LOOK_EVERY);
    }
    return tier_atomic_swap(&entry->order, action, HEALTH_ACTION_NONE)
               ? HEALTH_ACT_NOBODY
               : (health_acted_e)tier_atomic_load(&entry->acted);
}

const char *health_action_text(health_acted_e acted)
{
    switch (acted) {
    case HEALTH_ACTED:
        return "done";
    case HEALTH_ACT_NO_EJECT:
        return "TierHealthEject is off for this balancer";
    case HEALTH_ACT_IS_DOWN:
        return "its checks fail, it is back when they pass";
    case HEALTH_ACT_NOBODY:
        return "nobody watches the members at this moment, try again";
    default:
        return "another action is still to be carried out, try again";
    }
}
