/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_FUTEX_H
#define TIER_FUTEX_H

#include <apr_time.h>

/*
 * Waiting for a word in memory that several processes share (futex(2)). Who changes the word wakes
 * the others afterwards; nobody sleeps on a value that is no longer there. Any thread.
 */

/* Sleeps while *word is expected, until it is woken or for at most longest microseconds; may come
 * back earlier: the caller looks at the word again. Returns 1 when it was woken, 0 when it was not:
 * *word was another, the time is over, or a signal came. */
int tier_futex_wait(apr_uint32_t *word, apr_uint32_t expected, apr_interval_time_t longest);

/* The same; who sleeps is counted in *waiters meanwhile, so that tier_futex_wake_counted() need not
 * ask the kernel when nobody does. */
void tier_futex_wait_counted(apr_uint32_t *word, apr_uint32_t expected, apr_interval_time_t longest,
                             apr_uint32_t *waiters);

/* Wakes at most count of those that sleep on word, those first who have slept for the longest. */
void tier_futex_wake_some(apr_uint32_t *word, int count);

/* Wakes all that sleep on word, without a call to the kernel when *waiters is 0. */
void tier_futex_wake_counted(apr_uint32_t *word, const apr_uint32_t *waiters);

#endif
