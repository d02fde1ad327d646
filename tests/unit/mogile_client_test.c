/* SPDX-License-Identifier: Apache-2.0 */
#include "common_stopwatch.h"
#include "mogile_trackers.h"

#include "mogile_probe.h"

static trackers_t all;
static mogile_ask_t ask;

static int start(void **state)
{
    int failed = make_pool(state);

    start_trackers(&all, "OK callid=%s\r\n", *state);
    return failed;
}

static int stop(void **state)
{
    int failed = destroy_pool(state);

    stop_trackers(&all);
    return failed;
}

#define test_client(function) cmocka_unit_test_setup_teardown(function, start, stop)

static apr_status_t ask_once(apr_pool_t *pool)
{
    memset(&ask, 0, sizeof(ask));
    ask.requests[0] = "noop a=b";
    ask.deadline = TRACKERS_DEADLINE;
    return mogile_client_ask(all.client, &ask, pool);
}

static int connections(void)
{
    return __atomic_load_n(&all.fakes[0].connections, __ATOMIC_ACQUIRE) +
           __atomic_load_n(&all.fakes[1].connections, __ATOMIC_ACQUIRE);
}

static int is_open(int tracker)
{
    return tier_atomic_load(&all.breakers[tracker].state) == TIER_BREAKER_OPEN;
}

static void connections_are_kept(void **state)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask_once(*state), APR_SUCCESS);
        assert_true(ask.answers[0].ok);
        assert_int_equal(ask.lost, 0);
    }
    assert_int_equal(connections(), 2); /* both are asked, in turn */
    assert_int_equal(tracker_requests(&all.fakes[0]), 10);
    assert_memory_equal(all.fakes[0].last, "noop a=b&callid=", 16);
}

static void two_requests_go_together(void **state)
{
    memset(&ask, 0, sizeof(ask));
    ask.requests[0] = "noop a=1";
    ask.requests[1] = "noop a=2";
    ask.deadline = TRACKERS_DEADLINE;
    assert_int_equal(mogile_client_ask(all.client, &ask, *state), APR_SUCCESS);
    assert_true(ask.answers[0].ok && ask.answers[1].ok);
    assert_int_equal(tracker_requests(&all.fakes[0]) + tracker_requests(&all.fakes[1]), 2);
}

/* Tracker 0 is bad: within so many asks it is met once, and after that left alone. */
static void meet_a_bad_tracker(mogile_error_e error, void **state)
{
    stopwatch_t began = stopwatch_start();

    for (int i = 0; i < 10; i++)
        assert_int_equal(ask_once(*state), APR_SUCCESS);
    assert_true(stopwatch_took(&began, tier_clock_now()) < 5 * TRACKERS_DEADLINE);
    assert_true(is_open(0) && !is_open(1));
    assert_int_equal(errors_of(&all, error), 1);
    assert_int_equal(count_lines(&all.log, "WT3501"), 1);
}

static void one_that_refuses_is_left_out(void **state)
{
    tracker_stop(&all.fakes[0]);
    meet_a_bad_tracker(MOGILE_ERROR_REFUSED, state);
    assert_int_equal(ask.lost, 0);
}

static void one_that_hangs_costs_one_deadline(void **state)
{
    tracker_say(&all.fakes[0], NULL);
    meet_a_bad_tracker(MOGILE_ERROR_TIMEOUT, state);
    assert_int_equal(tracker_requests(&all.fakes[0]), 1);
}

static void one_that_sends_half_an_answer_is_left_out(void **state)
{
    tracker_say(&all.fakes[0], "OK callid=");
    meet_a_bad_tracker(MOGILE_ERROR_TIMEOUT, state);
}

static void one_that_sends_garbage_is_left_out(void **state)
{
    tracker_say(&all.fakes[0], "HTTP/1.1 400 Bad Request\r\n\r\n");
    meet_a_bad_tracker(MOGILE_ERROR_GARBAGE, state);
}

static void one_that_answers_another_request_is_left_out(void **state)
{
    tracker_say(&all.fakes[0], "OK callid=77777\r\n");
    meet_a_bad_tracker(MOGILE_ERROR_GARBAGE, state);
}

