/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_bell.h"

#include "atomics.h"
#include "futex.h"

/* So many of a crowd are awake at a time; one of them may not find the time to wake the next. */
#define AWAKE 2

/* About how long it takes two processors to wake one listener and to send what it is given; and how
 * many times that the crowd is left alone. */
#define COST ((apr_interval_time_t)45)
#define PART 4

#define SHORTEST apr_time_from_msec(10)

void assets_bell_ring(assets_bell_t *bell)
{
    __atomic_add_fetch(&bell->rings, 1, __ATOMIC_ACQ_REL);
    tier_futex_wake_some(&bell->rings, AWAKE);
}

apr_uint32_t assets_bell_listen(const assets_bell_t *bell)
{
    return tier_atomic_load(&bell->rings);
}

/*
 * The kernel wakes those first who have waited for the longest. Who is woken wakes the next, until
 * it comes to one who has heard the last ring before it fell asleep: so have all behind it.
 */
int assets_bell_wait(assets_bell_t *bell, apr_uint32_t heard, apr_interval_time_t longest)
{
    int is_woken = tier_futex_wait(&bell->rings, heard, longest);

    if (tier_atomic_load(&bell->rings) == heard)
        return 0;
    __atomic_add_fetch(&bell->heard, 1, __ATOMIC_RELAXED);
    if (is_woken)
        tier_futex_wake_some(&bell->rings, 1);
    return 1;
}

apr_uint32_t assets_bell_heard(const assets_bell_t *bell)
{
    return tier_atomic_load(&bell->heard);
}

int assets_bell_is_due(apr_uint32_t crowd, apr_interval_time_t since, apr_interval_time_t left)
{
    apr_interval_time_t cost = COST * crowd;
    apr_interval_time_t pause = SHORTEST + PART * cost;

    if (pause > ASSETS_BELL_PAUSE)
        pause = ASSETS_BELL_PAUSE;
    if (left <= cost)
        return since >= SHORTEST && since >= cost;
    return since >= pause && left > 2 * cost;
}
