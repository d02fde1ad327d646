/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_LIVE_H
#define HEALTH_LIVE_H

/* A balancer whose members live traffic judges, and checks where there are any; no probe is ever
 * made. */

#include "health_server.h"

#define LIVE_MEMBERS 4

typedef struct live_member_t {
    record_t *record;
    health_eject_t eject;
    health_outlier_t outlier;
    health_suspect_t suspect;
    health_entry_t *entry;
    health_target_t *target;
} live_member_t;

typedef struct live_balancer_t {
    fake_server_t fake;
    health_eject_settings_t settings;
    health_lookups_t lookups;
    tier_loop_t *loop;
    apr_uint32_t alarm;
    apr_uint32_t panic;
    health_group_t group; /* of all members; not counted yet */
    live_member_t members[LIVE_MEMBERS];
} live_balancer_t;

static inline void add_live(live_balancer_t *b, int i, int checks, health_table_t *table,
                            apr_pool_t *pool)
{
    static const char *const urls[LIVE_MEMBERS] = {"http://m", "http://n", "http://o", "http://p"};
    live_member_t *m = &b->members[i];
    health_spec_t spec;

    m->record = &b->fake.records[i];
    *m->record = (record_t){.url = urls[i], .port = 1};
    spec = spec_of(&b->fake, m->record);
    if (!checks)
        spec.check = NULL;
    spec.ejecting = &b->settings;
    spec.eject = &m->eject;
    spec.outlier = &m->outlier;
    spec.suspect = &m->suspect;
    spec.alarm = &b->alarm;
    m->entry = health_table_claim(table, &spec.key, apr_time_now());
    assert_int_equal(health_target_create(&m->target, &spec, m->entry, &b->fake.server, &b->lookups,
                                          b->loop, pool),
                     APR_SUCCESS);
    m->target->group = &b->group;
    APR_ARRAY_PUSH(m->target->refs, void *) = m->record;
}

/* Two failures eject for a second at first and five at most, half of the members at once. */
static inline void open_live(live_balancer_t *b, int checks, apr_pool_t *pool)
{
    health_table_t *table = new_table(LIVE_MEMBERS, pool);

    memset(b, 0, sizeof(*b));
    open_server(&b->fake);
    b->settings = (health_eject_settings_t){2, MS(1000), MS(5000), 50, {0}};
    b->group.log = &b->fake.log.log;
    b->group.panic = &b->panic;
    assert_int_equal(tier_loop_create(&b->loop, 8, pool), APR_SUCCESS);
    for (int i = 0; i < LIVE_MEMBERS; i++)
        add_live(b, i, checks, table, pool);
}

static inline void check_says(const live_member_t *m, health_state_e state, apr_uint32_t failures)
{
    health_member_t member = m->entry->record.member;

    member.state = state;
    member.failures = failures;
    health_entry_set_member(m->entry, &member);
}

/* Live requests eject the member. */
static inline void eject_live(live_balancer_t *b, live_member_t *m, apr_time_t now)
{
    assert_int_not_equal(health_eject_claim(&m->eject, &b->settings, now), 0);
    health_eject_confirm(&m->eject, HEALTH_ATTEMPT_TIMEOUT, 0);
}

static inline const char *last_reason(const live_member_t *m)
{
    return health_member_history(&m->entry->record.member, 0)->reason;
}

static inline health_state_e last_state(const live_member_t *m)
{
    return (health_state_e)health_member_history(&m->entry->record.member, 0)->to;
}

#endif
