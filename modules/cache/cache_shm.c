/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_lend.h"
#include "cache_pin.h"
#include "cache_stripe.h"

#include "clock.h"
#include "robust.h"

#include <stdlib.h>
#include <unistd.h>

#define LAYOUT 4 /* changes whenever a struct of cache_shm_private.h does */

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
    rv = cache_stripe_lock(*stripe);
    if (rv == APR_SUCCESS)
        *at = cache_stripe_find(*stripe, id);
    return rv;
}

/* What keeps a record in place while a blob and what was made of it refer to it. */
typedef struct hold_t {
    stripe_t *stripe;
    apr_uint32_t pin;
    int count;
} hold_t;

static void hold(void *baton)
{
    ((hold_t *)baton)->count++;
}

/* Returns the descriptor to send the pieces from, or -1. */
static int lend(void *baton)
{
    const hold_t *held = baton;
    stripe_t *stripe = held->stripe;
    int file = -1;

    if (cache_stripe_lock(stripe) != APR_SUCCESS)
        return -1;
    cache_stripe_begin_change(stripe);
    if (cache_lend_take(stripe, held->pin))
        file = stripe->file;
    cache_stripe_end_change(stripe);
    cache_stripe_unlock(stripe);
    return file;
}

static void release(void *baton)
{
    hold_t *held = baton;

    if (--held->count > 0)
        return;
    cache_pin_leave(held->stripe, held->pin);
    free(held);
}

static const unsigned char *copy_of(stripe_t *stripe, const entry_t *it, apr_size_t size,
                                    apr_pool_t *pool)
{
    unsigned char *copy = apr_palloc(pool, size);

    cache_arena_read(units_of(stripe), data_of(stripe), it->chain, copy, size);
    return copy;
}

/* Sets the blob's pieces to what is behind the first `skipped` bytes of the record. */
static void point_at(stripe_t *stripe, const entry_t *it, apr_size_t skipped, cache_blob_t *blob,
                     apr_pool_t *pool)
{
    int count = cache_arena_blocks(units_of(stripe), it->chain);
    cache_piece_t *piece = apr_palloc(pool, (apr_size_t)count * sizeof(*piece));
    apr_uint32_t block = it->chain;
    apr_size_t left = it->size;

    blob->pieces = piece;
    while (left > 0) {
        apr_size_t size = cache_arena_block_size(units_of(stripe), block, left);
        apr_size_t begin = skipped < size ? skipped : size;

        piece->data = data_of(stripe) + (apr_size_t)block * CACHE_ARENA_UNIT + begin;
        piece->size = size - begin;
        piece->place = cache_lend_place(stripe, block);
        if (piece->place >= 0)
            piece->place += (apr_off_t)begin;
        if (piece->size > 0)
            piece++;
        skipped -= begin;
        left -= size;
        block = units_of(stripe)[block].next;
    }
    blob->piece_count = (int)(piece - blob->pieces);
}

/* Returns 0 when the record has to be copied. */
static int leave_in_place(stripe_t *stripe, apr_uint32_t at, cache_blob_t *blob, apr_pool_t *pool)
{
    entry_t *it = &entries_of(stripe)[at];
    apr_size_t head =
        cache_record_head_of(data_of(stripe) + (apr_size_t)it->chain * CACHE_ARENA_UNIT, it->size);
    hold_t *held = head ? malloc(sizeof(*held)) : NULL;

    if (!held)
        return 0;
    cache_stripe_begin_change(stripe);
    held->pin = cache_pin_take(stripe, at);
    cache_stripe_end_change(stripe);
    if (held->pin == NONE) {
        free(held);
        return 0;
    }
    held->stripe = stripe;
    held->count = 1;
    blob->data = copy_of(stripe, it, head, pool);
    point_at(stripe, it, head, blob, pool);
    blob->hold = hold;
    blob->release = release;
    blob->baton = held;
    if (cache_lend_pays(stripe, it))
        blob->lend = lend;
    it->reads++;
    return 1;
}

