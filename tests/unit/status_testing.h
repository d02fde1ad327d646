/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_TESTING_H
#define STATUS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <string.h>

/* A pool a test. */
static inline int make_pool(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) == APR_SUCCESS ? 0 : -1;
}

static inline int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, make_pool, drop_pool)

static inline int start_apr(void **state)
{
    (void)state;
    return apr_initialize() == APR_SUCCESS ? 0 : -1;
}

static inline int stop_apr(void **state)
{
    (void)state;
    apr_terminate();
    return 0;
}

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, start_apr, stop_apr)

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

#endif
