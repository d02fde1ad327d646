/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_levels_testing.h"
#include "cache_refresh.h"

#include <apr_thread_cond.h>
#include <apr_thread_proc.h>

#include <unistd.h>

/* The program is linked with --wrap: while this is set, there are no threads. */
static int no_threads;

apr_status_t __real_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                      apr_thread_start_t run, void *baton, apr_pool_t *pool);
/* libaprutil is linked with it too. */
__attribute__((visibility("default"))) apr_status_t
__wrap_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                         apr_thread_start_t run, void *baton, apr_pool_t *pool);
apr_status_t __wrap_apr_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                      apr_thread_start_t run, void *baton, apr_pool_t *pool)
{
    return no_threads ? APR_EAGAIN : __real_apr_thread_create(thread, attributes, run, baton, pool);
}

/* While this is set, a second of waiting is a millisecond. */
static int no_waiting;

apr_status_t __real_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                              apr_interval_time_t time);
__attribute__((visibility("default"))) apr_status_t
__wrap_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                 apr_interval_time_t time);
apr_status_t __wrap_apr_thread_cond_timedwait(apr_thread_cond_t *cond, apr_thread_mutex_t *mutex,
                                              apr_interval_time_t time)
{
    if (!__atomic_load_n(&no_waiting, __ATOMIC_RELAXED))
        return __real_apr_thread_cond_timedwait(cond, mutex, time);
    return __real_apr_thread_cond_timedwait(cond, mutex, time / 1000);
}
static void the_thread_looks_up_what_is_due(void **state)
{
    rig_t *rig = make_rig(*state);
    apr_pool_t *child;

    apr_pool_create(&child, *state);
    put(rig, rig->store, "old");
    put(rig, rig->remote, "new");
    rig->threaded = 1;
    assert_int_equal(cache_refresh_start(rig->store, NULL, child), APR_SUCCESS);
    later = TTL / 3 * 2;
    assert_string_equal(look(rig), "old");
    for (int i = 0; i < 2000 && __atomic_load_n(&rig->table->gets, __ATOMIC_RELAXED) == 0; i++)
        usleep(1000);
    apr_pool_destroy(child);
    rig->threaded = 0;
    assert_int_equal(rig->table->held, 0);
    assert_int_equal(rig->table->gets, 1);
    assert_string_equal(look(rig), "new");
    assert_int_equal(rig->table->gets, 1);
}

static void count_idle(void *baton, apr_pool_t *pool)
{
    assert_non_null(apr_palloc(pool, 100));
    __atomic_fetch_add((int *)baton, 1, __ATOMIC_RELAXED);
}

static void an_idle_thread_has_something_else_to_do(void **state)
{
    rig_t *rig = make_rig(*state);
    int runs = 0;
    const cache_refresh_idle_t idle = {count_idle, &runs};
    apr_pool_t *child;

    apr_pool_create(&child, *state);
    no_waiting = 1;
    assert_int_equal(cache_refresh_start(rig->store, &idle, child), APR_SUCCESS);
    for (int i = 0; i < 20000 && __atomic_load_n(&runs, __ATOMIC_RELAXED) < 3; i++)
        usleep(1000);
    apr_pool_destroy(child);
    __atomic_store_n(&no_waiting, 0, __ATOMIC_RELAXED);
    assert_true(runs >= 3); /* again and again */
}

/* Requests look copies up themselves then. */
static void without_a_thread_nothing_is_due(void **state)
{
    rig_t *rig = make_rig(*state);

    no_threads = 1;
    assert_int_equal(cache_refresh_start(rig->store, NULL, *state), APR_EAGAIN);
    no_threads = 0;
    put(rig, rig->store, "old");
    later = TTL / 3 * 2;
    look(rig);
    assert_int_equal(rig->dues, 1); /* still the test's own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(the_thread_looks_up_what_is_due),
        POOL_TEST(an_idle_thread_has_something_else_to_do),
        POOL_TEST(without_a_thread_nothing_is_due),
    };

    return RUN_TESTS(tests);
}
