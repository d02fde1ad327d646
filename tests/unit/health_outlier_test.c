/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_outlier.h"

#define MS(n)  apr_time_from_msec(n)
#define SEC(n) apr_time_from_sec(n)

static health_outlier_settings_t plain(void)
{
    health_outlier_settings_t settings;

    health_outlier_defaults(&settings);
    return settings;
}

/* Sums of so many requests of each member, some of which failed, and what answers took in ms. */
static void fill(health_outlier_sum_t *sums, int count, const int failed[], const int took[])
{
    for (int i = 0; i < count; i++) {
        sums[i].failed = (apr_uint64_t)failed[i];
        sums[i].passed = 1000 - sums[i].failed;
        sums[i].latency = sums[i].passed * (apr_uint64_t)MS(took ? took[i] : 1);
    }
}

static void test_window_slides(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_t outlier = {0};
    health_outlier_sum_t sum;

    (void)state;
    for (int i = 0; i < 20; i++)
        health_outlier_add(&outlier, &settings, i % 4 == 0, MS(10), SEC(100 + i));
    sum = health_outlier_sum(&outlier, &settings, SEC(119));
    assert_int_equal(sum.passed + sum.failed, 10);
    assert_int_equal(sum.failed, 2);
    assert_int_equal(sum.latency, 8 * MS(10));
    sum = health_outlier_sum(&outlier, &settings, SEC(124));
    assert_int_equal(sum.passed + sum.failed, 5);
    sum = health_outlier_sum(&outlier, &settings, SEC(1000));
    assert_int_equal(sum.passed + sum.failed, 0);
    health_outlier_clear(&outlier);
    sum = health_outlier_sum(&outlier, &settings, SEC(119));
    assert_int_equal(sum.passed + sum.failed, 0);
}

static void test_success_rate(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_sum_t sums[3];
    apr_uint32_t value;

    (void)state;
    fill(sums, 3, (const int[]){100, 0, 5}, NULL);
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_SUCCESS);
    assert_int_equal(value, 90);
    assert_int_equal(health_outlier_judge(sums, 3, 1, &settings, &value), HEALTH_OUTLIER_NONE);
    assert_int_equal(health_outlier_judge(sums, 3, 2, &settings, &value), HEALTH_OUTLIER_NONE);
    /* Little worse than the others is no outlier: 1.9 times 2.5 %. */
    fill(sums, 3, (const int[]){47, 0, 0}, NULL);
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_NONE);
    fill(sums, 3, (const int[]){48, 0, 0}, NULL);
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_SUCCESS);
    settings.success = 0;
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_NONE);
}

static void test_a_fault_of_all_is_no_outlier(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_sum_t sums[4];
    apr_uint32_t value;

    (void)state;
    fill(sums, 4, (const int[]){500, 470, 530, 480}, NULL);
    for (apr_uint32_t i = 0; i < 4; i++)
        assert_int_equal(health_outlier_judge(sums, 4, i, &settings, &value), HEALTH_OUTLIER_NONE);
}

static void test_share_of_failures(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_sum_t sums[3];
    apr_uint32_t value;

    (void)state;
    fill(sums, 3, (const int[]){850, 849, 900}, NULL);
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_FAILURES);
    assert_int_equal(value, 85);
    assert_int_equal(health_outlier_judge(sums, 3, 1, &settings, &value), HEALTH_OUTLIER_NONE);
}

static void test_latency(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_sum_t sums[5];
    const int none[5] = {0};
    apr_uint32_t value;

    (void)state;
    fill(sums, 5, none, (const int[]){90, 20, 20, 200, 20});
    assert_int_equal(health_outlier_judge(sums, 5, 0, &settings, &value), HEALTH_OUTLIER_NONE);
    settings.latency = 40;
    assert_int_equal(health_outlier_judge(sums, 5, 0, &settings, &value), HEALTH_OUTLIER_LATENCY);
    assert_int_equal(value, 90);
    assert_int_equal(health_outlier_judge(sums, 5, 3, &settings, &value), HEALTH_OUTLIER_LATENCY);
    assert_int_equal(health_outlier_judge(sums, 5, 1, &settings, &value), HEALTH_OUTLIER_NONE);
    settings.latency = 50;
    assert_int_equal(health_outlier_judge(sums, 5, 0, &settings, &value), HEALTH_OUTLIER_NONE);
    /* What takes less than 5 ms is never late. */
    fill(sums, 5, none, (const int[]){4, 0, 0, 0, 0});
    assert_int_equal(health_outlier_judge(sums, 5, 0, &settings, &value), HEALTH_OUTLIER_NONE);
}

static void test_too_little_is_known(void **state)
{
    health_outlier_settings_t settings = plain();
    health_outlier_sum_t sums[3];
    apr_uint32_t value;

    (void)state;
    fill(sums, 3, (const int[]){1000, 0, 0}, NULL);
    settings.members = 4;
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_NONE);
    settings.members = 3;
    sums[2].passed = 99;
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_NONE);
    settings.members = 2;
    assert_int_equal(health_outlier_judge(sums, 3, 0, &settings, &value), HEALTH_OUTLIER_FAILURES);
    assert_int_equal(health_outlier_judge(sums, 3, 2, &settings, &value), HEALTH_OUTLIER_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_window_slides),
                                       cmocka_unit_test(test_success_rate),
                                       cmocka_unit_test(test_share_of_failures),
                                       cmocka_unit_test(test_a_fault_of_all_is_no_outlier),
                                       cmocka_unit_test(test_latency),
                                       cmocka_unit_test(test_too_little_is_known)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
