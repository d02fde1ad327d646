/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_LEADER_H
#define TIER_LEADER_H

#include <apr_errno.h>
#include <pthread.h>

/*
 * Leader election between threads of the processes that share a segment: a robust process-shared mutex,
 * which the kernel gives back when its owner's thread or process dies, however it dies (robust futexes:
 * set_robust_list(2)). It lives in a tier_segment_t, so that the generations before and after a graceful
 * restart elect one leader between them, and no file or permission is needed.
 */
typedef struct tier_leader_t {
    pthread_mutex_t mutex;
    apr_uint32_t terms; /* how often a leader was elected; atomic */
    apr_int32_t pid;    /* the leader's process, 0 when nobody leads; atomic, for people to read */
} tier_leader_t;

/* Prepares a leader in fresh shared memory. Parent process, before any other use. Errors: pthread's. */
apr_status_t tier_leader_init(tier_leader_t *leader);

/*
 * Tries to become the leader, without waiting. APR_SUCCESS: the calling thread leads until it resigns or
 * dies; *took_over is 1 when the one before died leading. APR_EBUSY: another one leads. Any other status:
 * the lock is unusable. Any thread; the same thread must resign.
 */
apr_status_t tier_leader_try(tier_leader_t *leader, int *took_over);

/* Gives leadership back. The leading thread only. */
void tier_leader_resign(tier_leader_t *leader);

#endif
