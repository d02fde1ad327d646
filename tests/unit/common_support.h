/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SUPPORT_H
#define COMMON_SUPPORT_H

/*
 * What the tests of modules/common share: a pool of its own for each test, waiting for something
 * with a limit, and a log that remembers its lines.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "clock.h"
#include "log.h"

/* cmocka's group set-up and tear-down. */
static inline int start_apr(void **state)
{
    *state = NULL;
    return apr_initialize() == APR_SUCCESS ? 0 : -1;
}

static inline int stop_apr(void **state)
{
    (void)state;
    apr_terminate();
    return 0;
}

/* A test's set-up and tear-down: *state is its pool. */
static inline int make_pool(void **state)
{
    apr_pool_t *pool = NULL;
    apr_status_t status = apr_pool_create(&pool, NULL);

    *state = pool;
    return status == APR_SUCCESS ? 0 : -1;
}

static inline int destroy_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define test_with_pool(function) cmocka_unit_test_setup_teardown(function, make_pool, destroy_pool)

/* True as soon as condition is, false after limit microseconds. Looks every millisecond. */
#define wait_until(condition, limit)                                                               \
    __extension__({                                                                                \
        apr_time_t give_up_ = tier_clock_now() + (limit);                                          \
        while (!(condition) && tier_clock_now() < give_up_) {                                      \
            usleep(1000);                                                                          \
        }                                                                                          \
        (condition);                                                                               \
    })

/* A log that keeps its lines, in memory that processes may share. One writer at a time. */
typedef struct kept_log_t {
    tier_log_t log;
    apr_uint32_t count; /* atomic */
    struct {
        int level;
        apr_status_t status;
        char text[200];
    } lines[32];
} kept_log_t;

static inline void keep_line(void *baton, const char *file, int line, int level,
                             apr_status_t status, const char *message)
{
    kept_log_t *log = baton;
    apr_uint32_t n = __atomic_load_n(&log->count, __ATOMIC_ACQUIRE);

    assert_non_null(file);
    assert_true(line > 0);
    if (n < sizeof(log->lines) / sizeof(log->lines[0])) {
        log->lines[n].level = level;
        log->lines[n].status = status;
        snprintf(log->lines[n].text, sizeof(log->lines[n].text), "%s", message);
        __atomic_store_n(&log->count, n + 1, __ATOMIC_RELEASE);
    }
}

static inline const tier_log_t *keep_log(kept_log_t *log)
{
    memset(log, 0, sizeof(*log));
    log->log.write = keep_line;
    log->log.baton = log;
    return &log->log;
}

/* Returns how many lines begin with id, "WT0001". */
static inline unsigned count_lines(const kept_log_t *log, const char *id)
{
    apr_uint32_t n = __atomic_load_n(&log->count, __ATOMIC_ACQUIRE);
    unsigned found = 0;
    apr_uint32_t i;

    for (i = 0; i < n; i++) {
        found += strncmp(log->lines[i].text, id, strlen(id)) == 0;
    }
    return found;
}

#endif
