/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_shm_private.h"

#include "clock.h"
#include "robust.h"

#define LAYOUT 2 /* changes whenever a struct of cache_shm_private.h does */

static void begin_change(stripe_t *stripe)
{
    tier_atomic_store(&stripe->is_changing, 1);
}

static void end_change(stripe_t *stripe)
{
    __atomic_store_n(&stripe->used_units.value, stripe->arena.units - stripe->arena.free_units,
                     __ATOMIC_RELAXED);
    tier_atomic_store(&stripe->is_changing, 0);
}

/* Makes the stripe empty. */
static void reset(stripe_t *stripe)
{
    entry_t *entry = entries_of(stripe);

    begin_change(stripe);
    for (apr_uint32_t i = 0; i < stripe->entry_count; i++) {
        slots_of(stripe)[i] = NONE;
        entry[i].in_slot = i + 1 < stripe->entry_count ? i + 1 : NONE;
    }
    stripe->free_entry = 0;
    stripe->newest = stripe->oldest = stripe->hand = NONE;
    cache_arena_format(&stripe->arena, units_of(stripe), stripe->entry_count);
    __atomic_store_n(&stripe->used.value, 0, __ATOMIC_RELAXED);
    end_change(stripe);
}

static apr_status_t lock(stripe_t *stripe)
{
    int owner_died;
    apr_status_t rv = tier_robust_lock(&stripe->lock, &owner_died);

    if (rv == APR_SUCCESS && owner_died && tier_atomic_load(&stripe->is_changing)) {
        reset(stripe);
        tier_counter_add(&stripe->resets, 1);
    }
    return rv;
}

static void unlock(stripe_t *stripe)
{
    tier_robust_unlock(&stripe->lock);
}

static apr_uint32_t find(stripe_t *stripe, const cache_id_t *id)
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

static void drop(stripe_t *stripe, apr_uint32_t at)
{
    entry_t *it = &entries_of(stripe)[at];

    leave_slot(stripe, at);
    leave_queue(stripe, at);
    cache_arena_give(&stripe->arena, units_of(stripe), it->chain);
    it->in_slot = stripe->free_entry;
    stripe->free_entry = at;
    tier_counter_add(&stripe->used, (apr_uint64_t)-1);
}

/*
 * SIEVE: the hand goes from old to new and starts over at the oldest; what it passes loses its bit.
 */
static void evict_one(stripe_t *stripe)
{
    entry_t *entry = entries_of(stripe);
    apr_uint32_t at = stripe->hand != NONE ? stripe->hand : stripe->oldest;

    while (entry[at].visited) {
        entry[at].visited = 0;
        at = entry[at].newer != NONE ? entry[at].newer : stripe->oldest;
    }
    stripe->hand = at;
    drop(stripe, at);
    tier_counter_add(&stripe->evicted, 1);
}

static void insert(stripe_t *stripe, const cache_id_t *id, apr_uint32_t chain)
{
    entry_t *entry = entries_of(stripe);
    apr_uint32_t at = stripe->free_entry;
    entry_t *it = &entry[at];
    apr_uint32_t *slot;

    stripe->free_entry = it->in_slot;
    it->id = *id;
    it->chain = chain;
    it->visited = 0;
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
}

static stripe_t *stripe_of(cache_store_t *store, const cache_id_t *id)
{
    segment_t *segment = ((shm_store_t *)store)->segment;

    return stripe_number(segment, word_of(id, 0) % segment->stripes);
}

/* Locks the stripe of id; sets *at to the entry's number, or NONE. */
static apr_status_t lock_at(cache_store_t *store, const cache_id_t *id, stripe_t **stripe,
                            apr_uint32_t *at)
{
    apr_status_t rv;

    *stripe = stripe_of(store, id);
    rv = lock(*stripe);
    if (rv == APR_SUCCESS)
        *at = find(*stripe, id);
    return rv;
}

