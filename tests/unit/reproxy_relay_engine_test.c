/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay says of jobs to other threads; what it does with them is in reproxy_relay_test.c.
 */
#include "reproxy_relay_testing.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_job_is_held_until_it_is_done),
        test_with_pool(a_relay_that_has_ended_takes_no_job),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
