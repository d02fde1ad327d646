/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_top.h"

#include "atomics.h"
#include "hash.h"
#include "robust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_LIFE apr_time_from_sec(3600)

apr_status_t cache_top_init(cache_top_t *top)
{
    return tier_robust_init(&top->lock);
}

/* Who makes two URLs of one hash has them counted as one. */
static apr_uint64_t hash_of(const char *url)
{
    apr_uint64_t hash = tier_hash_text(TIER_HASH_START, url);

    return hash ? hash : 1;
}

static void clear(cache_top_t *top)
{
    tier_atomic_store(&top->is_changing, 1);
    memset(top->hashes, 0, sizeof(top->hashes));
    memset(top->weights, 0, sizeof(top->weights));
    top->weight = 0;
    top->halved = 0;
    tier_atomic_store(&top->is_changing, 0);
}

static apr_status_t lock(cache_top_t *top)
{
    int owner_died = 0;
    apr_status_t rv = tier_robust_lock(&top->lock, &owner_died);

    if (rv == APR_SUCCESS && owner_died && tier_atomic_load(&top->is_changing))
        clear(top);
    return rv;
}

static void halve(cache_top_t *top)
{
    for (int i = 0; i < CACHE_TOP_SIZE; i++) {
        cache_top_entry_t *it = &top->entries[i];

        top->weights[i] /= 2;
        it->excess /= 2;
        it->count = (it->count + 1) / 2;
        for (int reason = 0; reason < CACHE_TOP_REASONS; reason++)
            it->reasons[reason] = (it->reasons[reason] + 1) / 2;
    }
    top->weight /= 2;
}

static void age(cache_top_t *top, apr_time_t now)
{
    if (top->halved == 0)
        top->halved = now;
    for (int i = 0; i < 64 && now - top->halved >= HALF_LIFE; i++) {
        halve(top);
        top->halved += HALF_LIFE;
    }
    if (now - top->halved >= HALF_LIFE)
        top->halved = now;
}

/* Logs, terminals and pages are given nothing that could mean something to them. */
static void copy_visible(char out[CACHE_TOP_URL], const char *url)
{
    apr_size_t used = 0;

    for (; *url && used + 4 < CACHE_TOP_URL; url++) {
        unsigned char c = (unsigned char)*url;

        if (c > ' ' && c < 0x7f && !strchr("\"'<>\\`&", c)) {
            out[used++] = (char)c;
        } else {
            snprintf(out + used, 4, "%%%02X", c);
            used += 3;
        }
    }
    out[used] = '\0';
}

/* Returns the number of hash's entry, else of the lightest. */
static int place_for(const cache_top_t *top, apr_uint64_t hash)
{
    int lightest = 0;

    for (int i = 0; i < CACHE_TOP_SIZE; i++) {
        if (top->hashes[i] == hash)
            return i;
    }
    for (int i = 1; i < CACHE_TOP_SIZE; i++) {
        if (top->weights[i] < top->weights[lightest])
            lightest = i;
    }
    return lightest;
}

/* Space-Saving: who comes in has all that the one whose place it is had, as its excess. */
static void take_over(cache_top_t *top, int place, apr_uint64_t hash, const char *url)
{
    cache_top_entry_t *it = &top->entries[place];

    top->hashes[place] = hash;
    it->excess = top->weights[place];
    it->count = 0;
    memset(it->reasons, 0, sizeof(it->reasons));
    copy_visible(it->url, url);
}

void cache_top_add(cache_top_t *top, const char *url, apr_interval_time_t weight, int reason,
                   apr_time_t now)
{
    apr_uint64_t hash = hash_of(url);
    int place;

    if (reason < 0 || reason >= CACHE_TOP_REASONS || lock(top) != APR_SUCCESS)
        return;
    tier_atomic_store(&top->is_changing, 1);
    age(top, now);
    place = place_for(top, hash);
    if (top->hashes[place] != hash)
        take_over(top, place, hash, url);
    top->weights[place] += weight > 0 ? (apr_uint64_t)weight : 0;
    top->weight += weight > 0 ? (apr_uint64_t)weight : 0;
    top->entries[place].count++;
    top->entries[place].reasons[reason]++;
    tier_atomic_store(&top->is_changing, 0);
    tier_robust_unlock(&top->lock);
}

