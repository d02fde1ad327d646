/* SPDX-License-Identifier: Apache-2.0 */
#include "health_queue.h"

#include "clock.h"

static health_queue_e wait_inside(const health_queue_ask_t *ask, apr_time_t until, int first)
{
    int look = first;

    for (;; look = 1) {
        apr_interval_time_t left = until - tier_clock_now();

        if (look && ask->ready(ask->baton))
            return HEALTH_QUEUE_READY;
        if (left <= 0)
            return HEALTH_QUEUE_TIMED_OUT;
        if (ask->pointless(ask->baton))
            return HEALTH_QUEUE_POINTLESS;
        apr_sleep(left < HEALTH_QUEUE_POLL ? left : HEALTH_QUEUE_POLL);
    }
}

health_queue_e health_queue_wait(health_queue_t *queue, const health_queue_ask_t *ask,
                                 apr_time_t until, int first)
{
    apr_uint32_t places = ask->max ? ask->max : queue->places;
    health_queue_e result = HEALTH_QUEUE_FULL;

    if (__atomic_fetch_add(&queue->waiting, 1, __ATOMIC_ACQ_REL) < places)
        result = wait_inside(ask, until, first);
    __atomic_fetch_sub(&queue->waiting, 1, __ATOMIC_ACQ_REL);
    return result;
}
