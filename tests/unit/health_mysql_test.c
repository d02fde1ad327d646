/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are no MySQL servers, or stop in the middle; the real one is in the integration
 * tests. */
#include "health_testing.h"

#include <signal.h>

#include "health_mysql.h"

typedef struct run_t {
    health_probe_t probe;
    health_check_t check;
    tier_loop_t *loop;
    apr_pool_t *pool;
    int done;
    char result[400];
} run_t;

static void note(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                 const tier_result_t *result, apr_interval_time_t latency)
{
    run_t *run = probe->baton;

    (void)latency;
    assert_int_equal(verdict, HEALTH_FAIL);
    run->done++;
    snprintf(run->result, sizeof(run->result), "%s", tier_result_text(result, run->pool));
    tier_loop_stop(loop);
}

static const char *probe(run_t *run, int port, apr_pool_t *pool)
{
    apr_sockaddr_t *address;

    memset(run, 0, sizeof(*run));
    run->pool = pool;
    assert_true(health_mysql_prepare());
    health_check_defaults(&run->check);
    run->check.kind = HEALTH_KIND_MYSQL;
    run->check.timeout = MS(150);
    run->check.user = "probe";
    run->probe.check = &run->check;
    run->probe.done = note;
    run->probe.baton = run;
    assert_int_equal(tier_loop_create(&run->loop, 4, pool), APR_SUCCESS);
    assert_int_equal(health_probe_init(&run->probe, run->loop, pool), APR_SUCCESS);
    assert_int_equal(
        apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, (apr_port_t)port, 0, pool),
        APR_SUCCESS);
    assert_int_equal(health_probe_start(&run->probe, address), APR_SUCCESS);
    assert_int_equal(tier_loop_run(run->loop), APR_SUCCESS);
    assert_int_equal(run->done, 1);
    return run->result;
}

static void hung(void **state)
{
    apr_time_t before = tier_clock_now();
    member_server_t member;
    run_t *run = apr_palloc(*state, sizeof(*run));

    open_member(&member, NULL);
    assert_string_equal(probe(run, member.port, *state), "timeout: no login within 150ms");
    assert_true(tier_clock_now() - before < MS(3000));
    close_member(&member);
}

static void refused(void **state)
{
    member_server_t member;
    run_t *run = apr_palloc(*state, sizeof(*run));

    open_member(&member, NULL);
    close_member(&member);
    assert_non_null(strstr(probe(run, member.port, *state), "refused: "));
}

static void garbage(void **state)
{
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "+PONG\r\n", "\x05",
                                          "\x01\x01\x01\x01\n10.11.0-MariaDB-but-not-more", ""};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        member_server_t member;
        run_t *run = apr_palloc(*state, sizeof(*run));
        const char *result;

        open_member(&member, answers[i]);
        member.speaks_first = 1;
        result = probe(run, member.port, *state);
        print_message("%s\n", result);
        assert_true(strstr(result, "closed: ") || strstr(result, "malformed: ") ||
                    strstr(result, "timeout: "));
        close_member(&member);
    }
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(health_mysql_problem(1045), "denied");
    assert_string_equal(health_mysql_problem(1040), "bad_answer");
    assert_string_equal(health_mysql_problem(2003), "refused");
    assert_string_equal(health_mysql_problem(2013), "closed");
    assert_string_equal(health_mysql_problem(2027), "malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(hung),
        test_with_pool(refused),
        test_with_pool(garbage),
        cmocka_unit_test(words),
    };

    signal(SIGPIPE, SIG_IGN); /* as httpd does */
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
