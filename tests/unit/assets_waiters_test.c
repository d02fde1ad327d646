/* SPDX-License-Identifier: Apache-2.0 */
/* How many of a process's workers wait for missing files. */
#include "cache_testing.h"

#include "assets_waiters.h"

#include <pthread.h>

#define PATIENCE apr_time_from_sec(1)

static void enter(assets_waiters_t *waiters, int count, apr_time_t now)
{
    for (int i = 0; i < count; i++)
        assets_waiters_enter(waiters, now);
}

/* Returns how many of count have to go. */
static int dismissed(assets_waiters_t *waiters, int count, apr_time_t now)
{
    int gone = 0;

    for (int i = 0; i < count; i++)
        gone += assets_waiters_dismiss(waiters, now);
    return gone;
}

static void a_crowd_may_wait_for_a_moment(void **state)
{
    assets_waiters_t waiters = {10, PATIENCE};

    (void)state;
    enter(&waiters, 10, NOW);
    assert_int_equal(dismissed(&waiters, 10, NOW + 100 * PATIENCE), 0); /* not too many */
    enter(&waiters, 30, NOW + 100 * PATIENCE);
    assert_int_equal(dismissed(&waiters, 40, NOW + 101 * PATIENCE - 1), 0);
    assert_int_equal(dismissed(&waiters, 40, NOW + 101 * PATIENCE), 30);
    assert_int_equal(waiters.waiting, 10);
}

static void who_comes_later_goes_at_once_until_half_are_left(void **state)
{
    assets_waiters_t waiters = {10, PATIENCE};
    apr_time_t now = NOW + PATIENCE;

    (void)state;
    enter(&waiters, 11, NOW);
    assert_int_equal(dismissed(&waiters, 11, now), 1);
    for (int i = 0; i < 4; i++) /* of those who wait some are done: others take their places */
        assets_waiters_leave(&waiters);
    enter(&waiters, 5, now);
    assert_int_equal(dismissed(&waiters, 5, now), 1);
    for (int i = 0; i < 5; i++)
        assets_waiters_leave(&waiters);
    enter(&waiters, 8, now); /* it was the application that got better */
    assert_int_equal(dismissed(&waiters, 8, now), 0);
    assert_int_equal(dismissed(&waiters, 8, now + PATIENCE), 3);
}

static void *come_and_go(void *data)
{
    assets_waiters_t *waiters = data;

    for (int i = 0; i < 20000; i++) {
        assets_waiters_enter(waiters, NOW + i);
        if (!assets_waiters_dismiss(waiters, NOW + i))
            assets_waiters_leave(waiters);
    }
    return NULL;
}

static void threads_are_counted(void **state)
{
    assets_waiters_t waiters = {2, 1};
    pthread_t threads[6];

    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &waiters), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(waiters.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_may_wait_for_a_moment),
        cmocka_unit_test(who_comes_later_goes_at_once_until_half_are_left),
        cmocka_unit_test(threads_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