static apr_status_t get(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                        apr_size_t in_place, cache_blob_t *blob, apr_pool_t *pool)
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

        it->visited = 1;
        memset(blob, 0, sizeof(*blob));
        if (it->size < in_place || !leave_in_place(stripe, at, blob, pool))
            blob->data = copy_of(stripe, it, it->size, pool);
        blob->size = it->size;
        blob->trust = CACHE_RECORD_TRUSTED;
        blob->since = it->since;
        rv = APR_SUCCESS;
    }
    cache_stripe_unlock(stripe);
    return rv;
}

apr_status_t cache_shm_get_since(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                                 cache_blob_t *blob, apr_pool_t *pool)
{
    return get(store, id, since, APR_SIZE_MAX, blob, pool);
}

apr_status_t cache_shm_get_in_place(cache_store_t *store, const cache_id_t *id, apr_time_t since,
                                    cache_blob_t *blob, apr_pool_t *pool)
{
    return get(store, id, since, CACHE_SHM_IN_PLACE, blob, pool);
}

static apr_status_t shm_get_in_place(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                                     apr_pool_t *pool)
{
    return cache_shm_get_in_place(store, id, 0, blob, pool);
}

static apr_status_t shm_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                            apr_pool_t *pool)
{
    return cache_shm_get_since(store, id, 0, blob, pool);
}

static apr_status_t put_locked(stripe_t *stripe, const cache_id_t *id, const unsigned char *data,
                               apr_size_t size, apr_interval_time_t keep, apr_time_t since)
{
    apr_uint32_t at;
    apr_status_t rv = cache_stripe_make_room(stripe, id, size, &at);
    entry_t *it;

    if (rv != APR_SUCCESS)
        return rv;
    it = &entries_of(stripe)[at];
    it->size = (apr_uint32_t)size;
    it->expires = tier_clock_now() + keep;
    it->since = since;
    it->claimed = 0;
    it->reads = 0;
    cache_arena_write(units_of(stripe), data_of(stripe), it->chain, data, size);
    return APR_SUCCESS;
}

/* changes: those of before; NULL: this is a change itself. */
static apr_status_t put(cache_store_t *store, const cache_id_t *id, const cache_blob_t *blob,
                        apr_interval_time_t keep, const apr_uint64_t *changes, int is_change)
{
    stripe_t *stripe = stripe_of(store, id);
    apr_status_t rv;

    if (blob->size > store->largest)
        return APR_ENOSPC;
    rv = cache_stripe_lock(stripe);
    if (rv != APR_SUCCESS)
        return rv;
    if (changes && *changes != stripe->changes) {
        cache_stripe_unlock(stripe);
        return APR_EBUSY;
    }
    cache_stripe_begin_change(stripe);
    stripe->changes += is_change != 0;
    rv = put_locked(stripe, id, blob->data, blob->size, keep, blob->since);
    cache_stripe_end_change(stripe);
    cache_stripe_unlock(stripe);
    return rv;
}

apr_status_t cache_shm_put_since(cache_store_t *store, const cache_id_t *id,
                                 const cache_blob_t *blob, apr_interval_time_t keep)
{
    return put(store, id, blob, keep, NULL, 1);
}

apr_status_t cache_shm_keep(cache_store_t *store, const cache_id_t *id, const cache_blob_t *blob,
                            apr_interval_time_t keep, apr_uint64_t changes)
{
    return put(store, id, blob, keep, &changes, 0);
}

static apr_status_t shm_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                            apr_size_t size, apr_interval_time_t keep)
{
    cache_blob_t blob = {data, size};

    blob.since = tier_clock_now();
    return put(store, id, &blob, keep, NULL, 1);
}

static apr_status_t shm_put_unless(cache_store_t *store, const cache_id_t *id,
                                   const unsigned char *data, apr_size_t size,
                                   apr_interval_time_t keep, apr_uint64_t changes)
{
    cache_blob_t blob = {data, size};

    blob.since = tier_clock_now();
    return put(store, id, &blob, keep, &changes, 1);
}

