/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <stdlib.h>
#include <time.h>

#include "health_match.h"

static void found_and_not_found(void **state)
{
    const health_match_t *match;

    assert_null(health_match_compile(&match, "(?i)status\": *\"(up|ok)\"", *state));
    assert_int_equal(health_match_find(match, "{\"Status\": \"UP\"}", 16), HEALTH_MATCH_YES);
    assert_int_equal(health_match_find(match, "{\"Status\": \"no\"}", 16), HEALTH_MATCH_NO);
    assert_int_equal(health_match_find(match, "", 0), HEALTH_MATCH_NO);
    assert_string_equal(health_match_pattern(match), "(?i)status\": *\"(up|ok)\"");
    assert_null(health_match_compile(&match, "a.b", *state));
    assert_int_equal(health_match_find(match, "a\0b", 3), HEALTH_MATCH_YES);
}

static void no_expression(void **state)
{
    const health_match_t *match = NULL;

    assert_non_null(strstr(health_match_compile(&match, "a(b", *state), "at character 4"));
    assert_null(match);
    assert_non_null(health_match_compile(&match, "(*UTF)a", *state));
}

/* What this thread has used of a processor, in microseconds. */
static apr_time_t worked(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return apr_time_make(now.tv_sec, now.tv_nsec / 1000);
}

/* However it is spelled, and whatever the member answers: the watch is not held up. */
static void work_is_bounded(void **state)
{
    static const char *const patterns[] = {"(a+)+$", "^(a|aa)+b", "(.*a){30}c", "(a*)*(a*)*b"};
    char *body = malloc(1 << 20);

    assert_non_null(body);
    memset(body, 'a', 1 << 20);
    body[(1 << 20) - 1] = 'x';
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const health_match_t *match;
        apr_time_t before = worked();

        assert_null(health_match_compile(&match, patterns[i], *state));
        assert_int_not_equal(health_match_find(match, body, 1 << 20), HEALTH_MATCH_YES);
        assert_true(worked() - before < MS(1500));
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(found_and_not_found),
        test_with_pool(no_expression),
        test_with_pool(work_is_bounded),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
