/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STOPWATCH_H
#define COMMON_STOPWATCH_H

/*
 * For tests of how quick something is, on a machine that may be busy with others: a thread sleeps a
 * millisecond at a time and adds up how much later it woke. What is measured is forgiven several
 * times that, as threads that wake each other are each late.
 */

#include <pthread.h>
#include <unistd.h>

#include "clock.h"

#define STOPWATCH_NAP     1000 /* us */
#define STOPWATCH_FORGIVE 5

static apr_int64_t stopwatch_late;   /* us, since the thread was started; atomic */
static apr_int64_t stopwatch_napped; /* when its last nap began; atomic */

static inline void *stopwatch_nap(void *unused)
{
    for (;;) {
        apr_time_t began = tier_clock_now();

        __atomic_store_n(&stopwatch_napped, began, __ATOMIC_RELEASE);
        usleep(STOPWATCH_NAP);
        __atomic_add_fetch(&stopwatch_late, tier_clock_now() - began - STOPWATCH_NAP,
                           __ATOMIC_ACQ_REL);
    }
    return unused;
}

/* Call once, before any other. Returns 0. With ThreadSanitizer all is forgiven: it lets no process
 * that has threads have children with threads. When it returns, the thread has begun to nap: with
 * AddressSanitizer one that begins holds a lock, which a child made meanwhile would wait for. */
static inline int stopwatch_init(void)
{
    pthread_t thread;

#ifdef __SANITIZE_THREAD__
    (void)thread;
    stopwatch_napped = tier_clock_now();
    return 0;
#endif
    if (pthread_create(&thread, NULL, stopwatch_nap, NULL) || pthread_detach(thread))
        return 1;
    while (!__atomic_load_n(&stopwatch_napped, __ATOMIC_ACQUIRE))
        usleep(STOPWATCH_NAP);
    return 0;
}

/* How late so far, the nap under way included. */
static inline apr_interval_time_t stopwatch_lateness(apr_time_t now)
{
    apr_time_t late = now - __atomic_load_n(&stopwatch_napped, __ATOMIC_ACQUIRE) - STOPWATCH_NAP;

    return __atomic_load_n(&stopwatch_late, __ATOMIC_ACQUIRE) + (late > 0 ? late : 0);
}

typedef struct stopwatch_t {
    apr_time_t began;
    apr_interval_time_t lateness;
} stopwatch_t;

static inline stopwatch_t stopwatch_start(void)
{
    apr_time_t now = tier_clock_now();
    stopwatch_t watch = {now, stopwatch_lateness(now)};

    return watch;
}

/* Returns how long it took until the moment end, microseconds, less what is forgiven; call soon. */
static inline apr_interval_time_t stopwatch_took(const stopwatch_t *watch, apr_time_t end)
{
    apr_interval_time_t late = stopwatch_lateness(tier_clock_now()) - watch->lateness;

    return end - watch->began - STOPWATCH_FORGIVE * late;
}

#endif
