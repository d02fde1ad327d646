/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_cache.h"

#include <string.h>

#include <apr_sha1.h>
#include <apr_strings.h>

#include "atomics.h"
#include "robust.h"

#define LAYOUT 1 /* changes with the structs below */

typedef struct slot_t {
    apr_uint64_t hash;
    apr_int64_t fresh_until;
    apr_int64_t stale_until; /* 0: free */
    apr_uint32_t used;       /* the stripe's count of uses when it was used last */
    apr_uint32_t size;
    char text[MOGILE_CACHE_SLOT - 32];
} slot_t;

typedef struct stripe_t {
    pthread_mutex_t lock;
    apr_uint32_t is_changing; /* 1: whoever dies now leaves it half changed */
    apr_uint32_t uses;
} stripe_t;

struct mogile_cache_t {
    stripe_t stripes[MOGILE_CACHE_STRIPES];
    apr_uint64_t slots; /* of a stripe, a multiple of MOGILE_CACHE_WAYS */
};

_Static_assert(sizeof(slot_t) == MOGILE_CACHE_SLOT, "a slot has no padding");

static apr_uint64_t slots_for(apr_size_t size)
{
    apr_uint64_t slots = (size - sizeof(mogile_cache_t)) / MOGILE_CACHE_SLOT / MOGILE_CACHE_STRIPES;

    return slots - slots % MOGILE_CACHE_WAYS;
}

apr_uint32_t mogile_cache_layout(apr_size_t size)
{
    return (LAYOUT << 24) + (apr_uint32_t)(size / 4096);
}

apr_status_t mogile_cache_format(void *base, apr_size_t size)
{
    mogile_cache_t *cache = base;
    apr_status_t status = APR_SUCCESS;

    cache->slots = slots_for(size);
    for (int i = 0; i < MOGILE_CACHE_STRIPES && status == APR_SUCCESS; i++)
        status = tier_robust_init(&cache->stripes[i].lock);
    return status;
}

mogile_cache_t *mogile_cache_at(void *base)
{
    return base;
}

/* What is known of a key's place. */
typedef struct place_t {
    stripe_t *stripe;
    slot_t *set; /* MOGILE_CACHE_WAYS slots */
    apr_uint64_t hash;
    const char *head; /* how the key's records begin */
    apr_size_t head_size;
} place_t;

static slot_t *slots_of(mogile_cache_t *cache, const stripe_t *stripe)
{
    return (slot_t *)(cache + 1) + (apr_uint64_t)(stripe - cache->stripes) * cache->slots;
}

static void find_place(mogile_cache_t *cache, place_t *place, const char *domain, const char *key,
                       apr_pool_t *pool)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha1;

    place->head = mogile_file_write(NULL, domain, key, &place->head_size, pool);
    apr_sha1_init(&sha1);
    apr_sha1_update_binary(&sha1, (const unsigned char *)place->head,
                           (unsigned int)place->head_size);
    apr_sha1_final(digest, &sha1);
    memcpy(&place->hash, digest, sizeof(place->hash));
    place->stripe = &cache->stripes[place->hash % MOGILE_CACHE_STRIPES];
    place->set = slots_of(cache, place->stripe) + place->hash / MOGILE_CACHE_STRIPES %
                                                      (cache->slots / MOGILE_CACHE_WAYS) *
                                                      MOGILE_CACHE_WAYS;
}

static int lock(mogile_cache_t *cache, stripe_t *stripe)
{
    int owner_died = 0;

    if (tier_robust_lock(&stripe->lock, &owner_died) != APR_SUCCESS)
        return 0;
    if (owner_died && tier_atomic_load(&stripe->is_changing)) {
        memset(slots_of(cache, stripe), 0, (apr_size_t)cache->slots * sizeof(slot_t));
        tier_atomic_store(&stripe->is_changing, 0);
    }
    return 1;
}

/* Returns the key's slot, NULL: it has none. Under the lock. */
static slot_t *slot_of(const place_t *place)
{
    for (int i = 0; i < MOGILE_CACHE_WAYS; i++) {
        slot_t *slot = &place->set[i];

        if (slot->stale_until && slot->hash == place->hash && slot->size >= place->head_size &&
            memcmp(slot->text, place->head, place->head_size) == 0 &&
            (slot->size == place->head_size || slot->text[place->head_size] == ' '))
            return slot;
    }
    return NULL;
}

apr_status_t mogile_cache_get(mogile_cache_t *cache, mogile_cached_t *cached, const char *domain,
                              const char *key, apr_time_t now, apr_pool_t *pool)
{
    char text[MOGILE_CACHE_SLOT];
    apr_size_t size = 0;
    apr_time_t fresh_until = 0;
    place_t place;
    slot_t *slot;

    find_place(cache, &place, domain, key, pool);
    if (!lock(cache, place.stripe))
        return APR_NOTFOUND;
    slot = slot_of(&place);
    if (slot && slot->stale_until > now) {
        size = slot->size;
        fresh_until = slot->fresh_until;
        slot->used = ++place.stripe->uses;
        memcpy(text, slot->text, size);
    }
    tier_robust_unlock(&place.stripe->lock);
    if (size == 0)
        return APR_NOTFOUND;
    cached->is_fresh = fresh_until > now;
    return mogile_file_read(&cached->file, text, size, domain, key, pool) == APR_SUCCESS
               ? APR_SUCCESS
               : APR_NOTFOUND;
}

/* A free or expired slot, else the one that was not used for longest. Under the lock. */
static slot_t *slot_to_fill(const place_t *place, apr_time_t now)
{
    slot_t *oldest = &place->set[0];

    for (int i = 0; i < MOGILE_CACHE_WAYS; i++) {
        slot_t *slot = &place->set[i];

        if (slot->stale_until <= now)
            return slot;
        if (place->stripe->uses - slot->used > place->stripe->uses - oldest->used)
            oldest = slot;
    }
    return oldest;
}

void mogile_cache_put(mogile_cache_t *cache, const mogile_file_t *file, const char *domain,
                      const char *key, apr_interval_time_t fresh, apr_interval_time_t stale,
                      apr_time_t now, apr_pool_t *pool)
{
    apr_size_t size;
    const char *text = mogile_file_write(file, domain, key, &size, pool);
    place_t place;
    slot_t *slot;

    if (size > sizeof(slot->text)) {
        mogile_cache_drop(cache, domain, key, pool);
        return;
    }
    find_place(cache, &place, domain, key, pool);
    if (!lock(cache, place.stripe))
        return;
    slot = slot_of(&place);
    if (!slot)
        slot = slot_to_fill(&place, now);
    tier_atomic_store(&place.stripe->is_changing, 1);
    slot->hash = place.hash;
    slot->fresh_until = now + fresh;
    slot->stale_until = now + fresh + stale;
    slot->used = ++place.stripe->uses;
    slot->size = (apr_uint32_t)size;
    memcpy(slot->text, text, size);
    tier_atomic_store(&place.stripe->is_changing, 0);
    tier_robust_unlock(&place.stripe->lock);
}

void mogile_cache_drop(mogile_cache_t *cache, const char *domain, const char *key, apr_pool_t *pool)
{
    place_t place;
    slot_t *slot;

    find_place(cache, &place, domain, key, pool);
    if (!lock(cache, place.stripe))
        return;
    slot = slot_of(&place);
    if (slot)
        slot->stale_until = 0;
    tier_robust_unlock(&place.stripe->lock);
}
