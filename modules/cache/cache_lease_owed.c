/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_lease_owed.h"

#define TRY_EACH apr_time_from_msec(250)

/* What a state is modulo KINDS; the rest counts, so that no use of a place is taken for another. */
enum { FREE, WRITING, OWED, KINDS };

static apr_uint32_t next_state(apr_uint32_t state, apr_uint32_t kind)
{
    return (state / KINDS + 1) * KINDS + kind;
}

void cache_lease_owed_add(cache_lease_owed_t *owed, const cache_id_t *id)
{
    apr_uint32_t number = __atomic_fetch_add(&owed->next, 1, __ATOMIC_RELAXED) % CACHE_LEASE_OWED;
    cache_lease_owed_place_t *place = &owed->places[number];
    apr_uint32_t state = tier_atomic_load(&place->state);
    apr_uint32_t writing = next_state(state, WRITING);

    if (state % KINDS == WRITING || !tier_atomic_swap(&place->state, state, writing))
        return;
    if (state % KINDS == FREE)
        __atomic_fetch_add(&owed->count, 1, __ATOMIC_RELAXED);
    place->id = *id;
    tier_atomic_store(&place->state, next_state(writing, OWED));
}

int cache_lease_owed_due(cache_lease_owed_t *owed, apr_time_t now)
{
    apr_time_t due;

    if (__atomic_load_n(&owed->count, __ATOMIC_RELAXED) == 0)
        return 0;
    due = tier_atomic_load64(&owed->next_try);
    return now >= due && tier_atomic_swap64(&owed->next_try, due, now + TRY_EACH);
}

int cache_lease_owed_at(const cache_lease_owed_t *owed, int place, cache_id_t *id,
                        apr_uint32_t *state)
{
    const cache_lease_owed_place_t *it = &owed->places[place];

    *state = tier_atomic_load(&it->state);
    *id = it->id;
    return *state % KINDS == OWED && tier_atomic_load(&it->state) == *state;
}

void cache_lease_owed_done(cache_lease_owed_t *owed, int place, apr_uint32_t state)
{
    if (tier_atomic_swap(&owed->places[place].state, state, next_state(state, FREE)))
        __atomic_fetch_sub(&owed->count, 1, __ATOMIC_RELAXED);
}
