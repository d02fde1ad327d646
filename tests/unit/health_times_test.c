/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_times.h"

static void misread_times(void **state)
{
    static const char *const cases[][2] = {
        {"http://a timeout=300ms", "timeout=300ms"},
        {"\"http://a\" retry=1 TTL=5min", "TTL=5min"},
        {"http://a 'retry=10ms' timeout=1", "retry=10ms"},
        {"  timeout=1h  ", "timeout=1h"},
        {"http://a timeout=1s2", "timeout=1s2"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(health_times_misread(cases[i][0], *state), cases[i][1]);
}

static void times_that_mean_what_they_say(void **state)
{
    static const char *const cases[] = {
        "",
        "http://a",
        "http://a timeout=5 retry=0 ttl=60",
        "http://a timeout=5s \"retry=1S\"",
        "http://a connectiontimeout=300ms acquire=100ms ping=50ms",
        "http://a/?timeout=300ms",
        "http://a timeout= retry=ms",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_null(health_times_misread(cases[i], *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(misread_times),
        test_with_pool(times_that_mean_what_they_say),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
