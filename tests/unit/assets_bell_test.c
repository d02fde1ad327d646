/* SPDX-License-Identifier: Apache-2.0 */
/* What requests listen to that wait for a file. */
#include "common_support.h"

#include <apr_thread_proc.h>

#include "assets_bell.h"

#define CROWD 40

typedef struct listener_t {
    assets_bell_t *bell;
    apr_uint32_t heard;
    apr_uint32_t *asleep; /* atomic: who is about to wait */
    int has_rung;
} listener_t;

static void *APR_THREAD_FUNC hear(apr_thread_t *thread, void *data)
{
    listener_t *listener = data;

    (void)thread;
    __atomic_add_fetch(listener->asleep, 1, __ATOMIC_SEQ_CST);
    while (!listener->has_rung)
        listener->has_rung =
            assets_bell_wait(listener->bell, listener->heard, apr_time_from_sec(60));
    return NULL;
}

/* More than are woken at once: each wakes the next. Whoever is not asleep yet has heard it, too. */
static void a_crowd_is_woken(void **state)
{
    assets_bell_t bell = {0, 0};
    apr_thread_t *threads[CROWD];
    listener_t listeners[CROWD];
    apr_uint32_t asleep = 0;
    apr_time_t begun = tier_clock_now();
    apr_status_t rv;

    for (int i = 0; i < CROWD; i++) {
        listeners[i] = (listener_t){&bell, assets_bell_listen(&bell), &asleep, 0};
        assert_int_equal(apr_thread_create(&threads[i], NULL, hear, &listeners[i], *state),
                         APR_SUCCESS);
    }
    assert_true(
        wait_until(__atomic_load_n(&asleep, __ATOMIC_SEQ_CST) == CROWD, apr_time_from_sec(30)));
    assets_bell_ring(&bell);
    for (int i = 0; i < CROWD; i++)
        apr_thread_join(&rv, threads[i]);
    assert_true(tier_clock_now() - begun < apr_time_from_sec(50));
    assert_int_equal(assets_bell_heard(&bell), CROWD);
}

static void what_rang_before_is_not_waited_for(void **state)
{
    assets_bell_t bell = {0, 0};
    apr_uint32_t heard = assets_bell_listen(&bell);
    apr_time_t begun = tier_clock_now();

    (void)state;
    assets_bell_ring(&bell);
    assert_true(assets_bell_wait(&bell, heard, apr_time_from_sec(60)));
    assert_true(tier_clock_now() - begun < apr_time_from_sec(50));
    assert_false(assets_bell_wait(&bell, assets_bell_listen(&bell), 1000));
    assert_int_equal(assets_bell_heard(&bell), 1);
}

static void a_crowd_is_woken_less_often_and_shortly_before_the_end(void **state)
{
    const apr_interval_time_t ms = 1000, never = APR_INT64_MAX;

    (void)state;
    assert_false(assets_bell_is_due(0, 9 * ms, never));
    assert_true(assets_bell_is_due(0, 10 * ms, never));
    assert_true(assets_bell_is_due(1, 11 * ms, never));
    assert_true(assets_bell_is_due(1, 11 * ms, 1 * ms));
    assert_false(assets_bell_is_due(100, 11 * ms, never));
    assert_true(assets_bell_is_due(100, 40 * ms, never));
    assert_false(assets_bell_is_due(1000, 149 * ms, never));
    assert_true(assets_bell_is_due(1000, ASSETS_BELL_PAUSE, never));
    assert_true(assets_bell_is_due(APR_UINT32_MAX, ASSETS_BELL_PAUSE, never));
    /* not so late that there is no time for another one */
    assert_false(assets_bell_is_due(1000, ASSETS_BELL_PAUSE, 80 * ms));
    assert_true(assets_bell_is_due(1000, ASSETS_BELL_PAUSE, 40 * ms));
    assert_true(assets_bell_is_due(1000, 60 * ms, 40 * ms));
    assert_false(assets_bell_is_due(1000, 40 * ms, 10 * ms)); /* the end rings by itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_crowd_is_woken),
        test_with_pool(what_rang_before_is_not_waited_for),
        test_with_pool(a_crowd_is_woken_less_often_and_shortly_before_the_end),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
