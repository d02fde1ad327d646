/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_stripe.h"
#include "cache_lend.h"
#include "cache_pin.h"

#include "robust.h"

void cache_stripe_begin_change(stripe_t *stripe)
{
    tier_atomic_store(&stripe->is_changing, 1);
}

void cache_stripe_end_change(stripe_t *stripe)
{
    __atomic_store_n(&stripe->used_units.value, stripe->arena.units - stripe->arena.free_units,
                     __ATOMIC_RELAXED);
    tier_atomic_store(&stripe->is_changing, 0);
}

void cache_stripe_reset(stripe_t *stripe)
{
    entry_t *entry = entries_of(stripe);

    cache_stripe_begin_change(stripe);
    for (apr_uint32_t i = 0; i < stripe->entry_count; i++) {
        slots_of(stripe)[i] = NONE;
        entry[i].in_slot = i + 1 < stripe->entry_count ? i + 1 : NONE;
    }
    stripe->free_entry = 0;
    stripe->newest = stripe->oldest = stripe->hand = NONE;
    stripe->pin_count = stripe->pinned_units = stripe->lent_pins = 0;
    cache_arena_format(&stripe->arena, units_of(stripe), stripe->entry_count);
    __atomic_store_n(&stripe->used.value, 0, __ATOMIC_RELAXED);
    stripe->is_damaged = 0;
    cache_stripe_end_change(stripe);
}

apr_status_t cache_stripe_lock(stripe_t *stripe)
{
    int owner_died;
    apr_status_t rv = tier_robust_lock(&stripe->lock, &owner_died);

    if (rv != APR_SUCCESS)
        return rv;
    if (owner_died && tier_atomic_load(&stripe->is_changing))
        stripe->is_damaged = 1;
    if (!stripe->is_damaged)
        return APR_SUCCESS;
    if (cache_pin_survivors(stripe) > 0 || !cache_lend_recall_all(stripe)) {
        cache_stripe_unlock(stripe);
        return APR_EBUSY;
    }
    cache_stripe_reset(stripe);
    tier_counter_add(&stripe->resets, 1);
    return APR_SUCCESS;
}

void cache_stripe_unlock(stripe_t *stripe)
{
    tier_robust_unlock(&stripe->lock);
}

apr_uint32_t cache_stripe_find(stripe_t *stripe, const cache_id_t *id)
{
    entry_t *entry = entries_of(stripe);
    apr_uint32_t at = *slot_of(stripe, id);

    while (at != NONE && memcmp(&entry[at].id, id, sizeof(*id)) != 0)
        at = entry[at].in_slot;
    return at;
}

static void leave_slot(stripe_t *stripe, apr_uint32_t at)
{
    entry_t *entry = entries_of(stripe);
    apr_uint32_t *link = slot_of(stripe, &entry[at].id);

    while (*link != at)
        link = &entry[*link].in_slot;
    *link = entry[at].in_slot;
}

static void leave_queue(stripe_t *stripe, apr_uint32_t at)
{
    entry_t *entry = entries_of(stripe);
    entry_t *it = &entry[at];

    if (stripe->hand == at)
        stripe->hand = it->newer;
    if (it->newer == NONE) {
        stripe->newest = it->older;
    } else {
        entry[it->newer].older = it->older;
    }
    if (it->older == NONE) {
        stripe->oldest = it->newer;
    } else {
        entry[it->older].newer = it->newer;
    }
}

/* What the kernel does not give back is lost. */
void cache_stripe_give(stripe_t *stripe, apr_uint32_t chain)
{
    if (cache_lend_recall(stripe, chain))
        cache_arena_give(&stripe->arena, units_of(stripe), chain);
}

void cache_stripe_drop(stripe_t *stripe, apr_uint32_t at)
{
    entry_t *it = &entries_of(stripe)[at];

    leave_slot(stripe, at);
    leave_queue(stripe, at);
    if (it->pins) {
        cache_pin_orphan(stripe, at);
    } else {
        cache_stripe_give(stripe, it->chain);
    }
    it->in_slot = stripe->free_entry;
    stripe->free_entry = at;
    tier_counter_add(&stripe->used, (apr_uint64_t)-1);
}

/*
 * SIEVE: the hand goes from old to new and starts over at the oldest; what it passes loses its bit.
 * What is read in place is passed, as its memory would not be had; returns 0 when there is nothing
 * else.
 */
static int evict_one(stripe_t *stripe)
{
    apr_uint32_t passes = 2 * stripe->pin_count;
    entry_t *entry = entries_of(stripe);
    apr_uint32_t at = stripe->hand != NONE ? stripe->hand : stripe->oldest;

    while (entry[at].visited || entry[at].pins) {
        if (entry[at].pins && passes-- == 0)
            return 0;
        entry[at].visited = 0;
        at = entry[at].newer != NONE ? entry[at].newer : stripe->oldest;
    }
    stripe->hand = at;
    cache_stripe_drop(stripe, at);
    tier_counter_add(&stripe->evicted, 1);
    return 1;
}

static apr_uint32_t insert(stripe_t *stripe, const cache_id_t *id, apr_uint32_t chain)
{
    entry_t *entry = entries_of(stripe);
    apr_uint32_t at = stripe->free_entry;
    entry_t *it = &entry[at];
    apr_uint32_t *slot;

    stripe->free_entry = it->in_slot;
    it->id = *id;
    it->chain = chain;
    it->visited = 0;
    it->pins = 0;
    slot = slot_of(stripe, id);
    it->in_slot = *slot;
    *slot = at;
    it->newer = NONE;
    it->older = stripe->newest;
    if (stripe->newest == NONE) {
        stripe->oldest = at;
    } else {
        entry[stripe->newest].newer = at;
    }
    stripe->newest = at;
    tier_counter_add(&stripe->used, 1);
    return at;
}

/* Whether what is put again in the same size can stay where it is. */
static int is_reusable(stripe_t *stripe, apr_uint32_t at, apr_size_t size)
{
    const entry_t *it = &entries_of(stripe)[at];

    return it->size == size && !it->pins && cache_lend_recall(stripe, it->chain);
}

/* What stays where it is does so with what the eviction knows of it. */
apr_status_t cache_stripe_make_room(stripe_t *stripe, const cache_id_t *id, apr_size_t size,
                                    apr_uint32_t *at)
{
    apr_uint32_t chain;

    *at = cache_stripe_find(stripe, id);
    if (*at != NONE && is_reusable(stripe, *at, size))
        return APR_SUCCESS;
    if (*at != NONE)
        cache_stripe_drop(stripe, *at);
    while (stripe->arena.free_units < cache_arena_units_of(size) && stripe->oldest != NONE) {
        if (!evict_one(stripe))
            break;
    }
    chain = cache_arena_take(&stripe->arena, units_of(stripe), size);
    if (chain == NONE)
        return APR_ENOSPC;
    *at = insert(stripe, id, chain);
    return APR_SUCCESS;
}
