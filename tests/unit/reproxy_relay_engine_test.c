/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay says of jobs to other threads; what it does with them is in reproxy_relay_test.c.
 */
#include "common_pollset.h"
#include "reproxy_relay_testing.h"

static apr_status_t add_fails; /* atomic */

apr_status_t __real_apr_pollset_add(apr_pollset_t *, const apr_pollfd_t *);
apr_status_t __wrap_apr_pollset_add(apr_pollset_t *, const apr_pollfd_t *);

apr_status_t __wrap_apr_pollset_add(apr_pollset_t *pollset, const apr_pollfd_t *descriptor)
{
    apr_status_t fails = __atomic_load_n(&add_fails, __ATOMIC_RELAXED);

    return fails ? fails : __real_apr_pollset_add(pollset, descriptor);
}

static void a_job_is_held_until_it_is_done(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, 1, *state);
    static line_t line;

    make_line(&line, 1000, 0);
    assert_int_equal(reproxy_relay_engine_submit(engine, &line.job), APR_SUCCESS);
    assert_true(reproxy_relay_engine_holds(engine, &line.job));
    play(&line);
    assert_false(reproxy_relay_engine_holds(engine, &line.job));
    assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
    close_line(&line);
}

static reproxy_relay_engine_t *ended;
static line_t late;
static apr_status_t late_status;

/* Runs after the relay's own, which was registered later. */
static apr_status_t submit_late(void *unused)
{
    (void)unused;
    late_status = reproxy_relay_engine_submit(ended, &late.job);
    return APR_SUCCESS;
}

static void a_relay_that_has_ended_takes_no_job(void **state)
{
    apr_pool_t *child;

    assert_int_equal(apr_pool_create(&child, *state), APR_SUCCESS);
    apr_pool_pre_cleanup_register(child, NULL, submit_late);
    ended = start_engine(1, 1, child);
    make_line(&late, 1000, 0);
    apr_pool_destroy(child);
    assert_int_equal(late_status, APR_EOF);
    assert_false(late.job.held);
    assert_false(is_done(&late)); /* it is the caller's still */
    close_line(&late);
}

/* As when the kernel has no room for what is to be watched. */
static void a_job_that_cannot_be_watched_has_ended(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, 1, *state);
    static line_t line;

    make_line(&line, 1000, 0);
    __atomic_store_n(&add_fails, APR_ENOSPC, __ATOMIC_RELAXED);
    assert_int_equal(reproxy_relay_engine_submit(engine, &line.job), APR_SUCCESS);
    wait_done(&line);
    __atomic_store_n(&add_fails, APR_SUCCESS, __ATOMIC_RELAXED);
    assert_int_equal(line.job.end, REPROXY_RELAY_STOPPED);
    line.done = 0;
    assert_int_equal(reproxy_relay_engine_submit(engine, &line.job), APR_SUCCESS);
    play(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
    close_line(&line);
}

static void a_relay_that_cannot_wait_ends_what_it_carries(void **state)
{
    static kept_log_t log;
    static line_t lines[2];
    reproxy_relay_engine_spec_t spec = {3, 1, keep_log(&log)};
    reproxy_relay_engine_t *engine;

    assert_int_equal(reproxy_relay_engine_start(&engine, &spec, *state), APR_SUCCESS);
    make_line(&lines[0], 1000, 0);
    make_line(&lines[1], 1000, 0);
    assert_int_equal(reproxy_relay_engine_submit(engine, &lines[0].job), APR_SUCCESS);
    __atomic_store_n(&poll_fails, APR_EBADF, __ATOMIC_RELAXED);
    /* It wakes the relay, which may have found out before. */
    if (reproxy_relay_engine_submit(engine, &lines[1].job) == APR_SUCCESS) {
        wait_done(&lines[1]);
        assert_int_equal(lines[1].job.end, REPROXY_RELAY_STOPPED);
    }
    wait_done(&lines[0]);
    assert_int_equal(lines[0].job.end, REPROXY_RELAY_STOPPED);
    __atomic_store_n(&poll_fails, APR_SUCCESS, __ATOMIC_RELAXED);
    assert_int_equal(count_lines(&log, "WT3600"), 1);
    assert_int_equal(reproxy_relay_engine_submit(engine, &lines[0].job), APR_EOF);
    assert_int_equal(reproxy_relay_engine_running(engine), 0);
    close_line(&lines[0]);
    close_line(&lines[1]);
}

static void a_relay_that_has_nothing_to_wait_with_does_not_start(void **state)
{
    reproxy_relay_engine_spec_t spec = {1, 1, NULL};
    reproxy_relay_engine_t *engine = NULL;

    create_fails = APR_ENOMEM;
    assert_int_equal(reproxy_relay_engine_start(&engine, &spec, *state), APR_ENOMEM);
    create_fails = APR_SUCCESS;
    assert_null(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_job_is_held_until_it_is_done),
        test_with_pool(a_relay_that_has_ended_takes_no_job),
        test_with_pool(a_job_that_cannot_be_watched_has_ended),
        test_with_pool(a_relay_that_cannot_wait_ends_what_it_carries),
        test_with_pool(a_relay_that_has_nothing_to_wait_with_does_not_start),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
