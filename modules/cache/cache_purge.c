/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_purge.h"

#include <apr_errno.h>

#define WAYS 4

/* A tag is a hash already: its halves choose the places. */
static apr_uint32_t first_place(cache_tag_t tag)
{
    return (apr_uint32_t)tag % CACHE_PURGE_PLACES;
}

static apr_uint32_t second_place(cache_tag_t tag)
{
    return (apr_uint32_t)(tag >> 32) % CACHE_PURGE_PLACES;
}

static void raise_to(apr_int64_t *place, apr_time_t time)
{
    apr_int64_t before = tier_atomic_load64(place);

    while (before < time && !tier_atomic_swap64(place, before, time))
        before = tier_atomic_load64(place);
}

void cache_purge_mark(cache_purge_t *purge, cache_tag_t tag, int is_soft, apr_time_t now)
{
    apr_int64_t *places = is_soft ? purge->soft : purge->hard;

    raise_to(&places[first_place(tag)], now);
    raise_to(&places[second_place(tag)], now);
    raise_to(&purge->last, now);
}

static apr_time_t purged_at(const apr_int64_t *places, cache_tag_t tag)
{
    apr_time_t one = tier_atomic_load64(&places[first_place(tag)]);
    apr_time_t other = tier_atomic_load64(&places[second_place(tag)]);

    return one < other ? one : other;
}

int cache_purge_judge(const cache_purge_t *purge, const char *tags, apr_time_t since,
                      apr_time_t *at)
{
    int count = cache_tags_count(tags);
    apr_uint64_t epoch;

    *at = 0;
    if (count == 0)
        return 1; /* stored when nothing was to be purged: nobody knows by what it may be */
    if (tier_atomic_load64(&purge->last) < since)
        return 0;
    for (int i = 0; i < count; i++) {
        cache_tag_t tag = cache_tags_get(tags, i, &epoch);
        apr_time_t soft = purged_at(purge->soft, tag);

        if (purged_at(purge->hard, tag) >= since)
            return 1;
        if (soft >= since && (*at == 0 || soft < *at))
            *at = soft;
    }
    return *at ? -1 : 0;
}

int cache_purge_is_newer(const cache_purge_t *purge, const char *tags, cache_tag_t url,
                         apr_time_t since)
{
    apr_time_t at;

    if (tier_atomic_load64(&purge->last) < since)
        return 0;
    return purged_at(purge->hard, url) >= since || purged_at(purge->soft, url) >= since ||
           cache_purge_judge(purge, tags, since, &at) != 0;
}

/* Epochs. */

static apr_uint64_t check_of(const cache_purge_epoch_t *it)
{
    apr_uint64_t sum = APR_UINT64_C(0x9e3779b97f4a7c15);

    sum = (sum ^ it->tag) * APR_UINT64_C(0xff51afd7ed558ccd);
    sum = (sum ^ sum >> 33 ^ it->number) * APR_UINT64_C(0xc4ceb9fe1a85ec53);
    sum = (sum ^ sum >> 33 ^ it->purged) * APR_UINT64_C(0xff51afd7ed558ccd);
    sum = (sum ^ sum >> 33 ^ it->seen) * APR_UINT64_C(0xc4ceb9fe1a85ec53);
    return sum ^ sum >> 33;
}

/* Two may write at once, or one die in the middle: then check does not fit. */
static int read_entry(const cache_purge_epoch_t *entry, cache_purge_epoch_t *it)
{
    it->check = __atomic_load_n(&entry->check, __ATOMIC_ACQUIRE);
    it->tag = __atomic_load_n(&entry->tag, __ATOMIC_RELAXED);
    it->number = __atomic_load_n(&entry->number, __ATOMIC_RELAXED);
    it->purged = __atomic_load_n(&entry->purged, __ATOMIC_RELAXED);
    it->seen = __atomic_load_n(&entry->seen, __ATOMIC_RELAXED);
    return it->seen != 0 && it->check == check_of(it);
}

static cache_purge_epoch_t *set_of(const cache_purge_t *purge, cache_tag_t tag)
{
    return (cache_purge_epoch_t *)&purge->epochs[tag % (CACHE_PURGE_EPOCHS / WAYS) * WAYS];
}

