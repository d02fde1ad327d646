/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_waiters.h"

#include "atomics.h"

void assets_waiters_enter(assets_waiters_t *waiters, apr_time_t now)
{
    if (__atomic_add_fetch(&waiters->waiting, 1, __ATOMIC_ACQ_REL) > waiters->most)
        tier_atomic_swap64(&waiters->since, 0, now);
}

/* Not as soon as there is one place: to each that becomes free a crowd would come, and wait. */
void assets_waiters_leave(assets_waiters_t *waiters)
{
    if (__atomic_sub_fetch(&waiters->waiting, 1, __ATOMIC_ACQ_REL) <= waiters->most / 2)
        tier_atomic_store64(&waiters->since, 0);
}

int assets_waiters_dismiss(assets_waiters_t *waiters, apr_time_t now)
{
    apr_int64_t since = tier_atomic_load64(&waiters->since);
    apr_uint32_t waiting = tier_atomic_load(&waiters->waiting);

    if (since == 0 || now - since < waiters->patience)
        return 0;
    for (; waiting > waiters->most; waiting = tier_atomic_load(&waiters->waiting)) {
        if (tier_atomic_swap(&waiters->waiting, waiting, waiting - 1))
            return 1;
    }
    return 0;
}
