/* SPDX-License-Identifier: Apache-2.0 */
#include "health_live.h"

#include "health_review.h"

static void review_and_mirror(const live_member_t *m, apr_time_t now)
{
    health_review(m->target, now);
    health_target_mirror(m->target);
}

static void test_ejection_is_noted_and_ends(void **state)
{
    const health_member_t *member;
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 0, *state);
    member = &m->entry->record.member;
    check_says(m, HEALTH_UP, 0);
    eject_live(&b, m, MS(5));
    review_and_mirror(m, MS(10));
    review_and_mirror(m, MS(60));
    assert_int_equal(m->record->down, 1);
    assert_int_equal(member->transitions, 1);
    assert_int_equal(health_member_history(member, 0)->to, HEALTH_EJECTED);
    assert_string_equal(health_member_history(member, 0)->reason,
                        "2 consecutive requests failed, the last one: timeout");
    assert_true(member->ejected_until > apr_time_now());
    review_and_mirror(m, MS(1005));
    assert_int_equal(m->record->down, 0);
    assert_int_equal(m->record->recovered, 0); /* nobody has proven that it is well */
    assert_int_equal(member->ejected_until, 0);
    assert_int_equal(health_member_history(member, 0)->from, HEALTH_EJECTED);
    assert_int_equal(health_member_history(member, 0)->to, HEALTH_UP);
    assert_int_equal(count_lines(&b.fake.log, "WT1061"), 1);
    /* It may be as bad as before: one request first. */
    assert_true(health_suspect_is(&m->suspect, MS(1005)));
    assert_int_equal(b.alarm, 1);
}

/* An ejection that a file of the last start tells of, and that is over since. */
static void test_ejection_of_the_last_start(void **state)
{
    live_balancer_t b;
    live_member_t *m = b.members;
    health_member_t member;

    open_live(&b, 0, *state);
    member = m->entry->record.member;
    member.ejected_until = 1;
    health_entry_set_member(m->entry, &member);
    review_and_mirror(m, MS(5));
    assert_int_equal(m->entry->record.member.ejected_until, 0);
    assert_string_equal(last_reason(m), "its time is over");
    assert_int_equal(m->record->down, 0);
}

static void test_not_back_while_checks_fail(void **state)
{
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 1, *state);
    eject_live(&b, m, MS(5));
    check_says(m, HEALTH_DOWN, 3);
    review_and_mirror(m, MS(1500));
    assert_true(health_eject_is_out(&m->eject));
    check_says(m, HEALTH_UP, 1); /* a single failure counts here */
    review_and_mirror(m, MS(1600));
    assert_true(health_eject_is_out(&m->eject));
    check_says(m, HEALTH_UP, 0);
    review_and_mirror(m, MS(1700));
    assert_false(health_eject_is_out(&m->eject));
    assert_int_equal(m->record->down, 0);
    assert_int_equal(m->record->recovered, 1);
}

/* The checks saw the fault, and see its end: no reason to wait for the time. A fault that they
 * never saw has its whole time, however often they pass. */
static void test_checks_that_failed_too_end_it(void **state)
{
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 1, *state);
    check_says(m, HEALTH_UP, 0);
    eject_live(&b, m, MS(10000));
    review_and_mirror(m, MS(10010));
    check_says(m, HEALTH_UP, 1);
    review_and_mirror(m, MS(10100));
    check_says(m, HEALTH_UP, 0);
    review_and_mirror(m, MS(10200));
    assert_true(health_eject_is_out(&m->eject)); /* one failure is not down */
    check_says(m, HEALTH_DOWN, 3);
    review_and_mirror(m, MS(10300));
    check_says(m, HEALTH_DOWN, 0);
    review_and_mirror(m, MS(10400));
    assert_true(health_eject_is_out(&m->eject));
    check_says(m, HEALTH_UP, 0);
    review_and_mirror(m, MS(10500));
    assert_false(health_eject_is_out(&m->eject));
    assert_int_equal(m->record->down, 0);
    assert_string_equal(last_reason(m), "its checks failed too, and pass again");
    eject_live(&b, m, MS(10600));
    review_and_mirror(m, MS(10610));
    review_and_mirror(m, MS(11500));
    assert_true(health_eject_is_out(&m->eject)); /* of the next one they have seen nothing */
}

static void test_lift(void **state)
{
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 1, *state);
    check_says(m, HEALTH_UP, 0);
    health_review_lift(m->target, MS(4)); /* not ejected at all */
    eject_live(&b, m, MS(5));
    review_and_mirror(m, MS(10));
    check_says(m, HEALTH_DOWN, 3);
    health_review_lift(m->target, MS(15));
    assert_true(health_eject_is_out(&m->eject));
    check_says(m, HEALTH_UP, 0);
    health_review_lift(m->target, MS(20));
    assert_false(health_eject_is_out(&m->eject));
    assert_string_equal(last_reason(m), "no other member is left");
}

static void test_switched_off(void **state)
{
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 0, *state);
    eject_live(&b, m, MS(5));
    review_and_mirror(m, MS(10));
    m->target->eject = NULL;
    m->target->ejecting = NULL;
    review_and_mirror(m, MS(20));
    review_and_mirror(m, MS(30));
    assert_int_equal(m->record->down, 0);
    assert_int_equal(count_lines(&b.fake.log, "WT1061"), 1);
}

static void test_panic_lifts_the_bit_only(void **state)
{
    apr_uint32_t panic = 1;
    health_group_t group = {.percent = 50, .panic = &panic};
    live_balancer_t b;
    live_member_t *m = b.members;

    open_live(&b, 0, *state);
    m->target->group = &group;
    eject_live(&b, m, MS(5));
    review_and_mirror(m, MS(10));
    assert_int_equal(m->record->down, 0);
    assert_true(health_target_is_out(m->target));
    panic = 0;
    review_and_mirror(m, MS(20));
    assert_int_equal(m->record->down, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {test_with_pool(test_ejection_is_noted_and_ends),
                                       test_with_pool(test_ejection_of_the_last_start),
                                       test_with_pool(test_not_back_while_checks_fail),
                                       test_with_pool(test_checks_that_failed_too_end_it),
                                       test_with_pool(test_lift),
                                       test_with_pool(test_switched_off),
                                       test_with_pool(test_panic_lifts_the_bit_only)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
