/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include "mogile_server.h"

static tier_breaker_t breaker;
static mogile_counts_t counts;
static kept_log_t log_of_test;
static mogile_server_t server;

static int start(void **state)
{
    (void)state;
    memset(&breaker, 0, sizeof(breaker));
    memset(&counts, 0, sizeof(counts));
    server = (mogile_server_t){.kind = "tracker",
                               .name = "10.0.0.1:7001",
                               .breaker = &breaker,
                               .counts = &counts,
                               .log = keep_log(&log_of_test)};
    return 0;
}

#define test_server(function) cmocka_unit_test_setup(function, start)

static void what_a_connection_met_has_a_name(void **state)
{
    static const struct {
        apr_status_t status;
        mogile_error_e error;
        const char *name;
    } cases[] = {{APR_EOF, MOGILE_ERROR_CLOSED, "closed"},
                 {APR_TIMEUP, MOGILE_ERROR_TIMEOUT, "timeout"},
                 {APR_ETIMEDOUT, MOGILE_ERROR_TIMEOUT, "timeout"},
                 {APR_EGENERAL, MOGILE_ERROR_GARBAGE, "garbage"},
                 {APR_ENOSPC, MOGILE_ERROR_GARBAGE, "garbage"},
                 {APR_ECONNREFUSED, MOGILE_ERROR_REFUSED, "refused"},
                 {APR_EHOSTUNREACH, MOGILE_ERROR_REFUSED, "refused"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mogile_error_of(cases[i].status), cases[i].error);
        assert_string_equal(mogile_error_name(cases[i].error), cases[i].name);
    }
}

static void a_failure_leaves_it_out_and_an_answer_lets_it_back(void **state)
{
    apr_time_t now = tier_clock_now();

    (void)state;
    assert_true(mogile_server_allows(&server));
    mogile_server_failed(&server, now, MOGILE_ERROR_REFUSED, APR_ECONNREFUSED);
    assert_false(mogile_server_allows(&server));
    /* Another that was under way: the same fault, told once. */
    mogile_server_failed(&server, now, MOGILE_ERROR_REFUSED, APR_ECONNREFUSED);
    assert_int_equal(tier_counter_get(&counts.errors[MOGILE_ERROR_REFUSED]), 2);
    assert_int_equal(count_lines(&log_of_test, "WT3501"), 1);
    assert_int_equal(log_of_test.lines[0].status, APR_ECONNREFUSED);
    assert_non_null(strstr(log_of_test.lines[0].text, "tracker 10.0.0.1:7001: no connection"));
    /* An answer to what was asked before it failed says nothing of now. */
    mogile_server_answered(&server, now - apr_time_from_sec(1));
    assert_false(mogile_server_allows(&server));
    mogile_server_answered(&server, tier_clock_now());
    assert_true(mogile_server_allows(&server));
    assert_int_equal(count_lines(&log_of_test, "WT3503"), 1);
    assert_int_equal(tier_counter_get(&counts.requests), 4);
}

/* Its number would be read as an error of the system's. */
static void garbage_has_no_status_in_the_log(void **state)
{
    (void)state;
    mogile_server_failed(&server, tier_clock_now(), MOGILE_ERROR_GARBAGE, APR_EGENERAL);
    assert_int_equal(log_of_test.lines[0].status, APR_SUCCESS);
    assert_non_null(strstr(log_of_test.lines[0].text, "what it sent is no answer"));
}

static void one_that_comes_and_goes_is_told_once_a_minute(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        mogile_server_failed(&server, tier_clock_now(), MOGILE_ERROR_TIMEOUT, APR_TIMEUP);
        assert_false(mogile_server_allows(&server));
        mogile_server_answered(&server, tier_clock_now());
    }
    assert_int_equal(count_lines(&log_of_test, "WT3501"), 1);
    assert_int_equal(count_lines(&log_of_test, "WT3502"), 0);
    mogile_server_failed(&server, tier_clock_now(), MOGILE_ERROR_TIMEOUT, APR_TIMEUP);
    tier_atomic_store64(&breaker.told_at, tier_clock_now() - apr_time_from_sec(61));
    mogile_server_tell(&server, 0, "it does not answer");
    assert_int_equal(count_lines(&log_of_test, "WT3502"), 1);
    assert_non_null(strstr(log_of_test.lines[log_of_test.count - 1].text, "4 more times"));
    mogile_server_tell(&server, 0, "it does not answer"); /* no news */
    assert_int_equal(count_lines(&log_of_test, "WT3502"), 1);
}

static void the_latency_is_that_of_the_last_answers(void **state)
{
    apr_time_t first = apr_time_from_msec(800);

    (void)state;
    mogile_server_answered(&server, tier_clock_now() - first);
    assert_true(tier_atomic_load64(&counts.latency) >= first);
    for (int i = 0; i < 100; i++)
        mogile_server_answered(&server, tier_clock_now());
    assert_true(tier_atomic_load64(&counts.latency) < first / 2);
}

static void what_it_cannot_do_does_not_leave_it_out(void **state)
{
    (void)state;
    mogile_server_cannot(&server);
    assert_true(mogile_server_allows(&server));
    assert_int_equal(tier_counter_get(&counts.errors[MOGILE_ERROR_FAILURE]), 1);
    assert_string_equal(mogile_error_name(MOGILE_ERROR_FAILURE), "failure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_server(what_a_connection_met_has_a_name),
        test_server(a_failure_leaves_it_out_and_an_answer_lets_it_back),
        test_server(garbage_has_no_status_in_the_log),
        test_server(one_that_comes_and_goes_is_told_once_a_minute),
        test_server(the_latency_is_that_of_the_last_answers),
        test_server(what_it_cannot_do_does_not_leave_it_out),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
