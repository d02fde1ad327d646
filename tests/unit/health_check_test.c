/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_check.h"

static void defaults(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    assert_null(health_check_settle(&check, *state));
    assert_string_equal(health_check_text(&check, *state),
                        "http GET / every 1s, timeout 500ms, rise 2, fall 3");
    assert_true(health_check_status_passes(&check.statuses, 200));
    assert_true(health_check_status_passes(&check.statuses, 399));
    assert_false(health_check_status_passes(&check.statuses, 199));
    assert_false(health_check_status_passes(&check.statuses, 400));
    check.kind = HEALTH_KIND_TCP;
    check.interval = 1500;
    assert_string_equal(health_check_text(&check, *state),
                        "tcp every 1500us, timeout 500ms, rise 2, fall 3");
}

static void timeout_follows_interval(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    check.interval = MS(100);
    assert_null(health_check_settle(&check, *state));
    assert_int_equal(check.timeout, MS(100));
    check.timeout = MS(101);
    assert_non_null(
        strstr(health_check_settle(&check, *state), "timeout=101ms is longer than interval=100ms"));
    check.timeout = MS(100);
    assert_null(health_check_settle(&check, *state));
}

static void star_goes_with_options(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    check.uri = "*";
    assert_non_null(health_check_settle(&check, *state));
    check.method = "OPTIONS";
    assert_null(health_check_settle(&check, *state));
}

static void status_sets(void **state)
{
    static const char *const wrong[] = {
        "",
        "2",
        "20",
        "2000",
        "099",
        "600",
        "200-",
        "-200",
        "300-200",
        "200,",
        ",200",
        "200 ,201",
        "200-299-",
        "abc",
        "200;201",
        "200-20x",
        "200,201,202,203,204,205,206,207,208,209,210,211,212,213,214,215,216"};
    health_status_set_t set;

    (void)state;
    assert_null(health_check_parse_statuses(&set, "200,204,301-302"));
    assert_int_equal(set.count, 3);
    assert_true(health_check_status_passes(&set, 204) && health_check_status_passes(&set, 302));
    assert_false(health_check_status_passes(&set, 203) || health_check_status_passes(&set, 303));
    assert_null(health_check_parse_statuses(&set, "100-599"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(health_check_parse_statuses(&set, wrong[i]));
    assert_null(health_check_parse_statuses(
        &set, "200,201,202,203,204,205,206,207,208,209,210,211,212,213,214,215"));
}

/* What is sent must not be able to end a line. */
static void values_that_are_sent(void **state)
{
    char long_uri[1100], long_host[300];

    (void)state;
    memset(long_uri, 'a', sizeof(long_uri));
    long_uri[0] = '/';
    long_uri[1024] = '\0';
    memset(long_host, 'a', sizeof(long_host));
    long_host[255] = '\0';
    assert_null(health_check_uri_error("/"));
    assert_null(health_check_uri_error("/a%20b?c=d&e"));
    assert_null(health_check_uri_error("*"));
    assert_null(health_check_uri_error(long_uri));
    long_uri[1024] = 'a';
    long_uri[1025] = '\0';
    assert_non_null(health_check_uri_error(long_uri));
    assert_non_null(health_check_uri_error(""));
    assert_non_null(health_check_uri_error("a"));
    assert_non_null(health_check_uri_error("/a b"));
    assert_non_null(health_check_uri_error("/a\r\nX: y"));
    assert_non_null(health_check_uri_error("/\xc3\xa4"));
    assert_non_null(health_check_uri_error("/a#b"));
    assert_null(health_check_host_error("a-b_c.example:80"));
    assert_null(health_check_host_error("[::1]:80"));
    assert_null(health_check_host_error(long_host));
    long_host[255] = 'a';
    long_host[256] = '\0';
    assert_non_null(health_check_host_error(long_host));
    assert_non_null(health_check_host_error(""));
    assert_non_null(health_check_host_error("a b"));
    assert_non_null(health_check_host_error("a\nb"));
    assert_null(health_check_method_error("GET"));
    assert_null(health_check_method_error("HEAD"));
    assert_null(health_check_method_error("OPTIONS"));
    assert_non_null(health_check_method_error("get"));
    assert_non_null(health_check_method_error("POST"));
}

static void schemes(void **state)
{
    (void)state;
    assert_true(health_check_speaks_http("http"));
    assert_true(health_check_speaks_http("ws"));
    assert_false(health_check_speaks_http("https"));
    assert_false(health_check_speaks_http("ajp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(defaults),
        test_with_pool(timeout_follows_interval),
        test_with_pool(star_goes_with_options),
        cmocka_unit_test(status_sets),
        cmocka_unit_test(values_that_are_sent),
        cmocka_unit_test(schemes),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