static int heavier(const void *a, const void *b)
{
    const cache_top_entry_t *one = a;
    const cache_top_entry_t *other = b;

    return (one->weight < other->weight) - (one->weight > other->weight);
}

int cache_top_read(cache_top_t *top, cache_top_entry_t *list, apr_uint64_t *weight)
{
    int count = 0;

    *weight = 0;
    if (lock(top) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < CACHE_TOP_SIZE; i++) {
        if (top->hashes[i] == 0)
            continue;
        list[count] = top->entries[i];
        list[count++].weight = top->weights[i];
    }
    *weight = top->weight;
    tier_robust_unlock(&top->lock);
    qsort(list, (size_t)count, sizeof(*list), heavier);
    return count;
}

int cache_top_reason(const cache_top_entry_t *entry)
{
    int most = 0;

    for (int i = 1; i < CACHE_TOP_REASONS; i++) {
        if (entry->reasons[i] > entry->reasons[most])
            most = i;
    }
    return most;
}

const char *cache_top_reason_name(int reason)
{
    if (reason < CACHE_VERDICTS)
        return cache_verdict_name((cache_verdict_e)reason);
    return cache_status_field_fwd((cache_fwd_e)(reason - CACHE_VERDICTS));
}

const char *cache_top_remedy(int reason)
{
    static const char *const remedies[CACHE_TOP_REASONS] = {
        [CACHE_REFUSED_METHOD] = "none: only GET is cached",
        [CACHE_REFUSED_REQUEST] = "TierCacheIgnoreClient, where clients say no-store",
        [CACHE_REFUSED_STATUS] = "the application: its status cannot be stored",
        [CACHE_REFUSED_NO_STORE] = "the application: it says no-store",
        [CACHE_REFUSED_PRIVATE] = "the application: it says private",
        [CACHE_REFUSED_AUTHORIZATION] =
            "the application: public or s-maxage, if it is the same for all users",
        [CACHE_REFUSED_SET_COOKIE] =
            "TierCacheIgnoreSetCookie, if the cookie says nothing of the visitor",
        [CACHE_REFUSED_VARY] =
            "the application: what it says in Vary is kept apart for each request",
        [CACHE_REFUSED_NO_FRESHNESS] = "TierCacheDefault, or Cache-Control of the application",
        [CACHE_REFUSED_EXPIRED] = "TierCacheMinTTL, or Cache-Control of the application",
        [CACHE_REFUSED_TOO_LARGE] = "TierCacheMaxSize; TierCacheSize where there is no memcached",
        [CACHE_REFUSED_INCOMPLETE] = "the application: its answers break off",
        [CACHE_REFUSED_STORE] = "the memcached servers",
        [CACHE_REFUSED_RULE] = "TierCacheNoStore",
        [CACHE_REFUSED_TAGS] = "the application: fewer tags",
        [CACHE_REFUSED_PURGED] = "fewer purges, or soft ones",
        [CACHE_REFUSED_COOKIE] = "Cache-Control of the application; TierCacheDefault, with "
                                 "TierCacheBypass for the cookies that make pages personal",
        [CACHE_TOP_FORWARDED(CACHE_FWD_BYPASS)] = "TierCacheBypass",
        [CACHE_TOP_FORWARDED(CACHE_FWD_METHOD)] = "none: only GET is cached",
        [CACHE_TOP_FORWARDED(CACHE_FWD_URI_MISS)] = "TierCacheQuery, where queries mean the same; "
                                                    "TierCacheMinTTL or more memory, where it is "
                                                    "asked for again",
        [CACHE_TOP_FORWARDED(CACHE_FWD_VARY_MISS)] =
            "the application: fewer fields in Vary; RequestHeader, to make fewer values of them",
        [CACHE_TOP_FORWARDED(CACHE_FWD_REQUEST)] = "TierCacheIgnoreClient",
        [CACHE_TOP_FORWARDED(CACHE_FWD_PARTIAL)] =
            "the application: an ETag, and ranges that clients ask for again",
        [CACHE_TOP_FORWARDED(CACHE_FWD_STALE)] = "TierCacheMinTTL, TierCacheStaleWhileRevalidate",
    };
    const char *remedy = reason >= 0 && reason < CACHE_TOP_REASONS ? remedies[reason] : NULL;

    return remedy ? remedy : "none";
}
