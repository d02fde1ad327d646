/* SPDX-License-Identifier: Apache-2.0 */
#include "leader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "clock.h"
#include "robust.h"

apr_status_t tier_leader_init(tier_leader_t *leader)
{
    memset(leader, 0, sizeof(*leader));
    return tier_robust_init(&leader->mutex);
}

apr_status_t tier_leader_try(tier_leader_t *leader, int *took_over)
{
    apr_status_t status;

    *took_over = 0;
    if (tier_atomic_load(&leader->broken)) {
        return ENOTRECOVERABLE;
    }
    /* Nothing under the lock needs repair: whoever leads arms everything anew. */
    status = tier_robust_try(&leader->mutex, took_over);
    if (status == EDEADLK) {
        return APR_SUCCESS;
    }
    if (status == ENOTRECOVERABLE) {
        /* glibc leaves such a lock held by who tried: the next would be told EBUSY or EDEADLK. */
        tier_atomic_store(&leader->broken, 1);
        return status;
    }
    if (status == APR_EBUSY) {
        tier_atomic_store64(&leader->wanted, tier_clock_now());
        return APR_EBUSY;
    }
    if (status) {
        return status;
    }
    __atomic_fetch_add(&leader->terms, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&leader->pid, (apr_int32_t)getpid(), __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

int tier_leader_wanted(const tier_leader_t *leader, apr_time_t since)
{
    return tier_atomic_load64(&leader->wanted) > since;
}

void tier_leader_resign(tier_leader_t *leader)
{
    __atomic_store_n(&leader->pid, 0, __ATOMIC_RELAXED);
    tier_robust_unlock(&leader->mutex);
}
