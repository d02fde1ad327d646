/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>

#include "health_budget.h"

#define SECOND APR_INT64_C(1000000)

static int pay_all(health_budget_t *budget, apr_uint32_t free_a_second, apr_time_t now)
{
    int paid = 0;

    while (health_budget_pay(budget, free_a_second, now))
        paid++;
    return paid;
}

static void test_requests_earn(void **state)
{
    health_budget_t budget = {0, 0};

    (void)state;
    for (int i = 0; i < 99; i++)
        health_budget_earn(&budget, 20);
    assert_int_equal(pay_all(&budget, 0, SECOND), 19);
    health_budget_earn(&budget, 20);
    assert_int_equal(pay_all(&budget, 0, SECOND), 1);
    assert_int_equal(pay_all(&budget, 0, 9 * SECOND), 0);
}

static void test_free_ones_a_second(void **state)
{
    health_budget_t budget = {0, 0};

    (void)state;
    assert_int_equal(pay_all(&budget, 5, SECOND), 5);
    assert_int_equal(pay_all(&budget, 5, SECOND + 999999), 0);
    assert_int_equal(pay_all(&budget, 5, 2 * SECOND), 5);
    /* A thread whose clock was read in the second before gets nothing more. */
    assert_int_equal(pay_all(&budget, 5, 2 * SECOND - 1), 0);
    assert_int_equal(pay_all(&budget, 5, 3 * SECOND), 5);
}

static void test_savings_are_bounded(void **state)
{
    health_budget_t budget = {0, 0};

    (void)state;
    for (int i = 0; i < 5000; i++)
        health_budget_earn(&budget, 100);
    assert_int_equal(pay_all(&budget, 0, SECOND), HEALTH_BUDGET_SAVED_MAX);
    health_budget_earn(&budget, 0);
    assert_int_equal(pay_all(&budget, 0, SECOND), 0);
}

static void *pay_in_thread(void *data)
{
    return (void *)(long)pay_all(data, 1000, SECOND);
}

static void test_threads_share_it(void **state)
{
    health_budget_t budget = {HEALTH_BUDGET_SAVED_MAX * 1000, 0};
    pthread_t threads[4];
    long sum = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pay_in_thread, &budget), 0);
    for (int i = 0; i < 4; i++) {
        void *paid;

        pthread_join(threads[i], &paid);
        sum += (long)paid;
    }
    assert_int_equal(sum, HEALTH_BUDGET_SAVED_MAX + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_earn), cmocka_unit_test(test_free_ones_a_second),
        cmocka_unit_test(test_savings_are_bounded), cmocka_unit_test(test_threads_share_it)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
