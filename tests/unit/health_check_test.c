/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_check.h"
#include "health_check_http.h"

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
    check.interval = check.suspect = check.down = 1500;
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
        "6xx",
        "0xx",
        "2x",
        "2xxx",
        "2xx-399",
        "200-3xx",
        "200,201,202,203,204,205,206,207,208,209,210,211,212,213,214,215,216"};
    health_status_set_t set;

    (void)state;
    assert_null(health_check_parse_statuses(&set, "200,204,301-302"));
    assert_int_equal(set.count, 3);
    assert_true(health_check_status_passes(&set, 204) && health_check_status_passes(&set, 302));
    assert_false(health_check_status_passes(&set, 203) || health_check_status_passes(&set, 303));
    assert_null(health_check_parse_statuses(&set, "100-599"));
    assert_null(health_check_parse_statuses(&set, "2xx,404,5XX"));
    assert_int_equal(set.count, 3);
    assert_true(health_check_status_passes(&set, 200) && health_check_status_passes(&set, 299) &&
                health_check_status_passes(&set, 404) && health_check_status_passes(&set, 500) &&
                health_check_status_passes(&set, 599));
    assert_false(health_check_status_passes(&set, 199) || health_check_status_passes(&set, 300) ||
                 health_check_status_passes(&set, 403) || health_check_status_passes(&set, 499));
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
    assert_null(health_check_method_error("POST"));
    assert_null(health_check_method_error("PROPFIND"));
    assert_non_null(health_check_method_error("CONNECT"));
    assert_non_null(health_check_method_error(""));
    assert_non_null(health_check_method_error("GET /"));
    assert_non_null(health_check_method_error("GET\r\n"));
    assert_non_null(health_check_method_error("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"));
}

