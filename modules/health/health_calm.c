/* SPDX-License-Identifier: Apache-2.0 */
#include "health_calm.h"

#include "health_action.h"

static int is_settled(const health_target_t *target)
{
    const health_entry_t *entry = target->entry;
    const health_member_t *member = &entry->record.member;

    return member->mode == HEALTH_MODE_NORMAL && member->ejected_until == 0 &&
           !member->advice.drain && !target->advised_drain &&
           (member->advice.weight == 0 || member->advice.weight == 100) && !target->reduced &&
           entry->told == member->transitions;
}

void health_calm_note(health_target_t *target)
{
    target->calm = target->server->says && is_settled(target);
    target->calm_out = target->entry->record.member.state == HEALTH_DOWN;
    target->calm_version = tier_atomic_load(&target->entry->version);
}

/* The records say that the member is in service, or out of it, and nothing else. */
static int says_so(const health_target_t *target)
{
    const health_server_t *server = target->server;

    for (int i = 0; i < target->refs->nelts; i++) {
        if (!server->says(server->baton, APR_ARRAY_IDX(target->refs, i, void *), target->calm_out))
            return 0;
    }
    return 1;
}

int health_calm_holds(const health_target_t *target)
{
    const health_entry_t *entry = target->entry;

    return target->calm && tier_atomic_load(&entry->version) == target->calm_version &&
           tier_atomic_load(&entry->order) == HEALTH_ACTION_NONE && entry->ramp == 0 &&
           (!target->eject || health_eject_rests(target->eject)) &&
           !(target->calm_out && health_group_panics(target->group)) && says_so(target);
}
