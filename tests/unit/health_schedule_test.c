/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_schedule.h"

static void members_are_spread_evenly(void **state)
{
    (void)state;
    assert_int_equal(health_schedule_first(1000, 100, 0, 4, 0), 1000);
    assert_int_equal(health_schedule_first(1000, 100, 1, 4, 0), 1025);
    assert_int_equal(health_schedule_first(1000, 100, 3, 4, 0), 1075);
    assert_int_equal(health_schedule_first(1000, 100, 5, 4, 0), 1025);
}

static void jitter_stays_within_a_share(void **state)
{
    (void)state;
    assert_int_equal(health_schedule_first(1000, 100, 1, 4, 0x80000000u), 1037);
    assert_true(health_schedule_first(1000, 100, 3, 4, 0xffffffffu) < 1100);
    assert_int_equal(health_schedule_first(1000, 100, 0, 0, 0), 1000);
    assert_true(health_schedule_first(0, APR_USEC_PER_SEC * 3600, 0, 1, 0xffffffffu) <
                APR_USEC_PER_SEC * 3600);
}

static void some_are_due_together(void **state)
{
    (void)state;
    assert_int_equal(health_schedule_gather(MS(1600), MS(1000), 3), MS(1600));
    assert_int_equal(health_schedule_gather(MS(1600) + 1, MS(1000), 3), MS(1616));
    assert_int_equal(health_schedule_gather(MS(1616) - 1, MS(1000), 1000), MS(1616));
    /* Of ten thousand probes a second not a hundred at once. */
    assert_int_equal(health_schedule_gather(MS(1000) + 1, MS(100), 1600), MS(1001));
    assert_int_equal(health_schedule_gather(MS(1000) + 1, MS(100), 400), MS(1004));
    assert_int_equal(health_schedule_gather(MS(1000) + 1, MS(50), 100000), MS(1001));
    assert_int_equal(health_schedule_gather(MS(1600) + 1, MS(50), 0), MS(1616));
}

static void period_is_exact_and_nothing_is_made_up(void **state)
{
    (void)state;
    assert_int_equal(health_schedule_next(1000, 100, 1000), 1100);
    assert_int_equal(health_schedule_next(1000, 100, 1099), 1100);
    assert_int_equal(health_schedule_next(1000, 100, 1100), 1200);
    assert_int_equal(health_schedule_next(1000, 100, 1555), 1600);
    assert_int_equal(health_schedule_next(2000, 100, 1000), 2000);
}

static void due_time_of_another_process(void **state)
{
    (void)state;
    assert_false(health_schedule_usable(0, 100, 50));
    assert_true(health_schedule_usable(1000, 100, 1000));
    assert_true(health_schedule_usable(1000, 100, 1100));
    assert_false(health_schedule_usable(1000, 100, 1101));
    assert_true(health_schedule_usable(1000, 100, 900));
    assert_false(health_schedule_usable(1000, 100, 899));
}

static void interval_goes_by_the_state(void **state)
{
    const health_check_t check = {.interval = 10, .suspect = 1, .down = 50};
    health_member_t member = {.state = HEALTH_CHECKING};

    (void)state;
    assert_int_equal(health_schedule_interval(&check, &member), 1);
    member.state = HEALTH_UP;
    member.passes = 5;
    assert_int_equal(health_schedule_interval(&check, &member), 10);
    member.passes = 0;
    member.failures = 1;
    assert_int_equal(health_schedule_interval(&check, &member), 1);
    member.state = HEALTH_DOWN;
    assert_int_equal(health_schedule_interval(&check, &member), 50);
    member.failures = 0;
    member.passes = 1;
    assert_int_equal(health_schedule_interval(&check, &member), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_spread_evenly),
        cmocka_unit_test(jitter_stays_within_a_share),
        cmocka_unit_test(period_is_exact_and_nothing_is_made_up),
        cmocka_unit_test(due_time_of_another_process),
        cmocka_unit_test(some_are_due_together),
        cmocka_unit_test(interval_goes_by_the_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
