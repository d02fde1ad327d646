/* SPDX-License-Identifier: Apache-2.0 */
#include "health_server.h"

#include "health_review.h"

/* A member that live traffic judges, and checks where there are any; no probe is ever made. */
typedef struct fixture_t {
    fake_server_t fake;
    health_eject_settings_t settings;
    health_eject_t eject;
    health_lookups_t lookups;
    health_entry_t *entry;
    health_target_t *target;
    tier_loop_t *loop;
} fixture_t;

static void set_up(fixture_t *f, int checks, apr_pool_t *pool)
{
    health_spec_t spec;

    memset(f, 0, sizeof(*f));
    open_server(&f->fake);
    f->settings = (health_eject_settings_t){2, MS(1000), MS(5000), 50};
    f->fake.records[0] = (record_t){.url = "http://m", .port = 1};
    spec = spec_of(&f->fake, &f->fake.records[0]);
    if (!checks)
        spec.check = NULL;
    spec.ejecting = &f->settings;
    spec.eject = &f->eject;
    assert_int_equal(tier_loop_create(&f->loop, 8, pool), APR_SUCCESS);
    f->entry = health_table_claim(new_table(2, pool), &spec.key, apr_time_now());
    assert_int_equal(health_target_create(&f->target, &spec, f->entry, &f->fake.server, &f->lookups,
                                          f->loop, pool),
                     APR_SUCCESS);
    APR_ARRAY_PUSH(f->target->refs, void *) = &f->fake.records[0];
}

static void check_says(fixture_t *f, health_state_e state, apr_uint32_t failures)
{
    health_member_t member = f->entry->record.member;

    member.state = state;
    member.failures = failures;
    health_entry_set_member(f->entry, &member);
}

static void eject_at(fixture_t *f, apr_time_t now)
{
    assert_int_not_equal(health_eject_claim(&f->eject, &f->settings, now), 0);
    health_eject_confirm(&f->eject, HEALTH_ATTEMPT_TIMEOUT, 0);
}

static void review_and_mirror(fixture_t *f, apr_time_t now)
{
    health_review(f->target, now);
    health_target_mirror(f->target);
}

static void test_ejection_is_noted_and_ends(void **state)
{
    const health_member_t *member;
    fixture_t f;

    set_up(&f, 0, *state);
    member = &f.entry->record.member;
    check_says(&f, HEALTH_UP, 0);
    eject_at(&f, MS(5));
    review_and_mirror(&f, MS(10));
    review_and_mirror(&f, MS(60));
    assert_int_equal(f.fake.records[0].down, 1);
    assert_int_equal(member->transitions, 1);
    assert_int_equal(health_member_history(member, 0)->to, HEALTH_EJECTED);
    assert_string_equal(health_member_history(member, 0)->reason,
                        "2 consecutive requests failed, the last one: timeout");
    assert_true(member->ejected_until > apr_time_now());
    review_and_mirror(&f, MS(1005));
    assert_int_equal(f.fake.records[0].down, 0);
    assert_int_equal(f.fake.records[0].recovered, 0); /* nobody has proven that it is well */
    assert_int_equal(member->ejected_until, 0);
    assert_int_equal(health_member_history(member, 0)->from, HEALTH_EJECTED);
    assert_int_equal(health_member_history(member, 0)->to, HEALTH_UP);
    assert_int_equal(count_lines(&f.fake.log, "WT1061"), 1);
    health_target_destroy(f.target, f.loop);
}

static void test_not_back_while_checks_fail(void **state)
{
    fixture_t f;

    set_up(&f, 1, *state);
    eject_at(&f, MS(5));
    check_says(&f, HEALTH_DOWN, 3);
    review_and_mirror(&f, MS(1500));
    assert_true(health_eject_is_out(&f.eject));
    check_says(&f, HEALTH_UP, 1); /* a single failure counts here */
    review_and_mirror(&f, MS(1600));
    assert_true(health_eject_is_out(&f.eject));
    check_says(&f, HEALTH_UP, 0);
    review_and_mirror(&f, MS(1700));
    assert_false(health_eject_is_out(&f.eject));
    assert_int_equal(f.fake.records[0].down, 0);
    assert_int_equal(f.fake.records[0].recovered, 1);
    health_target_destroy(f.target, f.loop);
}

