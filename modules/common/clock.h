/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_CLOCK_H
#define TIER_CLOCK_H

#include <apr_time.h>

/*
 * Returns microseconds of CLOCK_MONOTONIC: the same clock in all processes of a host, untouched by
 * changes of the wall clock. Deadlines, intervals and breaker windows use it; apr_time_now() is for
 * what people or HTTP read. Never 0. Any thread.
 */
apr_time_t tier_clock_now(void);

#endif
