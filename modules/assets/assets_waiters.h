/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_WAITERS_H
#define ASSETS_WAITERS_H

#include <apr_time.h>

/*
 * Of the workers of one process, how many wait for missing files. Many may for a moment: all of a
 * crowd get the new file of a quick application. When they have been too many for longer than that,
 * those beyond the bound have to go, and whoever comes then at once, until they have become half as
 * many: a slow application does not keep the process from other requests. Any thread; no lock.
 */
typedef struct assets_waiters_t {
    apr_uint32_t most;            /* who may wait for as long as it takes; set once */
    apr_interval_time_t patience; /* how long more of them may; set once */
    apr_uint32_t waiting;         /* atomic */
    apr_int64_t since;            /* when they became too many; 0: they are not; atomic */
} assets_waiters_t;

/* Counts one more. now: tier_clock_now()'s. */
void assets_waiters_enter(assets_waiters_t *waiters, apr_time_t now);

/* Counts one less. */
void assets_waiters_leave(assets_waiters_t *waiters);

/* Returns 1 when one who waits has to go, and is counted no more. */
int assets_waiters_dismiss(assets_waiters_t *waiters, apr_time_t now);

#endif
