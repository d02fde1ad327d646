/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_ROBUST_H
#define TIER_ROBUST_H

#include <apr_errno.h>
#include <pthread.h>

/*
 * Mutexes in shared memory that outlive who holds them: when the owner's thread or process dies,
 * however it dies, the kernel gives the lock back and the next one is told (robust futexes:
 * set_robust_list(2), pthread_mutexattr_setrobust(3)).
 */

/* Prepares a mutex in fresh shared memory, before any other use. Errors: pthread's. */
apr_status_t tier_robust_init(pthread_mutex_t *mutex);

/*
 * Takes the lock, waiting for it. APR_SUCCESS: the calling thread holds it; *owner_died (may be
 * NULL) is 1 when the one before died with it, and what the lock protects may be half changed.
 * EDEADLK: the calling thread holds it already. Any other status (ENOTRECOVERABLE): the lock is
 * beyond repair. Any thread; the same thread must give it back.
 */
apr_status_t tier_robust_lock(pthread_mutex_t *mutex, int *owner_died);

/* The same without waiting. APR_EBUSY: another thread holds it. */
apr_status_t tier_robust_try(pthread_mutex_t *mutex, int *owner_died);

/* Gives the lock back. The thread that holds it only. */
void tier_robust_unlock(pthread_mutex_t *mutex);

#endif