/* The checks saw the fault, and see its end: no reason to wait for the time. A fault that they
 * never saw has its whole time, however often they pass. */
static void test_checks_that_failed_too_end_it(void **state)
{
    fixture_t f;

    set_up(&f, 1, *state);
    check_says(&f, HEALTH_UP, 0);
    eject_at(&f, MS(10000));
    review_and_mirror(&f, MS(10010));
    check_says(&f, HEALTH_UP, 1);
    review_and_mirror(&f, MS(10100));
    check_says(&f, HEALTH_UP, 0);
    review_and_mirror(&f, MS(10200));
    assert_true(health_eject_is_out(&f.eject)); /* one failure is not down */
    check_says(&f, HEALTH_DOWN, 3);
    review_and_mirror(&f, MS(10300));
    check_says(&f, HEALTH_DOWN, 0);
    review_and_mirror(&f, MS(10400));
    assert_true(health_eject_is_out(&f.eject));
    check_says(&f, HEALTH_UP, 0);
    review_and_mirror(&f, MS(10500));
    assert_false(health_eject_is_out(&f.eject));
    assert_int_equal(f.fake.records[0].down, 0);
    assert_string_equal(health_member_history(&f.entry->record.member, 0)->reason,
                        "its checks failed too, and pass again");
    eject_at(&f, MS(10600));
    review_and_mirror(&f, MS(10610));
    review_and_mirror(&f, MS(11500));
    assert_true(health_eject_is_out(&f.eject)); /* of the next one they have seen nothing */
}

static void test_lift(void **state)
{
    fixture_t f;

    set_up(&f, 1, *state);
    check_says(&f, HEALTH_UP, 0);
    health_review_lift(f.target, MS(4)); /* not ejected at all */
    eject_at(&f, MS(5));
    review_and_mirror(&f, MS(10));
    check_says(&f, HEALTH_DOWN, 3);
    health_review_lift(f.target, MS(15));
    assert_true(health_eject_is_out(&f.eject));
    check_says(&f, HEALTH_UP, 0);
    health_review_lift(f.target, MS(20));
    assert_false(health_eject_is_out(&f.eject));
    assert_string_equal(health_member_history(&f.entry->record.member, 0)->reason,
                        "no other member is left");
    health_target_destroy(f.target, f.loop);
}

static void test_switched_off(void **state)
{
    fixture_t f;

    set_up(&f, 0, *state);
    eject_at(&f, MS(5));
    review_and_mirror(&f, MS(10));
    f.target->eject = NULL;
    f.target->ejecting = NULL;
    review_and_mirror(&f, MS(20));
    review_and_mirror(&f, MS(30));
    assert_int_equal(f.fake.records[0].down, 0);
    assert_int_equal(count_lines(&f.fake.log, "WT1061"), 1);
    health_target_destroy(f.target, f.loop);
}

static void test_panic_lifts_the_bit_only(void **state)
{
    apr_uint32_t panic = 1;
    health_group_t group = {.percent = 50, .panic = &panic};
    fixture_t f;

    set_up(&f, 0, *state);
    f.target->group = &group;
    eject_at(&f, MS(5));
    review_and_mirror(&f, MS(10));
    assert_int_equal(f.fake.records[0].down, 0);
    assert_true(health_target_is_out(f.target));
    panic = 0;
    review_and_mirror(&f, MS(20));
    assert_int_equal(f.fake.records[0].down, 1);
    health_target_destroy(f.target, f.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {test_with_pool(test_ejection_is_noted_and_ends),
                                       test_with_pool(test_not_back_while_checks_fail),
                                       test_with_pool(test_checks_that_failed_too_end_it),
                                       test_with_pool(test_lift),
                                       test_with_pool(test_switched_off),
                                       test_with_pool(test_panic_lifts_the_bit_only)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
