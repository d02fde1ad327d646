/* SPDX-License-Identifier: Apache-2.0 */
#include "health_balancers.h"

#include "health_slots.h"

#include <clock.h>

/* What the generation before knew, in the fresh slots. */

static void restore_mode(proxy_worker_shared *slot, const health_member_t *member)
{
    if (member->mode == HEALTH_MODE_DRAIN || member->advice.drain)
        health_slots_drain(slot, 1);
    else if (member->mode == HEALTH_MODE_MAINTENANCE)
        health_slots_mirror(slot, HEALTH_MIRROR_DOWN);
}

/* After a full restart the ejection is known from the file alone. */
static void resume_ejection(const health_minded_t *minded, health_passive_t *traffic,
                            const health_entry_t *entry)
{
    const health_member_t *member = &entry->record.member;
    apr_interval_time_t left = member->ejected_until - apr_time_now();

    if (left > minded->section->eject.max)
        left = minded->section->eject.max;
    if (left > 0 && !health_eject_is_out(&traffic->eject))
        health_eject_resume(&traffic->eject, tier_clock_now() + left, member->eject_count);
}

static void restore_slot(const health_minded_t *minded, proxy_worker_shared *slot,
                         health_table_t *table)
{
    health_passive_t *traffic =
        minded->section->ejects ? health_balancers_traffic(minded, slot) : NULL;
    const health_check_t *check = health_slots_check(minded->section, slot);
    const health_entry_t *entry;
    health_key_t key;
    int ejected, down;

    if (!health_balancers_key(&key, minded, slot))
        return;
    entry = health_table_find(table, &key);
    if (entry)
        restore_mode(slot, &entry->record.member);
    if (entry && traffic)
        resume_ejection(minded, traffic, entry);
    ejected = traffic && health_eject_is_out(&traffic->eject);
    if (health_balancers_panic(minded))
        return;
    down = entry ? check && entry->record.member.state == HEALTH_DOWN
                 : check && check->initial == HEALTH_INITIAL_DOWN;
    if (ejected || down)
        health_slots_mirror(slot, HEALTH_MIRROR_DOWN);
}

/* Returns 1 with a copy of what any server knew of the member. */
static int find_known(const health_table_t *table, const char *balancer,
                      const proxy_worker_shared *slot, int (*wanted)(const health_member_t *member),
                      health_record_t *copy)
{
    char text[HEALTH_SLOTS_TEXT];

    health_slots_text(slot, text, sizeof(text));
    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        if (health_table_read(table, i, copy) && wanted(&copy->member) &&
            strcmp(copy->key.balancer, balancer) == 0 && strcmp(copy->key.member, text) == 0)
            return 1;
    }
    return 0;
}

static int was_out(const health_member_t *member)
{
    return member->state == HEALTH_DOWN || member->ejected_until ||
           member->mode == HEALTH_MODE_MAINTENANCE;
}

/* Not by balancer-manager alone. */
static int was_drained(const health_member_t *member)
{
    return member->mode == HEALTH_MODE_DRAIN || (member->advice.drain && !member->drained);
}

/* What BalancerPersist kept of a member that is watched no more, and was ours, nobody would ever
 * take back. */
static void clear_unchecked(const proxy_balancer *balancer, const health_table_t *table,
                            apr_pool_t *ptemp)
{
    health_record_t *copy = apr_palloc(ptemp, sizeof(*copy));

    for (int i = 0; i < balancer->max_workers; i++) {
        proxy_worker_shared *slot = health_slots_at(balancer, i);

        if (!health_slots_is_filled(slot))
            continue;
        if ((slot->status & PROXY_WORKER_HC_FAIL) && slot->method == NONE &&
            find_known(table, balancer->s->name, slot, was_out, copy))
            health_slots_mirror(slot, HEALTH_MIRROR_UP);
        if ((slot->status & PROXY_WORKER_DRAIN) &&
            find_known(table, balancer->s->name, slot, was_drained, copy))
            health_slots_drain(slot, 0);
    }
}

void health_balancers_restore(const health_balancers_t *balancers, health_table_t *table,
                              server_rec *main_server, apr_pool_t *ptemp)
{
    for (int i = 0; i < balancers->list->nelts; i++) {
        const health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        for (int j = 0; j < minded->balancer->max_workers; j++) {
            proxy_worker_shared *slot = health_slots_at(minded->balancer, j);

            if (health_slots_is_filled(slot))
                restore_slot(minded, slot, table);
        }
    }
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = health_slots_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            const proxy_balancer *balancer = health_slots_balancer(conf->balancers, i);

            if (!health_balancers_know(balancers, balancer))
                clear_unchecked(balancer, table, ptemp);
        }
    }
}