apr_status_t cache_shm_get_since(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                                 cache_blob_t *blob, apr_pool_t *pool)
{
    stripe_t *stripe;
    apr_uint32_t at;
    apr_status_t rv = lock_at(store, id, &stripe, &at);

    if (rv != APR_SUCCESS)
        return rv;
    rv = APR_NOTFOUND;
    if (at != NONE && entries_of(stripe)[at].expires > tier_clock_now() &&
        entries_of(stripe)[at].since >= since) {
        entry_t *it = &entries_of(stripe)[at];
        unsigned char *copy = apr_palloc(pool, it->size);

        it->visited = 1;
        cache_arena_read(units_of(stripe), data_of(stripe), it->chain, copy, it->size);
        memset(blob, 0, sizeof(*blob));
        blob->data = copy;
        blob->size = it->size;
        blob->trust = CACHE_RECORD_TRUSTED;
        blob->since = it->since;
        rv = APR_SUCCESS;
    }
    unlock(stripe);
    return rv;
}

static apr_status_t shm_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                            apr_pool_t *pool)
{
    return cache_shm_get_since(store, id, 0, blob, pool);
}

/* What is put again in the same size stays where it is, with what the eviction knows of it. */
static apr_status_t make_room(stripe_t *stripe, const cache_id_t *id, apr_size_t size)
{
    apr_uint32_t at = find(stripe, id);
    apr_uint32_t chain;

    if (at != NONE && entries_of(stripe)[at].size == size)
        return APR_SUCCESS;
    if (at != NONE)
        drop(stripe, at);
    while (stripe->arena.free_units < cache_arena_units_of(size) && stripe->oldest != NONE)
        evict_one(stripe);
    chain = cache_arena_take(&stripe->arena, units_of(stripe), size);
    if (chain == NONE)
        return APR_ENOSPC;
    insert(stripe, id, chain);
    return APR_SUCCESS;
}

static apr_status_t put_locked(stripe_t *stripe, const cache_id_t *id, const unsigned char *data,
                               apr_size_t size, apr_interval_time_t keep, apr_time_t since)
{
    apr_status_t rv = make_room(stripe, id, size);
    entry_t *it;

    if (rv != APR_SUCCESS)
        return rv;
    it = &entries_of(stripe)[find(stripe, id)];
    it->size = (apr_uint32_t)size;
    it->expires = tier_clock_now() + keep;
    it->since = since;
    it->claimed = 0;
    cache_arena_write(units_of(stripe), data_of(stripe), it->chain, data, size);
    return APR_SUCCESS;
}

/* changes: those of before; NULL: this is a change itself. */
static apr_status_t put(cache_store_t *store, const cache_id_t *id, const cache_blob_t *blob,
                        apr_interval_time_t keep, const apr_uint64_t *changes)
{
    stripe_t *stripe = stripe_of(store, id);
    apr_status_t rv;

    if (blob->size > store->largest)
        return APR_ENOSPC;
    rv = lock(stripe);
    if (rv != APR_SUCCESS)
        return rv;
    if (changes && *changes != stripe->changes) {
        unlock(stripe);
        return APR_EBUSY;
    }
    begin_change(stripe);
    if (!changes)
        stripe->changes++;
    rv = put_locked(stripe, id, blob->data, blob->size, keep, blob->since);
    end_change(stripe);
    unlock(stripe);
    return rv;
}

apr_status_t cache_shm_put_since(cache_store_t *store, const cache_id_t *id,
                                 const cache_blob_t *blob, apr_interval_time_t keep)
{
    return put(store, id, blob, keep, NULL);
}

apr_status_t cache_shm_keep(cache_store_t *store, const cache_id_t *id, const cache_blob_t *blob,
                            apr_interval_time_t keep, apr_uint64_t changes)
{
    return put(store, id, blob, keep, &changes);
}

static apr_status_t shm_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                            apr_size_t size, apr_interval_time_t keep)
{
    cache_blob_t blob = {data, size};

    blob.since = tier_clock_now();
    return put(store, id, &blob, keep, NULL);
}

apr_uint64_t cache_shm_changes(cache_store_t *store, const cache_id_t *id)
{
    stripe_t *stripe = stripe_of(store, id);
    apr_uint64_t changes = 0;

    if (lock(stripe) == APR_SUCCESS) {
        changes = stripe->changes;
        unlock(stripe);
    }
    return changes;
}

int cache_shm_claim(cache_store_t *store, const cache_id_t *id, apr_time_t since)
{
    stripe_t *stripe;
    int is_claimed = 0;
    apr_uint32_t at;

    if (lock_at(store, id, &stripe, &at) != APR_SUCCESS)
        return 0;
    if (at != NONE && entries_of(stripe)[at].since == since && !entries_of(stripe)[at].claimed)
        is_claimed = entries_of(stripe)[at].claimed = 1;
    unlock(stripe);
    return is_claimed;
}

