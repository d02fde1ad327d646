/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_ramp.h"

static void test_percent(void **state)
{
    (void)state;
    assert_int_equal(health_ramp_percent(1000, 900, 1000), 10);
    assert_int_equal(health_ramp_percent(1000, 900, 1450), 55);
    assert_int_equal(health_ramp_percent(1000, 900, 1899), 99);
    assert_int_equal(health_ramp_percent(1000, 900, 1900), 100);
    assert_int_equal(health_ramp_percent(1000, 0, 1000), 100);
    assert_int_equal(health_ramp_percent(1000, 900, 500), 10);
}

static void test_whole_ramp(void **state)
{
    health_ramp_t ramp = {0};
    apr_int32_t current = 700;

    (void)state;
    for (apr_uint32_t percent = 10; percent <= 100; percent += 10) {
        current = health_ramp_step(&ramp, current, percent);
        assert_int_equal(current, 7 * (apr_int32_t)percent);
        assert_int_equal(health_ramp_own(&ramp, current), 700);
    }
    health_ramp_end(&ramp);
    assert_int_equal(health_ramp_own(&ramp, current), 700);
    assert_int_equal(ramp.own, 0);
}

static void test_changed_by_the_administrator(void **state)
{
    health_ramp_t ramp = {0};
    apr_int32_t current = health_ramp_step(&ramp, 100, 50);

    (void)state;
    assert_int_equal(current, 50);
    assert_int_equal(health_ramp_own(&ramp, 2000), 2000);
    assert_int_equal(health_ramp_step(&ramp, 2000, 50), 1000);
    assert_int_equal(health_ramp_step(&ramp, 1000, 100), 2000);
}

static void test_writer_died_before_the_record_was_written(void **state)
{
    health_ramp_t ramp = {0};
    apr_int32_t current = health_ramp_step(&ramp, 100, 10);

    (void)state;
    (void)health_ramp_step(&ramp, current, 20); /* 20, but the record still has 10 */
    assert_int_equal(health_ramp_own(&ramp, current), 100);
    assert_int_equal(health_ramp_step(&ramp, current, 30), 30);
    memset(&ramp, 0, sizeof(ramp));
    (void)health_ramp_step(&ramp, 100, 10); /* the very first one */
    assert_int_equal(health_ramp_step(&ramp, 100, 10), 10);
}

static void test_smallest_and_largest(void **state)
{
    health_ramp_t ramp = {0};

    (void)state;
    assert_int_equal(health_ramp_step(&ramp, 1, 10), 1);
    assert_int_equal(health_ramp_step(&ramp, 1, 100), 1);
    health_ramp_end(&ramp);
    assert_int_equal(health_ramp_step(&ramp, 0x7fffffff, 50), 0x3fffffff);
    assert_int_equal(health_ramp_step(&ramp, 0x3fffffff, 100), 0x7fffffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent), cmocka_unit_test(test_whole_ramp),
        cmocka_unit_test(test_changed_by_the_administrator),
        cmocka_unit_test(test_writer_died_before_the_record_was_written),
        cmocka_unit_test(test_smallest_and_largest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
