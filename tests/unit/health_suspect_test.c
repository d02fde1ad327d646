/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_suspect.h"

#define MS(n) ((apr_time_t)apr_time_from_msec(n))
#define START MS(1000)

static int send_many(health_suspect_t *suspect, int count, apr_time_t now)
{
    int last = 0;

    for (int i = 0; i < count; i++)
        last = health_suspect_sent(suspect, now);
    return last;
}

static void test_silence(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    assert_false(send_many(&suspect, 4, START));
    assert_false(health_suspect_is(&suspect, START + MS(500)));
    assert_false(health_suspect_is_near(&suspect));
    assert_true(send_many(&suspect, 1, START + MS(10)));
    assert_true(health_suspect_is_near(&suspect));
    /* The silence counts from the first of them. */
    assert_false(health_suspect_is(&suspect, START + MS(19)));
    assert_true(health_suspect_is(&suspect, START + MS(20)));
    health_suspect_answered(&suspect, MS(25));
    assert_false(health_suspect_is(&suspect, START + MS(500)));
    assert_false(health_suspect_is_near(&suspect));
}

static void test_a_slow_member_gets_its_time(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    health_suspect_answered(&suspect, MS(100));
    send_many(&suspect, 50, START);
    assert_false(health_suspect_is(&suspect, START + MS(399)));
    assert_true(health_suspect_is(&suspect, START + MS(400)));
}

static void test_usual_time_moves(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    health_suspect_answered(&suspect, 800);
    assert_int_equal(suspect.usual, 800);
    health_suspect_answered(&suspect, 1600);
    assert_int_equal(suspect.usual, 900);
    health_suspect_answered(&suspect, APR_INT64_MAX);
    assert_true(suspect.usual > 900 && suspect.usual < (apr_uint32_t)APR_INT32_MAX);
    health_suspect_answered(&suspect, -5);
    assert_true(suspect.usual > 0);
}

static void test_late(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    health_suspect_late(&suspect, START);
    assert_true(health_suspect_is(&suspect, START));
    assert_true(health_suspect_is_near(&suspect));
    health_suspect_late(&suspect, START + MS(1));
    assert_int_equal(tier_counter_get(&suspect.suspicions), 1);
    health_suspect_answered(&suspect, MS(1));
    assert_false(health_suspect_is(&suspect, START + MS(1)));
}

static void test_tests_become_rare(void **state)
{
    health_suspect_t suspect = {0};
    apr_time_t now = START;
    int tests = 0;

    (void)state;
    health_suspect_late(&suspect, now);
    assert_false(health_suspect_test(&suspect, 1, now + MS(499)));
    assert_true(health_suspect_test(&suspect, 1, now + MS(500)));
    assert_false(health_suspect_test(&suspect, 1, now + MS(500)));
    for (; now < START + MS(10000); now += MS(5))
        tests += health_suspect_test(&suspect, 1, now);
    assert_int_equal(tests, 3); /* at 1.5, 3.5 and 7.5 s */
    health_suspect_clear(&suspect);
    health_suspect_late(&suspect, now);
    assert_true(health_suspect_test(&suspect, 1, now + MS(500)));
}

static void test_silent_ones_are_tested_too(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    send_many(&suspect, 5, START);
    assert_false(health_suspect_test(&suspect, 1, START + MS(30)));
    assert_int_equal(tier_counter_get(&suspect.suspicions), 1);
    assert_false(health_suspect_test(&suspect, 1, START + MS(529)));
    assert_true(health_suspect_test(&suspect, 1, START + MS(530)));
}

static void test_unsafe_tests_come_late(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    health_suspect_late(&suspect, START);
    assert_false(health_suspect_test(&suspect, 0, START + MS(8499)));
    assert_true(health_suspect_test(&suspect, 0, START + MS(8500)));
}

static void test_proof(void **state)
{
    health_suspect_t suspect = {0};

    (void)state;
    send_many(&suspect, 7, START);
    health_suspect_prove(&suspect, START + MS(100));
    assert_true(health_suspect_is(&suspect, START + MS(100)));
    assert_true(health_suspect_test(&suspect, 1, START + MS(100)));
    assert_false(health_suspect_test(&suspect, 1, START + MS(100)));
    health_suspect_answered(&suspect, MS(1));
    assert_false(health_suspect_is(&suspect, START + MS(100)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_silence),
                                       cmocka_unit_test(test_a_slow_member_gets_its_time),
                                       cmocka_unit_test(test_usual_time_moves),
                                       cmocka_unit_test(test_late),
                                       cmocka_unit_test(test_tests_become_rare),
                                       cmocka_unit_test(test_silent_ones_are_tested_too),
                                       cmocka_unit_test(test_unsafe_tests_come_late),
                                       cmocka_unit_test(test_proof)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
