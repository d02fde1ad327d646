/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <time.h>

apr_time_t tier_clock_now(void)
{
    struct timespec reading;
    apr_time_t now;

    clock_gettime(CLOCK_MONOTONIC, &reading);
    now = apr_time_from_sec((apr_time_t)reading.tv_sec) + reading.tv_nsec / 1000;
    return now > 0 ? now : 1; /* 0 is "never" to those who store times */
}
