/* SPDX-License-Identifier: Apache-2.0 */
#include "health_schedule.h"

apr_time_t health_schedule_first(apr_time_t now, apr_interval_time_t interval, apr_uint32_t index,
                                 apr_uint32_t total, apr_uint32_t random)
{
    apr_interval_time_t share = total ? interval / total : interval;
    apr_interval_time_t jitter = (apr_interval_time_t)(((apr_uint64_t)share * random) >> 32);

    return now + share * (total ? index % total : 0) + jitter;
}

apr_time_t health_schedule_gather(apr_time_t due, apr_interval_time_t interval, apr_uint32_t total)
{
    const apr_interval_time_t least = apr_time_from_msec(1);
    apr_interval_time_t grain = total ? interval * HEALTH_SCHEDULE_TOGETHER / total : interval;

    if (grain > HEALTH_SCHEDULE_GRAIN)
        grain = HEALTH_SCHEDULE_GRAIN;
    grain = grain < least ? least : grain / least * least;
    return (due + grain - 1) / grain * grain;
}

apr_time_t health_schedule_next(apr_time_t due, apr_interval_time_t interval, apr_time_t now)
{
    if (due > now)
        return due;
    return due + ((now - due) / interval + 1) * interval;
}

int health_schedule_usable(apr_time_t due, apr_interval_time_t interval, apr_time_t now)
{
    return due != 0 && due <= now + interval && due >= now - interval;
}

apr_interval_time_t health_schedule_interval(const health_check_t *check,
                                             const health_member_t *member)
{
    if (member->state == HEALTH_DOWN)
        return member->passes > 0 ? check->suspect : check->down;
    return member->failures > 0 || member->state == HEALTH_CHECKING ? check->suspect
                                                                    : check->interval;
}