apr_uint64_t cache_shm_changes(cache_store_t *store, const cache_id_t *id)
{
    stripe_t *stripe = stripe_of(store, id);
    apr_uint64_t changes = 0;

    if (cache_stripe_lock(stripe) == APR_SUCCESS) {
        changes = stripe->changes;
        cache_stripe_unlock(stripe);
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
    cache_stripe_unlock(stripe);
    return is_claimed;
}

void cache_shm_forget(cache_store_t *store, const cache_id_t *id, apr_time_t until)
{
    stripe_t *stripe;
    apr_uint32_t at;

    if (lock_at(store, id, &stripe, &at) != APR_SUCCESS)
        return;
    if (at != NONE && entries_of(stripe)[at].since <= until) {
        cache_stripe_begin_change(stripe);
        cache_stripe_drop(stripe, at);
        cache_stripe_end_change(stripe);
    }
    cache_stripe_unlock(stripe);
}

static apr_status_t shm_remove(cache_store_t *store, const cache_id_t *id)
{
    stripe_t *stripe;
    apr_uint32_t at;
    apr_status_t rv = lock_at(store, id, &stripe, &at);

    if (rv != APR_SUCCESS)
        return rv;
    cache_stripe_begin_change(stripe);
    stripe->changes++;
    if (at != NONE)
        cache_stripe_drop(stripe, at);
    cache_stripe_end_change(stripe);
    cache_stripe_unlock(stripe);
    return APR_SUCCESS;
}

/* Every entry has a unit at least: as many of each. */
static apr_status_t format_stripe(stripe_t *stripe, apr_size_t size)
{
    apr_size_t around = aligned(sizeof(*stripe)) + 2 * ALIGNMENT + stripe->page;
    apr_size_t each =
        sizeof(apr_uint32_t) + sizeof(entry_t) + sizeof(cache_arena_unit_t) + CACHE_ARENA_UNIT;
    apr_uint32_t count = (apr_uint32_t)((size - around) / each);

    stripe->entry_count = count;
    stripe->slots_at = aligned(sizeof(*stripe));
    stripe->entries_at = aligned(stripe->slots_at + count * sizeof(apr_uint32_t));
    stripe->units_at = aligned(stripe->entries_at + count * sizeof(entry_t));
    stripe->data_at =
        APR_ALIGN(stripe->units_at + count * sizeof(cache_arena_unit_t), stripe->page);
    cache_stripe_reset(stripe);
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

apr_status_t cache_shm_format(void *base, apr_size_t size, apr_size_t largest, int file)
{
    apr_size_t page = (apr_size_t)sysconf(_SC_PAGESIZE);
    segment_t *segment = base;
    apr_status_t rv = APR_SUCCESS;

    segment->stripes = stripes_for(size, largest);
    segment->first = page;
    segment->stripe_size = (size - page) / segment->stripes / page * page;
    segment->largest = segment->stripe_size / 4;
    for (apr_uint32_t i = 0; i < segment->stripes && rv == APR_SUCCESS; i++) {
        stripe_t *stripe = stripe_number(segment, i);

        stripe->file = file;
        stripe->in_file = page + i * segment->stripe_size;
        stripe->page = page;
        rv = format_stripe(stripe, segment->stripe_size);
    }
    return rv;
}

/* A process begins: others may have ended in the middle of reading. */
static void reap(segment_t *segment)
{
    for (apr_uint32_t i = 0; i < segment->stripes; i++) {
        stripe_t *stripe = stripe_number(segment, i);

        if (cache_stripe_lock(stripe) != APR_SUCCESS)
            continue;
        cache_stripe_begin_change(stripe);
        cache_pin_reap(stripe);
        cache_stripe_end_change(stripe);
        cache_stripe_unlock(stripe);
    }
}

cache_store_t *cache_shm_open(void *base, apr_pool_t *pool)
{
    shm_store_t *shm = apr_pcalloc(pool, sizeof(*shm));

    reap(base);

    shm->segment = base;
    shm->store.get = shm_get;
    shm->store.get_in_place = shm_get_in_place;
    shm->store.put = shm_put;
    shm->store.remove = shm_remove;
    shm->store.changes = cache_shm_changes;
    shm->store.put_unless = shm_put_unless;
    shm->store.name = "shared memory";
    shm->store.largest = shm->segment->largest;
    shm->store.trust = CACHE_RECORD_TRUSTED;
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