apr_time_t cache_purge_epoch(const cache_purge_t *purge, cache_tag_t tag, cache_epoch_t *epoch)
{
    const cache_purge_epoch_t *set = set_of(purge, tag);
    cache_purge_epoch_t it;

    for (int i = 0; i < WAYS; i++) {
        if (!read_entry(&set[i], &it) || it.tag != tag)
            continue;
        epoch->number = it.number;
        epoch->purged = (apr_time_t)it.purged;
        return (apr_time_t)it.seen;
    }
    return 0;
}

/* The tag's own place, else a free one, else that of what was seen longest ago. */
static cache_purge_epoch_t *place_for(cache_purge_epoch_t *set, cache_tag_t tag)
{
    apr_uint64_t oldest = APR_UINT64_MAX;
    int chosen = 0;
    cache_purge_epoch_t it;

    for (int i = 0; i < WAYS; i++) {
        apr_uint64_t seen = read_entry(&set[i], &it) ? it.seen : 0;

        if (seen && it.tag == tag)
            return &set[i];
        if (seen < oldest) {
            oldest = seen;
            chosen = i;
        }
    }
    return &set[chosen];
}

void cache_purge_keep_epoch(cache_purge_t *purge, cache_tag_t tag, const cache_epoch_t *epoch,
                            apr_time_t seen)
{
    cache_purge_epoch_t *entry = place_for(set_of(purge, tag), tag);
    cache_purge_epoch_t it = {tag, epoch->number, (apr_uint64_t)epoch->purged, (apr_uint64_t)seen,
                              0};

    __atomic_store_n(&entry->check, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&entry->tag, it.tag, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->number, it.number, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->purged, it.purged, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->seen, it.seen, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->check, check_of(&it), __ATOMIC_RELEASE);
}

/* What is owed. */

/* Of a state. */
static cache_owed_e kind_of(apr_uint32_t state)
{
    return (cache_owed_e)(state % CACHE_OWED_KINDS);
}

/* The state of the next use of a place: nobody who saw the one before can take it for that. */
static apr_uint32_t next_state(apr_uint32_t state, cache_owed_e kind)
{
    return (state / CACHE_OWED_KINDS + 1) * CACHE_OWED_KINDS + (apr_uint32_t)kind;
}

apr_status_t cache_purge_owe(cache_purge_t *purge, cache_tag_t tag, int is_soft, apr_time_t purged)
{
    for (int i = 0; i < CACHE_PURGE_OWED; i++) {
        cache_purge_owed_t *owed = &purge->owed[i];
        apr_uint32_t state = tier_atomic_load(&owed->state);
        apr_uint32_t writing = next_state(state, CACHE_OWED_WRITING);

        if (kind_of(state) != CACHE_OWED_NOTHING || !tier_atomic_swap(&owed->state, state, writing))
            continue;
        __atomic_fetch_add(&purge->owed_count, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&owed->tag, tag, __ATOMIC_RELAXED);
        __atomic_store_n(&owed->purged, purged, __ATOMIC_RELAXED);
        tier_atomic_store(&owed->state,
                          next_state(writing, is_soft ? CACHE_OWED_SOFT : CACHE_OWED_HARD));
        return APR_SUCCESS;
    }
    return APR_ENOSPC;
}

cache_owed_e cache_purge_owed(const cache_purge_t *purge, int number, cache_purge_owed_t *owed)
{
    const cache_purge_owed_t *it = &purge->owed[number];

    owed->state = tier_atomic_load(&it->state);
    owed->tag = __atomic_load_n(&it->tag, __ATOMIC_RELAXED);
    owed->purged = __atomic_load_n(&it->purged, __ATOMIC_RELAXED);
    return kind_of(owed->state) < CACHE_OWED_HARD ? CACHE_OWED_NOTHING : kind_of(owed->state);
}

void cache_purge_settle(cache_purge_t *purge, int number, const cache_purge_owed_t *owed)
{
    if (tier_atomic_swap(&purge->owed[number].state, owed->state,
                         next_state(owed->state, CACHE_OWED_NOTHING)))
        __atomic_fetch_sub(&purge->owed_count, 1, __ATOMIC_RELAXED);
}