static void one_that_says_too_much_is_left_out(void **state)
{
    tracker_say(&all.fakes[0], "OK callid=%s\r\nOK x=1\r\n");
    meet_a_bad_tracker(MOGILE_ERROR_GARBAGE, state);
}

static void one_that_closes_is_left_out(void **state)
{
    tracker_say(&all.fakes[0], "");
    meet_a_bad_tracker(MOGILE_ERROR_CLOSED, state);
}

static void a_kept_connection_that_was_closed_is_no_fault(void **state)
{
    all.fakes[0].closes_after = all.fakes[1].closes_after = 1;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ask_once(*state), APR_SUCCESS);
        usleep(2000);
    }
    assert_false(is_open(0) || is_open(1));
    assert_int_equal(connections(), 6);
}

static void what_may_have_been_done_is_told(void **state)
{
    tracker_say(&all.fakes[0], "");
    tracker_say(&all.fakes[1], "");
    assert_int_equal(ask_once(*state), APR_EOF);
    assert_int_equal(ask.lost, 2);
    assert_int_equal(ask_once(*state), APR_EAGAIN);
    assert_int_equal(ask.lost, 0);
    assert_int_equal(tracker_requests(&all.fakes[0]), 1);
}

static void all_that_hang_cost_two_deadlines(void **state)
{
    stopwatch_t began = stopwatch_start();

    tracker_say(&all.fakes[0], NULL);
    tracker_say(&all.fakes[1], NULL);
    assert_int_equal(ask_once(*state), APR_TIMEUP);
    assert_true(stopwatch_took(&began, tier_clock_now()) < 3 * TRACKERS_DEADLINE);
    assert_int_equal(ask_once(*state), APR_EAGAIN);
}

static void failure_is_asked_of_the_others(void **state)
{
    tracker_say(&all.fakes[0], "ERR failure Operation+failed %s\r\n");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask_once(*state), APR_SUCCESS);
        assert_true(ask.answers[0].ok);
    }
    tracker_say(&all.fakes[1], "ERR db Database+error %s\r\n");
    assert_int_equal(ask_once(*state), APR_SUCCESS);
    assert_true(mogile_client_cannot(&ask.answers[0]));
    assert_false(is_open(0) || is_open(1));
    assert_in_range(errors_of(&all, MOGILE_ERROR_FAILURE), 3, 6);
}

static void one_that_cannot_beside_one_that_hangs_is_an_answer(void **state)
{
    tracker_say(&all.fakes[0], "ERR failure Operation+failed %s\r\n");
    tracker_say(&all.fakes[1], NULL);
    assert_int_equal(ask_once(*state), APR_SUCCESS);
    assert_true(mogile_client_cannot(&ask.answers[0]));
    assert_string_equal(ask.answers[0].code, "failure");
}

static void other_errors_are_answers(void **state)
{
    tracker_say(&all.fakes[0], "ERR unknown_key unknown_key %s\r\n");
    tracker_say(&all.fakes[1], "ERR unknown_key unknown_key\r\n");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_once(*state), APR_SUCCESS);
        assert_string_equal(ask.answers[0].code, "unknown_key");
    }
    assert_int_equal(errors_of(&all, MOGILE_ERROR_FAILURE), 0);
}

static void *ask_much(void *pool)
{
    apr_pool_t *mine;

    apr_pool_create(&mine, pool);
    for (int i = 0; i < 200; i++) {
        mogile_ask_t one = {.requests = {"noop a=b"}, .deadline = MS(5000)};

        if (mogile_client_ask(all.client, &one, mine) != APR_SUCCESS || !one.answers[0].ok)
            return NULL;
    }
    return pool;
}

static void threads_do_not_share_a_connection(void **state)
{
    pthread_t threads[8];
    apr_pool_t *pools[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        apr_pool_create(&pools[i], NULL);
        pthread_create(&threads[i], NULL, ask_much, pools[i]);
    }
    for (int i = 0; i < 8; i++) {
        void *result;

        pthread_join(threads[i], &result);
        assert_non_null(result);
        apr_pool_destroy(pools[i]);
    }
    assert_in_range(connections(), 2, 16);
}

static void stop_loop(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    (void)timer;
    tier_loop_stop(loop);
}

