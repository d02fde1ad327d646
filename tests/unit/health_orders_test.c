/* SPDX-License-Identifier: Apache-2.0 */
#include "health_live.h"

#include "health_action.h"
#include "health_orders.h"
#include "health_review.h"

#define REASON "asked for on the status page"

/* The first member is asked for action; returns what came of it. */
static health_acted_e ask(live_balancer_t *b, health_action_e action, apr_time_t now)
{
    health_entry_t *entry = b->members[0].entry;

    entry->acted = 99;
    entry->order = action;
    health_orders_take(b->members[0].target, now);
    assert_int_equal(entry->order, HEALTH_ACTION_NONE); /* or nobody else could ask */
    return (health_acted_e)entry->acted;
}

static live_member_t *open_one(live_balancer_t *b, apr_pool_t *pool)
{
    open_live(b, 1, pool);
    check_says(&b->members[0], HEALTH_UP, 0);
    return &b->members[0];
}

static void nothing_asked_changes_nothing(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    assert_int_equal(ask(&b, HEALTH_ACTION_NONE, MS(5)), 99);
    assert_int_equal(m->entry->record.member.transitions, 0);
    assert_int_equal(b.fake.log.count, 0);
}

static void drain_and_back(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    assert_int_equal(ask(&b, HEALTH_ACTION_DRAIN, MS(5)), HEALTH_ACTED);
    assert_int_equal(m->record->drains, 1);
    assert_int_equal(m->record->down, 0); /* sessions stay */
    assert_int_equal(m->entry->record.member.mode, HEALTH_MODE_DRAIN);
    assert_int_equal(last_state(m), HEALTH_DRAINING);
    assert_string_equal(last_reason(m), REASON);
    assert_int_equal(ask(&b, HEALTH_ACTION_NORMAL, MS(10)), HEALTH_ACTED);
    assert_int_equal(m->record->drains, 0);
    assert_int_equal(m->entry->record.member.mode, HEALTH_MODE_NORMAL);
    assert_int_equal(count_lines(&b.fake.log, "WT1064"), 2);
    assert_string_equal(b.fake.log.lines[0].text,
                        "WT1064: balancer://app: member http://m: drain, " REASON);
}

static void what_is_so_already_is_done_without_a_word(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    ask(&b, HEALTH_ACTION_MAINTENANCE, MS(5));
    assert_int_equal(ask(&b, HEALTH_ACTION_MAINTENANCE, MS(10)), HEALTH_ACTED);
    assert_int_equal(m->entry->record.member.transitions, 1);
    assert_int_equal(count_lines(&b.fake.log, "WT1064"), 1);
}

/* Slow start counts from the end of maintenance, and the server's own error does not outlast it. */
static void maintenance_and_back(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    m->target->slow_start = MS(100000);
    ask(&b, HEALTH_ACTION_DRAIN, MS(5));
    ask(&b, HEALTH_ACTION_MAINTENANCE, MS(10));
    assert_int_equal(m->record->down, 1);
    assert_int_equal(m->record->drains, 0); /* a drain ends with its mode */
    assert_int_equal(last_state(m), HEALTH_MAINTENANCE);
    ask(&b, HEALTH_ACTION_NORMAL, MS(20));
    assert_int_equal(m->record->down, 0);
    assert_int_equal(m->record->recovered, 1);
    assert_int_equal(m->entry->ramp, MS(20));
    assert_true(m->record->share > 0 && m->record->share < 100);
}

static void end_of_maintenance_is_no_end_of_failing_checks(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    ask(&b, HEALTH_ACTION_MAINTENANCE, MS(5));
    check_says(m, HEALTH_DOWN, 3);
    ask(&b, HEALTH_ACTION_NORMAL, MS(10));
    assert_int_equal(m->record->down, 1);
    assert_int_equal(m->record->recovered, 0);
}

static void eject_as_live_requests_do(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    assert_int_equal(ask(&b, HEALTH_ACTION_EJECT, MS(5)), HEALTH_ACTED);
    assert_int_equal(m->eject.until, MS(1005));
    assert_int_equal(m->record->down, 1);
    assert_int_equal(last_state(m), HEALTH_EJECTED);
    assert_string_equal(last_reason(m), REASON);
    assert_int_equal(ask(&b, HEALTH_ACTION_EJECT, MS(500)), HEALTH_ACTED);
    assert_int_equal(m->eject.until, MS(1005)); /* not longer for being asked twice */
    assert_int_equal(tier_counter_get(&m->eject.ejections), 1);
    assert_int_equal(count_lines(&b.fake.log, "WT1064"), 1);
}

static void eject_where_it_is_off(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    m->target->eject = NULL;
    assert_int_equal(ask(&b, HEALTH_ACTION_EJECT, MS(5)), HEALTH_ACT_NO_EJECT);
    assert_int_equal(m->record->down, 0);
    assert_int_equal(b.fake.log.count, 0);
}

static void restore_ends_an_ejection(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    eject_live(&b, m, MS(5));
    health_review(m->target, MS(5));
    health_target_mirror(m->target);
    health_suspect_late(&m->suspect, MS(5));
    assert_true(m->record->down && health_suspect_is(&m->suspect, MS(10)));
    assert_int_equal(ask(&b, HEALTH_ACTION_RESTORE, MS(10)), HEALTH_ACTED);
    assert_false(health_eject_is_out(&m->eject));
    assert_int_equal(m->record->down, 0);
    assert_string_equal(last_reason(m), REASON);
    assert_false(health_suspect_is(&m->suspect, MS(10)));
}

/* What mod_proxy itself holds against a member is forgotten too. */
static void restore_forgives_one_that_is_not_ejected(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    m->record->error = MS(1);
    assert_int_equal(ask(&b, HEALTH_ACTION_RESTORE, MS(10)), HEALTH_ACTED);
    assert_int_equal(m->record->error, 0);
    assert_int_equal(m->entry->record.member.transitions, 0);
    m->target->eject = NULL;
    m->record->error = MS(1);
    assert_int_equal(ask(&b, HEALTH_ACTION_RESTORE, MS(20)), HEALTH_ACTED);
    assert_int_equal(m->record->error, 0);
}

static void restore_waits_for_the_checks(void **state)
{
    live_balancer_t b;
    live_member_t *m = open_one(&b, *state);

    check_says(m, HEALTH_DOWN, 3);
    m->record->error = MS(1);
    eject_live(&b, m, MS(5));
    assert_int_equal(ask(&b, HEALTH_ACTION_RESTORE, MS(10)), HEALTH_ACT_IS_DOWN);
    assert_true(health_eject_is_out(&m->eject));
    assert_int_equal(m->record->error, MS(1));
    assert_int_equal(b.fake.log.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(nothing_asked_changes_nothing),
        test_with_pool(drain_and_back),
        test_with_pool(what_is_so_already_is_done_without_a_word),
        test_with_pool(maintenance_and_back),
        test_with_pool(end_of_maintenance_is_no_end_of_failing_checks),
        test_with_pool(eject_as_live_requests_do),
        test_with_pool(eject_where_it_is_off),
        test_with_pool(restore_ends_an_ejection),
        test_with_pool(restore_forgives_one_that_is_not_ejected),
        test_with_pool(restore_waits_for_the_checks),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
