/* SPDX-License-Identifier: Apache-2.0 */
#include "health_talk.h"

#include "health_redis.h"

static void requests(void **state)
{
    health_check_t check;

    health_check_defaults(&check);
    assert_string_equal(health_redis_protocol.request(&check, "m", *state), "*1\r\n$4\r\nPING\r\n");
    check.password = "pa ss\"";
    assert_string_equal(health_redis_protocol.request(&check, "m", *state),
                        "*2\r\n$4\r\nAUTH\r\n$6\r\npa ss\"\r\n*1\r\n$4\r\nPING\r\n");
    check.user = "probe";
    assert_string_equal(health_redis_protocol.request(&check, "m", *state),
                        "*3\r\n$4\r\nAUTH\r\n$5\r\nprobe\r\n$6\r\npa ss\"\r\n*1\r\n$4\r\nPING\r\n");
}

static void answers(void **state)
{
    static const struct {
        const char *password;
        const char *text;
        const char *expected;
    } cases[] = {
        {NULL, "+PONG\r\n", "pass: PONG"},
        {"x", "+OK\r\n+PONG\r\n", "pass: PONG"},
        {NULL, "-NOAUTH Authentication required.\r\n", "denied: NOAUTH Authentication required."},
        {"x", "-WRONGPASS invalid username-password pair\r\n+PONG\r\n",
         "denied: WRONGPASS invalid username-password pair"},
        {"x", "-ERR AUTH <password> called without any password configured\r\n",
         "denied: ERR AUTH <password> called without any password configured"},
        {NULL, "-LOADING Redis is loading the dataset in memory\r\n",
         "bad_answer: LOADING Redis is loading the dataset in memory"},
        {"x", "+OK\r\n-BUSY Redis is busy\x01\r\n", "bad_answer: BUSY Redis is busy?"},
        {NULL, "+OK\r\n", "malformed: the answer is not that of a Redis server"},
        {"x", "+PONG\r\n", "malformed: the answer is not that of a Redis server"},
        {NULL, "HTTP/1.1 400 Bad Request\r\n",
         "malformed: the answer is not that of a Redis server"},
        {NULL, "\r\n", "malformed: the answer is not that of a Redis server"},
        {NULL, "+PON", "closed: the member closed the connection before it answered"},
        {NULL, "", "closed: the member closed the connection before it answered"},
        {"x", "+OK\r\n", "closed: the member closed the connection before it answered"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_check_t check;

        health_check_defaults(&check);
        check.password = cases[i].password;
        check_talk(&health_redis_protocol, &check, cases[i].text, cases[i].expected, *state);
    }
}

static void endless_line(void **state)
{
    health_check_t check;
    char text[400];

    health_check_defaults(&check);
    memset(text, '+', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    check_talk(&health_redis_protocol, &check, text,
               "malformed: the answer is not that of a Redis server", *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(requests),
        test_with_pool(answers),
        test_with_pool(endless_line),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