static void headers_that_are_sent(void **state)
{
    static const char *const wrong[] = {
        "",
        "No colon",
        ": nameless",
        "Na me: x",
        "A: b\r\nC: d",
        "A: \x01",
        "A: \xc3\xa4",
        "Host: other",
        "host: other",
        "Connection: keep-alive",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "TE: trailers",
        "Upgrade: h2c",
        "Expect: 100-continue",
    };
    char long_header[1100];

    (void)state;
    memset(long_header, 'a', sizeof(long_header));
    long_header[1] = ':';
    long_header[1024] = '\0';
    assert_null(health_check_header_error(long_header));
    long_header[1024] = 'a';
    long_header[1025] = '\0';
    assert_non_null(health_check_header_error(long_header));
    assert_null(health_check_header_error("X-Probe: a b: c"));
    assert_null(health_check_header_error("X-Empty:"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(health_check_header_error(wrong[i]));
    assert_true(health_check_has_header("A: b\r\nUser-Agent: x\r\n", "user-agent"));
    assert_false(health_check_has_header("A: User-Agent: x\r\nUser-Agents: y\r\n", "User-Agent"));
    assert_false(health_check_has_header("", "A"));
}

static void names_of_hosts(void **state)
{
    assert_string_equal(health_check_host_name("a.example", *state), "a.example");
    assert_string_equal(health_check_host_name("a.example:8443", *state), "a.example");
    assert_string_equal(health_check_host_name("[::1]:8443", *state), "::1");
    assert_string_equal(health_check_host_name("[::1]", *state), "::1");
    assert_string_equal(health_check_host_name("::1", *state), "::1");
}

static void headers_of_answers(void **state)
{
    static const char *const wrong[] = {
        "",
        "X-Health",
        ": drain",
        "X Health: drain",
        "X-Health:",
        "X-Health:  ",
        "X-Health: dr\xc3\xa4in",
        "X-Health: a\r\nb",
        "X-2345678901234567890123456789012345678901: drain",
        "X-Health: 1234567890123456789012345678901234567890123456789012345678901234"};
    health_http_line_t line;

    assert_null(health_check_parse_header(&line, "X-Health:  drain it ", *state));
    assert_string_equal(line.name, "X-Health");
    assert_string_equal(line.value, "drain it");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(health_check_parse_header(&line, wrong[i], *state));
}

/* Each of these is asked of the probe's answer; the first also how much the member wants. */
static void what_probes_may_advise(void **state)
{
    health_check_t check;

    (void)state;
    assert_false(health_check_advises(NULL));
    health_check_defaults(&check);
    assert_false(health_check_advises(&check) || health_check_weighs(&check));
    check.drain_body = "drain";
    assert_true(health_check_advises(&check) && !health_check_weighs(&check));
    check.drain_body = NULL;
    check.drain_header.name = "X-Health";
    assert_true(health_check_advises(&check) && !health_check_weighs(&check));
    check.drain_header.name = NULL;
    check.agent_port = 9707;
    assert_true(health_check_advises(&check) && health_check_weighs(&check));
}

static void what_does_not_go_together(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    check.method = "HEAD";
    check.body = "ok";
    assert_non_null(strstr(health_check_settle(&check, *state), "method=HEAD"));
    check.body = NULL;
    check.drain_body = "drain";
    assert_non_null(strstr(health_check_settle(&check, *state), "method=HEAD"));
    health_check_defaults(&check);
    check.agent_interval = MS(50);
    assert_non_null(strstr(health_check_settle(&check, *state), "agent-port="));
    check.agent_port = 9707;
    assert_null(health_check_settle(&check, *state));
    assert_non_null(strstr(health_check_text(&check, *state), ", agent port 9707 every 50ms"));
    assert_null(health_check_parse_statuses(&check.drains, "503"));
    assert_non_null(strstr(health_check_settle(&check, *state), "drain="));
    health_check_defaults(&check);
    check.kind = HEALTH_KIND_AGENT;
    assert_non_null(strstr(health_check_settle(&check, *state), "port="));
    check.port = 9999;
    assert_null(health_check_settle(&check, *state));
    check.kind = HEALTH_KIND_MYSQL;
    assert_non_null(strstr(health_check_settle(&check, *state), "user="));
    check.user = "probe";
    check.expect = "1";
    assert_non_null(strstr(health_check_settle(&check, *state), "query="));
    check.query = "SELECT 1";
    assert_null(health_check_settle(&check, *state));
    check.kind = HEALTH_KIND_REDIS;
    assert_non_null(strstr(health_check_settle(&check, *state), "passwordfile="));
    check.kind = HEALTH_KIND_COMMAND;
    assert_non_null(strstr(health_check_settle(&check, *state), "run="));
}

static void lines_for_people(void **state)
{
    static const char *const command[] = {"/bin/true", NULL};
    health_check_t check;

    health_check_defaults(&check);
    check.kind = HEALTH_KIND_HTTPS;
    check.uri = "/up";
    check.suspect = MS(100);
    check.down = MS(5000);
    check.address = "10.0.0.1";
    check.port = 8443;
    assert_null(health_check_settle(&check, *state));
    assert_string_equal(health_check_text(&check, *state),
                        "https GET /up at 10.0.0.1 port 8443 every 1s (suspect 100ms) (down 5s), "
                        "timeout 500ms, rise 2, fall 3");
    health_check_defaults(&check);
    check.kind = HEALTH_KIND_COMMAND;
    check.command = command;
    assert_null(health_check_settle(&check, *state));
    assert_string_equal(health_check_text(&check, *state),
                        "command /bin/true every 1s, timeout 500ms, rise 2, fall 3");
}

static void kinds(void **state)
{
    health_kind_e kind;

    (void)state;
    for (int i = 0; i < HEALTH_KINDS; i++) {
        assert_true(health_check_kind_of(health_check_kind_name((health_kind_e)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_true(health_check_kind_of("MySQL", &kind) && kind == HEALTH_KIND_MYSQL);
    assert_false(health_check_kind_of("ftp", &kind));
    assert_int_equal(health_check_kind_port(HEALTH_KIND_MYSQL), 3306);
    assert_int_equal(health_check_kind_port(HEALTH_KIND_HTTP), 0);
}

static void schemes(void **state)
{
    (void)state;
    assert_true(health_check_speaks(HEALTH_KIND_HTTP, "http"));
    assert_true(health_check_speaks(HEALTH_KIND_HTTP, "ws"));
    assert_false(health_check_speaks(HEALTH_KIND_HTTP, "https"));
    assert_false(health_check_speaks(HEALTH_KIND_HTTP, "ajp"));
    assert_true(health_check_speaks(HEALTH_KIND_HTTPS, "wss"));
    assert_false(health_check_speaks(HEALTH_KIND_HTTPS, "http"));
    assert_true(health_check_speaks(HEALTH_KIND_TCP, "ajp"));
    assert_true(health_check_speaks(HEALTH_KIND_MYSQL, "http"));
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
        cmocka_unit_test(headers_that_are_sent),
        test_with_pool(names_of_hosts),
        test_with_pool(headers_of_answers),
        cmocka_unit_test(what_probes_may_advise),
        test_with_pool(what_does_not_go_together),
        test_with_pool(lines_for_people),
        cmocka_unit_test(kinds),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