void cache_shm_forget(cache_store_t *store, const cache_id_t *id, apr_time_t until)
{
    stripe_t *stripe;
    apr_uint32_t at;

    if (lock_at(store, id, &stripe, &at) != APR_SUCCESS)
        return;
    if (at != NONE && entries_of(stripe)[at].since <= until) {
        begin_change(stripe);
        drop(stripe, at);
        end_change(stripe);
    }
    unlock(stripe);
}

static apr_status_t shm_remove(cache_store_t *store, const cache_id_t *id)
{
    stripe_t *stripe;
    apr_uint32_t at;
    apr_status_t rv = lock_at(store, id, &stripe, &at);

    if (rv != APR_SUCCESS)
        return rv;
    begin_change(stripe);
    stripe->changes++;
    if (at != NONE)
        drop(stripe, at);
    end_change(stripe);
    unlock(stripe);
    return APR_SUCCESS;
}

/* Every entry has a unit at least: as many of each. */
static apr_status_t format_stripe(stripe_t *stripe, apr_size_t size)
{
    apr_size_t each =
        sizeof(apr_uint32_t) + sizeof(entry_t) + sizeof(cache_arena_unit_t) + CACHE_ARENA_UNIT;
    apr_uint32_t count = (apr_uint32_t)((size - aligned(sizeof(*stripe)) - 3 * ALIGNMENT) / each);

    stripe->entry_count = count;
    stripe->slots_at = aligned(sizeof(*stripe));
    stripe->entries_at = aligned(stripe->slots_at + count * sizeof(apr_uint32_t));
    stripe->units_at = aligned(stripe->entries_at + count * sizeof(entry_t));
    stripe->data_at = aligned(stripe->units_at + count * sizeof(cache_arena_unit_t));
    reset(stripe);
    return tier_robust_init(&stripe->lock);
}

/* As many stripes as leave eight of the largest records in each, at least one. */
static apr_uint32_t stripes_for(apr_size_t size, apr_size_t largest)
{
    apr_size_t stripes = largest ? size / 8 / largest : MAX_STRIPES;

    if (stripes > size / CACHE_SHM_SMALLEST)
        stripes = size / CACHE_SHM_SMALLEST;
    if (stripes > MAX_STRIPES)
        stripes = MAX_STRIPES;
    return stripes ? (apr_uint32_t)stripes : 1;
}

apr_uint32_t cache_shm_layout(apr_size_t size, apr_size_t largest)
{
    return LAYOUT << 8 | stripes_for(size, largest);
}

apr_status_t cache_shm_format(void *base, apr_size_t size, apr_size_t largest)
{
    segment_t *segment = base;
    apr_status_t rv = APR_SUCCESS;

    segment->stripes = stripes_for(size, largest);
    segment->stripe_size = (size - ALIGNMENT) / segment->stripes / ALIGNMENT * ALIGNMENT;
    segment->largest = segment->stripe_size / 4;
    for (apr_uint32_t i = 0; i < segment->stripes && rv == APR_SUCCESS; i++)
        rv = format_stripe(stripe_number(segment, i), segment->stripe_size);
    return rv;
}

cache_store_t *cache_shm_open(void *base, apr_pool_t *pool)
{
    shm_store_t *shm = apr_pcalloc(pool, sizeof(*shm));

    shm->segment = base;
    shm->store.get = shm_get;
    shm->store.put = shm_put;
    shm->store.remove = shm_remove;
    shm->store.name = "shared memory";
    shm->store.largest = shm->segment->largest;
    shm->store.is_quick = 1;
    return &shm->store;
}

void cache_shm_read_figures(const void *base, cache_shm_figures_t *figures)
{
    const segment_t *segment = base;

    memset(figures, 0, sizeof(*figures));
    for (apr_uint32_t i = 0; i < segment->stripes; i++) {
        const stripe_t *stripe = stripe_number(segment, i);

        figures->entries += tier_counter_get(&stripe->used);
        figures->evicted += tier_counter_get(&stripe->evicted);
        figures->resets += tier_counter_get(&stripe->resets);
        figures->capacity += (apr_uint64_t)stripe->entry_count * CACHE_ARENA_UNIT;
        figures->bytes += tier_counter_get(&stripe->used_units) * CACHE_ARENA_UNIT;
    }
}
