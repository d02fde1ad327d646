/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SCHEDULE_H
#define HEALTH_SCHEDULE_H

#include <apr_time.h>

#include "health_check.h"
#include "health_member.h"

/* When a member is probed. Pure; times are tier_clock_now()'s, the same in every process of the
 * host. */

/*
 * Returns the first due time of member number index (from 0) of total: the members are spread
 * evenly over the interval from now on, each moved by a part of its share that random (any 32 bits)
 * chooses, so that hosts started together do not probe together.
 */
apr_time_t health_schedule_first(apr_time_t now, apr_interval_time_t interval, apr_uint32_t index,
                                 apr_uint32_t total, apr_uint32_t random);

/*
 * Returns due, moved on so that of total members with this interval about HEALTH_SCHEDULE_TOGETHER
 * are due at once: the watch wakes up once for all of them, and is through with them within a
 * millisecond or two. Never moved by more than HEALTH_SCHEDULE_GRAIN, and to a whole millisecond.
 */
#define HEALTH_SCHEDULE_TOGETHER 16
#define HEALTH_SCHEDULE_GRAIN    apr_time_from_msec(16)
apr_time_t health_schedule_gather(apr_time_t due, apr_interval_time_t interval, apr_uint32_t total);

/*
 * Returns the next time of the grid due, due + interval, due + 2 * interval, ... that lies after
 * now: the period stays exact however late a probe began, and times that were missed are left out
 * instead of made up.
 */
apr_time_t health_schedule_next(apr_time_t due, apr_interval_time_t interval, apr_time_t now);

/*
 * Returns 1 when a due time that another process left can be kept: not 0, at most one interval
 * ahead (it is not when the interval was shortened) and at most one interval late. A time that is
 * late is due at once.
 */
int health_schedule_usable(apr_time_t due, apr_interval_time_t interval, apr_time_t now);

/*
 * Returns the interval that holds for a member as it stands: that for suspects while its last probe
 * contradicts its state or nothing is proven yet, that for members that are down, or the usual one.
 */
apr_interval_time_t health_schedule_interval(const health_check_t *check,
                                             const health_member_t *member);

#endif
