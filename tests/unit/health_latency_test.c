/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>

#include "health_latency.h"

#define SECOND APR_INT64_C(1000000)
#define MS     APR_INT64_C(1000)

static void add(health_latency_t *latency, int count, apr_interval_time_t took, apr_time_t now)
{
    for (int i = 0; i < count; i++)
        health_latency_add(latency, took, now);
}

/* At most an eighth too long, never too short. */
static void assert_about(apr_interval_time_t found, apr_interval_time_t wanted)
{
    assert_in_range(found, wanted + 1, wanted + wanted / 8 + 1);
}

static void test_nothing_is_said_of_a_few(void **state)
{
    health_latency_t latency = {.samples = 0};

    (void)state;
    assert_int_equal(health_latency_quantile(&latency, 950), 0);
    add(&latency, HEALTH_LATENCY_FEW - 1, 3 * MS, SECOND);
    assert_int_equal(health_latency_quantile(&latency, 950), 0);
    add(&latency, 1, 3 * MS, SECOND);
    assert_about(health_latency_quantile(&latency, 950), 3 * MS);
}

static void test_times_of_all_lengths(void **state)
{
    (void)state;
    for (apr_interval_time_t took = 200; took < 30 * SECOND; took += 1 + took / 3) {
        health_latency_t latency = {.samples = 0};

        add(&latency, 200, took, SECOND);
        assert_about(health_latency_quantile(&latency, 500), took);
        assert_about(health_latency_quantile(&latency, 999), took);
    }
}

static void test_what_is_beyond_the_ends(void **state)
{
    health_latency_t quick = {.samples = 0}, slow = {.samples = 0};

    (void)state;
    add(&quick, 100, 0, SECOND);
    add(&quick, 100, -5, SECOND);
    assert_in_range(health_latency_quantile(&quick, 950), 1, 144);
    add(&slow, 200, 3600 * SECOND, SECOND);
    assert_in_range(health_latency_quantile(&slow, 950), 30 * SECOND, 34 * SECOND);
}

static void test_quantiles(void **state)
{
    health_latency_t latency = {.samples = 0};

    (void)state;
    add(&latency, 950, 2 * MS, SECOND);
    add(&latency, 40, 50 * MS, SECOND);
    add(&latency, 10, 900 * MS, SECOND);
    assert_about(health_latency_quantile(&latency, 950), 2 * MS);
    assert_about(health_latency_quantile(&latency, 951), 50 * MS);
    assert_about(health_latency_quantile(&latency, 990), 50 * MS);
    assert_about(health_latency_quantile(&latency, 991), 900 * MS);
    /* Asked for in turn they are right, too. */
    assert_about(health_latency_quantile(&latency, 500), 2 * MS);
    assert_about(health_latency_quantile(&latency, 991), 900 * MS);
}

static void test_a_change_is_seen_soon(void **state)
{
    health_latency_t latency = {.samples = 0};

    (void)state;
    add(&latency, 300, 2 * MS, SECOND);
    assert_about(health_latency_quantile(&latency, 900), 2 * MS);
    add(&latency, 100, 70 * MS, SECOND);
    assert_about(health_latency_quantile(&latency, 900), 70 * MS);
}

static void test_the_old_weighs_less(void **state)
{
    health_latency_t latency = {.samples = 0};
    apr_time_t now = SECOND;

    (void)state;
    add(&latency, 1000, 500 * MS, now);
    for (int minute = 0; minute < 6; minute++) {
        now += HEALTH_LATENCY_OLD;
        add(&latency, 150, 2 * MS, now);
    }
    assert_about(health_latency_quantile(&latency, 900), 2 * MS);
}

/* A busy balancer's counts stay small, and its old times are forgotten within seconds. */
static void test_many_weigh_less_as_well(void **state)
{
    health_latency_t latency = {.samples = 0};
    apr_time_t now = SECOND;

    (void)state;
    for (int i = 0; i < 100000; i++)
        health_latency_add(&latency, 500 * MS, now += 10);
    assert_in_range(latency.samples, HEALTH_LATENCY_MANY / 2 - 1, HEALTH_LATENCY_MANY + 500);
    for (int i = 0; i < 5 * HEALTH_LATENCY_MANY; i++)
        health_latency_add(&latency, 2 * MS, now += 10);
    assert_about(health_latency_quantile(&latency, 950), 2 * MS);
}

static void *add_in_thread(void *data)
{
    for (int i = 0; i < 20000; i++) {
        health_latency_add(data, (i % 10 ? 2 : 40) * MS, SECOND + i * MS);
        health_latency_quantile(data, i % 2 ? 950 : 850);
    }
    return NULL;
}

static void test_threads_share_it(void **state)
{
    health_latency_t latency = {.samples = 0};
    pthread_t threads[4];
    apr_uint32_t sum = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_in_thread, &latency), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < HEALTH_LATENCY_SLOTS; i++)
        sum += latency.slots[i];
    /* No count has run below zero. */
    assert_in_range(sum, HEALTH_LATENCY_FEW, 80000);
    add(&latency, 64, 2 * MS, 40 * SECOND);
    assert_about(health_latency_quantile(&latency, 950), 40 * MS);
    assert_about(health_latency_quantile(&latency, 850), 2 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_said_of_a_few),
                                       cmocka_unit_test(test_times_of_all_lengths),
                                       cmocka_unit_test(test_what_is_beyond_the_ends),
                                       cmocka_unit_test(test_quantiles),
                                       cmocka_unit_test(test_a_change_is_seen_soon),
                                       cmocka_unit_test(test_the_old_weighs_less),
                                       cmocka_unit_test(test_many_weigh_less_as_well),
                                       cmocka_unit_test(test_threads_share_it)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