static void probe_for(apr_interval_time_t time, apr_pool_t *pool)
{
    const mogile_probe_options_t options = {.servers = all.servers,
                                            .count = FAKES,
                                            .resolver = all.resolver,
                                            .question = "get_paths domain=web&key=x",
                                            .deadline = MS(50),
                                            .interval = MS(10)};
    tier_loop_timer_t timer = {.fire = stop_loop};
    apr_pool_t *term;
    tier_loop_t *loop;

    apr_pool_create(&term, pool);
    assert_int_equal(tier_loop_create(&loop, 8, term), APR_SUCCESS);
    assert_int_equal(mogile_probe_on(loop, &options, term), APR_SUCCESS);
    assert_int_equal(tier_loop_timer_set(loop, &timer, tier_clock_now() + time), APR_SUCCESS);
    assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    apr_pool_destroy(term);
}

static void probe_until_closed(apr_pool_t *pool)
{
    for (int i = 0; i < 1000 && is_open(0); i++)
        probe_for(MS(30), pool);
    assert_false(is_open(0));
}

static void a_probe_finds_out_that_it_answers_again(void **state)
{
    tracker_say(&all.fakes[0], NULL);
    while (!is_open(0))
        ask_once(*state);
    probe_for(MS(80), *state);
    assert_true(is_open(0));
    tracker_say(&all.fakes[0], "ERR failure Operation+failed\r\n"); /* its database hangs */
    probe_for(MS(80), *state);
    assert_true(is_open(0));
    tracker_say(&all.fakes[0], "ERR unknown_key unknown_key\r\n");
    probe_until_closed(*state);
    assert_int_equal(count_lines(&all.log, "WT3503"), 1);
    assert_memory_equal(all.fakes[0].last, "get_paths domain=web&key=x", 26);
}

static void a_probe_of_what_refuses_or_babbles_goes_on(void **state)
{
    int port = all.fakes[0].port;

    tracker_stop(&all.fakes[0]);
    while (!is_open(0))
        ask_once(*state);
    probe_for(MS(50), *state);
    assert_true(is_open(0));
    tracker_start(&all.fakes[0], port);
    tracker_say(&all.fakes[0], "garbage\r\n");
    probe_for(MS(50), *state);
    assert_true(is_open(0));
    tracker_say(&all.fakes[0], "");
    probe_for(MS(50), *state);
    assert_true(is_open(0));
    tracker_say(&all.fakes[0], "OK \r\n");
    probe_until_closed(*state);
}

static void who_comes_and_goes_is_probed_less(void **state)
{
    apr_interval_time_t pause = apr_time_from_sec(1);

    (void)state;
    for (int seconds = 2; seconds < 32; seconds *= 2) {
        pause = mogile_probe_pause(pause, apr_time_from_sec(1), 1);
        assert_int_equal(pause, apr_time_from_sec(seconds));
    }
    for (int i = 0; i < 100; i++)
        pause = mogile_probe_pause(pause, apr_time_from_sec(1), 1);
    assert_int_equal(pause, MOGILE_PROBE_PAUSE_MAX);
    assert_int_equal(mogile_probe_pause(pause, apr_time_from_sec(1), 0), apr_time_from_sec(1));
}

static int set_up(void **state)
{
    return start_apr(state) || stopwatch_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_client(connections_are_kept),
        test_client(two_requests_go_together),
        test_client(one_that_refuses_is_left_out),
        test_client(one_that_hangs_costs_one_deadline),
        test_client(one_that_sends_half_an_answer_is_left_out),
        test_client(one_that_sends_garbage_is_left_out),
        test_client(one_that_answers_another_request_is_left_out),
        test_client(one_that_says_too_much_is_left_out),
        test_client(one_that_closes_is_left_out),
        test_client(a_kept_connection_that_was_closed_is_no_fault),
        test_client(what_may_have_been_done_is_told),
        test_client(all_that_hang_cost_two_deadlines),
        test_client(failure_is_asked_of_the_others),
        test_client(one_that_cannot_beside_one_that_hangs_is_an_answer),
        test_client(other_errors_are_answers),
        test_client(threads_do_not_share_a_connection),
        test_client(a_probe_finds_out_that_it_answers_again),
        test_client(a_probe_of_what_refuses_or_babbles_goes_on),
        cmocka_unit_test(who_comes_and_goes_is_probed_less),
    };

    return cmocka_run_group_tests(tests, set_up, stop_apr);
}
