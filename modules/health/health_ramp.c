/* SPDX-License-Identifier: Apache-2.0 */
#include "health_ramp.h"

apr_uint32_t health_ramp_percent(apr_time_t began, apr_interval_time_t time, apr_time_t now)
{
    apr_interval_time_t passed = now - began;

    if (time <= 0 || passed >= time)
        return 100;
    if (passed < 0)
        passed = 0;
    return HEALTH_RAMP_FROM + (apr_uint32_t)((100 - HEALTH_RAMP_FROM) * passed / time);
}

apr_int32_t health_ramp_own(const health_ramp_t *ramp, apr_int32_t current)
{
    return ramp->own && (current == ramp->set || current == ramp->before) ? ramp->own : current;
}

apr_int32_t health_ramp_step(health_ramp_t *ramp, apr_int32_t current, apr_uint32_t percent)
{
    apr_int32_t own = health_ramp_own(ramp, current);
    apr_int32_t next = (apr_int32_t)((apr_int64_t)own * percent / 100);

    ramp->before = current;
    ramp->set = next > 0 ? next : 1;
    /* Last: with another own factor the two above mean nothing. */
    __atomic_store_n(&ramp->own, own, __ATOMIC_RELEASE);
    return ramp->set;
}

void health_ramp_end(health_ramp_t *ramp)
{
    ramp->own = ramp->set = ramp->before = 0;
}
