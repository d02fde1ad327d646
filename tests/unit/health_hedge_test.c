/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <string.h>

#include "health_hedge.h"

#define SECOND APR_INT64_C(1000000)

static health_hedge_step_e step(health_side_e first, health_side_e second, apr_time_t second_at,
                                apr_time_t until)
{
    const health_hedge_race_t race = {first, second, second_at, until, 0};
    apr_time_t wake_at;

    return health_hedge_next(&race, SECOND, &wake_at);
}

static void test_before_the_second(void **state)
{
    health_hedge_race_t race = {HEALTH_SIDE_SILENT, HEALTH_SIDE_NONE, 2 * SECOND, 9 * SECOND, 0};
    apr_time_t wake_at = 0;

    (void)state;
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 2 * SECOND);
    assert_int_equal(health_hedge_next(&race, 2 * SECOND, &wake_at), HEALTH_HEDGE_BEGIN);
    race.first = HEALTH_SIDE_GOOD;
    assert_int_equal(health_hedge_next(&race, 2 * SECOND, &wake_at), HEALTH_HEDGE_FIRST);
    /* The request's own limit comes first, or there is none. */
    race = (health_hedge_race_t){HEALTH_SIDE_SILENT, HEALTH_SIDE_NONE, 8 * SECOND, 3 * SECOND, 0};
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 3 * SECOND);
    assert_int_equal(health_hedge_next(&race, 9 * SECOND, &wake_at), HEALTH_HEDGE_OVER);
    race.until = 0;
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 8 * SECOND);
}

static void test_without_a_second_it_is_a_plain_read(void **state)
{
    (void)state;
    assert_int_equal(step(HEALTH_SIDE_SILENT, HEALTH_SIDE_NONE, 0, 0), HEALTH_HEDGE_FIRST);
    assert_int_equal(step(HEALTH_SIDE_SILENT, HEALTH_SIDE_NONE, 0, 9 * SECOND), HEALTH_HEDGE_FIRST);
    assert_int_equal(step(HEALTH_SIDE_BAD, HEALTH_SIDE_NONE, 0, 0), HEALTH_HEDGE_FIRST);
}

static void test_the_race(void **state)
{
    const health_hedge_race_t race = {HEALTH_SIDE_SILENT, HEALTH_SIDE_SILENT, 0, 0, 0};
    apr_time_t wake_at = 5;

    (void)state;
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 0);
    assert_int_equal(step(HEALTH_SIDE_SILENT, HEALTH_SIDE_SILENT, 0, SECOND), HEALTH_HEDGE_OVER);
    assert_int_equal(step(HEALTH_SIDE_SILENT, HEALTH_SIDE_GOOD, 0, SECOND), HEALTH_HEDGE_SECOND);
    assert_int_equal(step(HEALTH_SIDE_BAD, HEALTH_SIDE_GOOD, 0, SECOND), HEALTH_HEDGE_SECOND);
    /* Of two at once the first is the cheaper one. */
    assert_int_equal(step(HEALTH_SIDE_GOOD, HEALTH_SIDE_GOOD, 0, 0), HEALTH_HEDGE_FIRST);
    assert_int_equal(step(HEALTH_SIDE_GOOD, HEALTH_SIDE_SILENT, 0, 0), HEALTH_HEDGE_FIRST);
}

static void test_the_first_fails_in_the_race(void **state)
{
    health_hedge_race_t race = {HEALTH_SIDE_BAD, HEALTH_SIDE_SILENT, 0, 9 * SECOND, 3 * SECOND};
    apr_time_t wake_at = 0;

    (void)state;
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 3 * SECOND);
    assert_int_equal(health_hedge_next(&race, 3 * SECOND, &wake_at), HEALTH_HEDGE_FIRST);
    race.until = 2 * SECOND;
    assert_int_equal(health_hedge_next(&race, SECOND, &wake_at), HEALTH_HEDGE_WAIT);
    assert_int_equal(wake_at, 2 * SECOND);
    assert_int_equal(health_hedge_next(&race, 2 * SECOND, &wake_at), HEALTH_HEDGE_FIRST);
}

static health_beginning_e beginning(const char *text, int *status)
{
    return health_hedge_beginning(text, strlen(text), status);
}

static void test_status_lines(void **state)
{
    int status = 0;

    (void)state;
    assert_int_equal(beginning("HTTP/1.1 200 OK", &status), HEALTH_BEGINNING_HTTP);
    assert_int_equal(status, 200);
    assert_int_equal(beginning("HTTP/1.0 404\r\n", &status), HEALTH_BEGINNING_HTTP);
    assert_int_equal(status, 404);
    assert_int_equal(beginning("\r\nHTTP/1.1 503 ", &status), HEALTH_BEGINNING_HTTP);
    assert_int_equal(status, 503);
    assert_int_equal(beginning("\nHTTP/1.1 100\n", &status), HEALTH_BEGINNING_HTTP);
    assert_int_equal(status, 100);
}

static void test_it_may_become_one(void **state)
{
    static const char line[] = "\r\nHTTP/1.1 204";
    int status = 0;

    (void)state;
    for (apr_size_t size = 0; size < sizeof(line); size++)
        assert_int_equal(health_hedge_beginning(line, size, &status), HEALTH_BEGINNING_SHORT);
    assert_int_equal(status, 0);
    assert_int_equal(sizeof(line), HEALTH_BEGINNING_SIZE);
}

static void test_it_is_something_else(void **state)
{
    static const char *const texts[] = {"X",
                                        "HTTX",
                                        "HTTP/2.0 200 ",
                                        "HTTP/1.1  200 ",
                                        "http/1.1 200 ",
                                        "HTTP/1.1 600 ",
                                        "HTTP/1.1 099 ",
                                        "HTTP/1.1 2000 ",
                                        "HTTP/1.x 200 ",
                                        "\r\r\nHTTP/1.1 200 ",
                                        "\rHTTP/1.1 200 ",
                                        "\n\nHTTP/1.1 200 ",
                                        " HTTP/1.1 200 ",
                                        "HTTP/1.1 2 0 "};
    int status = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(beginning(texts[i], &status), HEALTH_BEGINNING_OTHER);
    assert_int_equal(health_hedge_beginning("HTTP/1.1 200\0", 13, &status), HEALTH_BEGINNING_OTHER);
    assert_int_equal(status, 0);
}

static void test_the_path_for_another_member(void **state)
{
    (void)state;
    assert_string_equal(health_hedge_path("http://a:80/x?y", "http://a:80"), "/x?y");
    assert_string_equal(health_hedge_path("http://a/app/x", "http://a/app"), "/x");
    assert_null(health_hedge_path("http://a:8080/x", "http://a:80"));
    assert_null(health_hedge_path("http://b/x", "http://a"));
    assert_null(health_hedge_path("http://a", "http://a"));
    assert_null(health_hedge_path("", "http://a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_before_the_second),
                                       cmocka_unit_test(test_without_a_second_it_is_a_plain_read),
                                       cmocka_unit_test(test_the_race),
                                       cmocka_unit_test(test_the_first_fails_in_the_race),
                                       cmocka_unit_test(test_status_lines),
                                       cmocka_unit_test(test_it_may_become_one),
                                       cmocka_unit_test(test_it_is_something_else),
                                       cmocka_unit_test(test_the_path_for_another_member)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
