/* SPDX-License-Identifier: Apache-2.0 */
#include "health_talk.h"

#include "health_memcached.h"

static void answers(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"VERSION 1.6.18\r\n", "pass: version 1.6.18"},
        {"VERSION 1.6\x01\r\nmore", "pass: version 1.6?"},
        {"ERROR Too many open connections\r\n", "bad_answer: ERROR Too many open connections"},
        {"SERVER_ERROR out of memory\r\n", "bad_answer: SERVER_ERROR out of memory"},
        {"+PONG\r\n", "malformed: the answer is not that of a memcached server"},
        {"\n", "malformed: the answer is not that of a memcached server"},
        {"VERSION", "closed: the member closed the connection before it answered"},
        {"", "closed: the member closed the connection before it answered"},
    };
    health_check_t check;

    health_check_defaults(&check);
    assert_string_equal(health_memcached_protocol.request(&check, "m", *state), "version\r\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_talk(&health_memcached_protocol, &check, cases[i].text, cases[i].expected, *state);
}

static void endless_line(void **state)
{
    health_check_t check;
    char text[400] = "VERSION ";

    health_check_defaults(&check);
    memset(text + 8, '1', sizeof(text) - 9);
    check_talk(&health_memcached_protocol, &check, text,
               "malformed: the answer is not that of a memcached server", *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(answers),
        test_with_pool(endless_line),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
