/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_roster.h"

#include "atomics.h"
#include "robust.h"

apr_status_t cache_roster_init(cache_roster_t *roster)
{
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < CACHE_ROSTER_SIZE && rv == APR_SUCCESS; i++)
        rv = tier_robust_init(&roster->places[i].lock);
    return rv;
}

/* Returns 1 when nobody held it; the caller holds it then. */
static int try_lock(pthread_mutex_t *lock)
{
    return tier_robust_try(lock, NULL) == APR_SUCCESS;
}

void cache_roster_enter(cache_roster_t *roster, cache_member_t *member)
{
    for (apr_uint32_t i = 0; i < CACHE_ROSTER_SIZE; i++) {
        cache_roster_place_t *place = &roster->places[i];

        if (try_lock(&place->lock)) {
            member->place = i;
            member->serial = tier_atomic_load(&place->serial) + 1;
            tier_atomic_store(&place->waiting, 0);
            tier_atomic_store(&place->serial, member->serial);
            return;
        }
    }
    member->place = CACHE_ROSTER_NONE;
    member->serial = 0;
}

void cache_roster_leave(cache_roster_t *roster, const cache_member_t *member)
{
    if (member->place != CACHE_ROSTER_NONE)
        tier_robust_unlock(&roster->places[member->place].lock);
}

int cache_roster_is_alive(cache_roster_t *roster, const cache_member_t *member)
{
    cache_roster_place_t *place;

    if (member->place >= CACHE_ROSTER_SIZE)
        return 1;
    place = &roster->places[member->place];
    if (tier_atomic_load(&place->serial) != member->serial)
        return 0;
    if (!try_lock(&place->lock))
        return 1;
    tier_robust_unlock(&place->lock);
    return 0;
}

apr_uint32_t *cache_roster_waiting(cache_roster_t *roster, const cache_member_t *member)
{
    return member->place < CACHE_ROSTER_SIZE ? &roster->places[member->place].waiting : NULL;
}

/* Most places are free: only those that say something are looked at closely. */
apr_uint32_t cache_roster_all_waiting(cache_roster_t *roster)
{
    apr_uint32_t all = 0;

    for (apr_uint32_t i = 0; i < CACHE_ROSTER_SIZE; i++) {
        cache_member_t member = {i, tier_atomic_load(&roster->places[i].serial)};
        apr_uint32_t waiting = tier_atomic_load(&roster->places[i].waiting);

        if (waiting && cache_roster_is_alive(roster, &member))
            all += waiting;
    }
    return all;
}
