/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_LEADER_H
#define TIER_LEADER_H

#include <apr_errno.h>
#include <apr_time.h>
#include <pthread.h>

/*
 * Leader election between threads of the processes that share a segment: a robust process-shared
 * mutex, which the kernel gives back when its owner's thread or process dies, however it dies
 * (robust futexes: set_robust_list(2)). It lives in a tier_segment_t, so that the generations
 * before and after a graceful restart elect one leader between them, and no file or permission is
 * needed. A segment that has to grow is a new one with another lock in it: keep the leader in a
 * segment of its own.
 */
typedef struct tier_leader_t {
    pthread_mutex_t mutex;
    apr_uint32_t terms;  /* how often a leader was elected; atomic */
    apr_uint32_t broken; /* the lock is beyond repair; atomic */
    apr_int32_t pid;     /* who leads or led last; 0 after it resigned; atomic, for people */
    apr_int64_t wanted;  /* when somebody tried in vain last, tier_clock_now()'s; atomic */
} tier_leader_t;

/*
 * Prepares a leader in fresh shared memory. Parent process, before any other use. Errors:
 * pthread's.
 */
apr_status_t tier_leader_init(tier_leader_t *leader);

/*
 * Tries to become the leader, without waiting. APR_SUCCESS: the calling thread leads until it
 * resigns or dies (also when it led before); *took_over is 1 when the one before died leading.
 * APR_EBUSY: another one leads. Any other status (ENOTRECOVERABLE): the lock is unusable until
 * fresh memory holds a new one. Any thread; the same thread must resign.
 */
apr_status_t tier_leader_try(tier_leader_t *leader, int *took_over);

/* Returns 1 when somebody has tried in vain to become the leader after since. Any thread. */
int tier_leader_wanted(const tier_leader_t *leader, apr_time_t since);

/* Gives leadership back. The leading thread only. */
void tier_leader_resign(tier_leader_t *leader);

#endif
