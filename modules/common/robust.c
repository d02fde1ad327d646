/* SPDX-License-Identifier: Apache-2.0 */
#include "robust.h"

#include <errno.h>

apr_status_t tier_robust_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int status = pthread_mutexattr_init(&attributes);

    if (status)
        return status;
    status = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (!status)
        status = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (!status) /* tells an owner that asks again from others: EDEADLK, not EBUSY or a hang */
        status = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (!status)
        status = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status;
}

static apr_status_t taken(pthread_mutex_t *mutex, int status, int *owner_died)
{
    if (owner_died)
        *owner_died = status == EOWNERDEAD;
    return status == EOWNERDEAD ? pthread_mutex_consistent(mutex) : status;
}

apr_status_t tier_robust_lock(pthread_mutex_t *mutex, int *owner_died)
{
    return taken(mutex, pthread_mutex_lock(mutex), owner_died);
}

apr_status_t tier_robust_try(pthread_mutex_t *mutex, int *owner_died)
{
    int status = pthread_mutex_trylock(mutex);

    return status == EBUSY ? APR_EBUSY : taken(mutex, status, owner_died);
}

void tier_robust_unlock(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
}
