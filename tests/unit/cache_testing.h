/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_TESTING_H
#define CACHE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_time.h>

/* A moment that every test of times calls now: Sun, 06 Nov 1994 08:49:37 GMT. */
#define NOW apr_time_from_sec(784111777)

#define SECONDS(n) apr_time_from_sec((apr_int64_t)(n))

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

#define POOL_TEST(test)  cmocka_unit_test_setup_teardown(test, make_pool, drop_pool)
#define RUN_TESTS(tests) cmocka_run_group_tests(tests, start_apr, stop_apr)
#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))

/* Returns a table of header fields from lines "Name: value", separated by newlines. */
static inline apr_table_t *fields(apr_pool_t *pool, const char *lines)
{
    apr_table_t *table = apr_table_make(pool, 8);
    char *rest = apr_pstrdup(pool, lines);
    char *line;

    while ((line = apr_strtok(rest, "\n", &rest)) != NULL) {
        char *colon = strchr(line, ':');
        *colon = '\0';
        apr_table_addn(table, line, colon + 1 + strspn(colon + 1, " "));
    }
    return table;
}

#endif
