/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_quiet.h"

#define NOW apr_time_from_sec(100)

static void a_flood_is_a_few_lines(void **state)
{
    reproxy_quiet_t quiet = {0, 0};
    int told = 0;

    for (int i = 0; i < 1000; i++) {
        const char *tail = reproxy_quiet_tail(&quiet, NOW + i, *state);

        told += tail != NULL;
        assert_true(!tail || *tail == '\0');
    }
    assert_int_equal(told, REPROXY_QUIET_LINES);
    assert_non_null(strstr(reproxy_quiet_tail(&quiet, NOW + REPROXY_QUIET_TIME, *state),
                           apr_psprintf(*state, " %d more", 1000 - REPROXY_QUIET_LINES)));
}

static void what_is_rare_is_told_each_time(void **state)
{
    reproxy_quiet_t quiet = {0, 0};

    for (int i = 0; i < 100; i++)
        assert_string_equal(reproxy_quiet_tail(&quiet, NOW + i * REPROXY_QUIET_TIME / 4, *state),
                            "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_flood_is_a_few_lines),
        test_with_pool(what_is_rare_is_told_each_time),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
