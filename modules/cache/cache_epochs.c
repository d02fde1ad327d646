/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_epochs_private.h"
#include "cache_stale.h"

#include "clock.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#define SKEW apr_time_from_msec(50)

void cache_epochs_write_key(char key[CACHE_EPOCHS_KEY_SIZE + 1], cache_tag_t tag, char copy)
{
    snprintf(key, CACHE_EPOCHS_KEY_SIZE + 1, "wte1-%016llx-%c", (unsigned long long)tag, copy);
}

/* The second copy is on another server than the first, which the last character sees to. */
static void write_copy_key(const cache_epochs_t *epochs, char key[CACHE_EPOCHS_KEY_SIZE + 1],
                           cache_tag_t tag, int copy)
{
    int first;

    cache_epochs_write_key(key, tag, '0');
    if (copy == 0)
        return;
    first = tier_memcache_server_of(epochs->memcache, key, CACHE_EPOCHS_KEY_SIZE);
    for (char last = '1'; last <= '9'; last++) {
        key[CACHE_EPOCHS_KEY_SIZE - 1] = last;
        if (tier_memcache_server_of(epochs->memcache, key, CACHE_EPOCHS_KEY_SIZE) != first)
            return;
    }
}

void cache_epochs_write_value(char value[CACHE_EPOCHS_VALUE_SIZE + 1], const cache_epoch_t *epoch)
{
    snprintf(value, CACHE_EPOCHS_VALUE_SIZE + 1, "%016llx%016llx",
             (unsigned long long)epoch->number, (unsigned long long)epoch->purged);
}

int cache_epochs_read_value(cache_epoch_t *epoch, const char *value, apr_size_t size)
{
    char text[CACHE_EPOCHS_VALUE_SIZE + 1];
    apr_uint64_t purged;

    if (size != CACHE_EPOCHS_VALUE_SIZE)
        return 0;
    memcpy(text, value, CACHE_EPOCHS_VALUE_SIZE);
    text[CACHE_EPOCHS_VALUE_SIZE] = '\0';
    if (cache_tags_count(text) != 1)
        return 0;
    epoch->number = cache_tags_get(text, 0, &purged);
    epoch->purged = (apr_time_t)purged;
    return epoch->number != 0;
}

apr_status_t cache_epochs_make_number(apr_uint64_t *number)
{
    apr_status_t rv = apr_generate_random_bytes((unsigned char *)number, sizeof(*number));

    *number = (*number & ~CACHE_EPOCH_SOFT) | (CACHE_EPOCH_SOFT + 1);
    return rv;
}

/* Of two copies the one of the later purge counts; of two alike, the first. */
static void take_copy(cache_wanted_t *it, int copy, const tier_memcache_item_t *item)
{
    cache_epoch_t epoch;

    if (item->status == APR_NOTFOUND)
        it->missing |= 1 << copy;
    if (item->status == APR_SUCCESS && cache_epochs_read_value(&epoch, item->into, item->size)) {
        if (it->status != APR_SUCCESS || epoch.purged > it->epoch.purged)
            it->epoch = epoch;
        it->status = APR_SUCCESS;
    } else if (it->status != APR_SUCCESS && item->status != APR_NOTFOUND) {
        it->status = item->status == APR_SUCCESS ? APR_EGENERAL : item->status;
    }
}

void cache_epochs_ask(cache_epochs_t *epochs, cache_wanted_t *wanted, int count, apr_pool_t *pool)
{
    int copies = epochs->copies;
    tier_memcache_item_t *items = apr_pcalloc(pool, (apr_size_t)(count * copies) * sizeof(*items));

    for (int i = 0; i < count * copies; i++) {
        cache_wanted_t *it = &wanted[i / copies];
        int copy = i % copies;

        write_copy_key(epochs, it->keys[copy], it->tag, copy);
        items[i].key = it->keys[copy];
        items[i].key_size = CACHE_EPOCHS_KEY_SIZE;
        items[i].into = it->values[copy];
        items[i].room = CACHE_EPOCHS_VALUE_SIZE;
    }
    tier_memcache_get_many(epochs->memcache, items, count * copies, pool);
    for (int i = 0; i < count; i++) {
        wanted[i].status = APR_NOTFOUND;
        for (int copy = 0; copy < copies; copy++)
            take_copy(&wanted[i], copy, &items[i * copies + copy]);
    }
}

/* Puts the epoch where copies of it are missing. Returns APR_EEXIST where another box was first. */
static apr_status_t add_copies(cache_epochs_t *epochs, cache_wanted_t *it)
{
    apr_status_t rv = APR_SUCCESS;
    char value[CACHE_EPOCHS_VALUE_SIZE + 1];

    cache_epochs_write_value(value, &it->epoch);
    for (int copy = 0; copy < epochs->copies && rv == APR_SUCCESS; copy++) {
        if (it->missing & 1 << copy)
            rv = tier_memcache_add(epochs->memcache, it->keys[copy], CACHE_EPOCHS_KEY_SIZE, value,
                                   CACHE_EPOCHS_VALUE_SIZE, 0, 0);
    }
    return rv;
}

/* No server has it. */
static void create(cache_epochs_t *epochs, cache_wanted_t *it, apr_pool_t *pool)
{
    memset(&it->epoch, 0, sizeof(it->epoch));
    it->status = cache_epochs_make_number(&it->epoch.number);
    if (it->status == APR_SUCCESS)
        it->status = add_copies(epochs, it);
    if (it->status == APR_EEXIST)
        cache_epochs_ask(epochs, it, 1, pool);
}

/*
 * A server that does not answer may have it, and nobody can have purged the tag there since: what
 * was seen last holds.
 */
static void complete(cache_epochs_t *epochs, cache_wanted_t *it, apr_time_t began, apr_pool_t *pool)
{
    if (it->status == APR_NOTFOUND) {
        create(epochs, it, pool);
    } else if (it->status == APR_SUCCESS) {
        if (it->missing)
            add_copies(epochs, it);
    } else {
        if (cache_purge_epoch(epochs->purge, it->tag, &it->epoch))
            it->status = APR_SUCCESS;
        return;
    }
    if (it->status == APR_SUCCESS)
        cache_purge_keep_epoch(epochs->purge, it->tag, &it->epoch, began);
}

/* Fills found with the epochs of the tags of a text. Errors: memcached's. */
static apr_status_t load(cache_epochs_t *epochs, const char *tags, cache_epoch_t *found,
                         apr_time_t *since, apr_pool_t *pool)
{
    apr_time_t now = tier_clock_now();
    int count = cache_tags_count(tags);
    apr_status_t rv = APR_SUCCESS;
    cache_wanted_t *wanted = NULL;
    int asked = 0;

    for (int i = 0; i < count; i++) {
        apr_uint64_t stored;
        cache_tag_t tag = cache_tags_get(tags, i, &stored);
        apr_time_t seen = cache_purge_epoch(epochs->purge, tag, &found[i]);

        if (seen && seen >= now - epochs->age) {
            *since = seen < *since ? seen : *since;
            continue;
        }
        if (!wanted)
            wanted = apr_pcalloc(pool, (apr_size_t)count * sizeof(*wanted));
        wanted[asked].tag = tag;
        wanted[asked++].at = i;
    }
    if (asked)
        cache_epochs_ask(epochs, wanted, asked, pool);
    for (int i = 0; i < asked; i++) {
        complete(epochs, &wanted[i], now, pool);
        found[wanted[i].at] = wanted[i].epoch;
        rv = wanted[i].status != APR_SUCCESS ? wanted[i].status : rv;
    }
    return rv;
}

/* What is owed counts here already. Returns as cache_purge_judge. */
static int judge_owed(const cache_epochs_t *epochs, const cache_record_t *record, apr_time_t *at)
{
    int verdict = 0;

    if (__atomic_load_n(&epochs->purge->owed_count, __ATOMIC_RELAXED) == 0)
        return 0;
    for (int i = 0; i < CACHE_PURGE_OWED * cache_tags_count(record->tags); i++) {
        cache_purge_owed_t owed;
        apr_uint64_t epoch;
        cache_owed_e kind = cache_purge_owed(epochs->purge, i % CACHE_PURGE_OWED, &owed);

        if (kind == CACHE_OWED_NOTHING || owed.purged < record->life.received ||
            cache_tags_get(record->tags, i / CACHE_PURGE_OWED, &epoch) != owed.tag)
            continue;
        if (kind == CACHE_OWED_HARD)
            return 1;
        verdict = -1;
        *at = owed.purged;
    }
    return verdict;
}

/* Returns as cache_purge_judge. */
static int judge(const cache_epochs_t *epochs, const cache_record_t *record,
                 const cache_epoch_t *now, apr_time_t *at)
{
    int count = cache_tags_count(record->tags);
    int verdict = judge_owed(epochs, record, at);

    for (int i = 0; i < count && verdict != 1; i++) {
        apr_uint64_t stored;

        cache_tags_get(record->tags, i, &stored);
        if ((stored ^ now[i].number) & ~CACHE_EPOCH_SOFT)
            return 1;
        if (stored == now[i].number)
            continue;
        if (verdict == 0 || now[i].purged < *at)
            *at = now[i].purged;
        verdict = -1;
    }
    return count == 0 ? 1 : verdict;
}

/* The store. */

typedef struct epochs_store_t {
    cache_store_t store;
    cache_store_t *memcached;
    cache_epochs_t *epochs;
} epochs_store_t;

static void drop(cache_blob_t *blob)
{
    if (blob->release)
        blob->release(blob->baton);
    memset(blob, 0, sizeof(*blob));
}

/* A record whose checksums are right. */
static apr_status_t check(cache_epochs_t *epochs, cache_record_t *record, cache_blob_t *blob,
                          apr_pool_t *pool)
{
    apr_size_t count = (apr_size_t)cache_tags_count(record->tags);
    cache_epoch_t *now = apr_palloc(pool, (count + 1) * sizeof(*now));
    apr_status_t rv = load(epochs, record->tags, now, &blob->since, pool);
    apr_time_t at;
    int verdict;

    if (rv != APR_SUCCESS)
        return rv;
    verdict = judge(epochs, record, now, &at);
    if (verdict < 0) {
        cache_stale_since(&record->life, at);
        /* The bytes were read for this caller alone. */
        cache_record_set_lifetime((unsigned char *)(uintptr_t)blob->data, record->life.lifetime);
    }
    return verdict > 0 ? APR_NOTFOUND : APR_SUCCESS;
}

static apr_status_t store_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                              apr_pool_t *pool)
{
    epochs_store_t *own = (epochs_store_t *)store;
    apr_time_t began = tier_clock_now();
    cache_record_t record;
    apr_status_t rv;

    cache_epochs_settle(own->epochs, pool);
    rv = own->memcached->get(own->memcached, id, blob, pool);
    if (rv != APR_SUCCESS ||
        !cache_record_parse(&record, blob->data, blob->size, CACHE_RECORD_UNTRUSTED))
        return rv;
    blob->trust = CACHE_RECORD_TRUSTED;
    blob->since = began;
    if (record.kind == CACHE_RECORD_RESPONSE)
        rv = check(own->epochs, &record, blob, pool);
    if (rv != APR_SUCCESS)
        drop(blob);
    return rv;
}

static apr_status_t store_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                              apr_size_t size, apr_interval_time_t keep)
{
    cache_store_t *memcached = ((epochs_store_t *)store)->memcached;

    return memcached->put(memcached, id, data, size, keep);
}

static apr_status_t store_remove(cache_store_t *store, const cache_id_t *id)
{
    cache_store_t *memcached = ((epochs_store_t *)store)->memcached;

    return memcached->remove(memcached, id);
}

cache_store_t *cache_epochs_store(cache_epochs_t *epochs, cache_store_t *memcached,
                                  apr_pool_t *pool)
{
    epochs_store_t *own = apr_palloc(pool, sizeof(*own));

    own->store = *memcached;
    own->store.get = store_get;
    own->store.put = store_put;
    own->store.remove = store_remove;
    own->memcached = memcached;
    own->epochs = epochs;
    return &own->store;
}

cache_epochs_t *cache_epochs_open(tier_memcache_t *memcache, int servers, cache_purge_t *purge,
                                  apr_interval_time_t age, apr_pool_t *pool)
{
    cache_epochs_t *epochs = apr_palloc(pool, sizeof(*epochs));

    epochs->memcache = memcache;
    epochs->purge = purge;
    epochs->copies = servers < CACHE_EPOCHS_COPIES ? servers : CACHE_EPOCHS_COPIES;
    epochs->age = age;
    return epochs;
}

int cache_epochs_is_newer(const cache_epochs_t *epochs, apr_time_t purged, apr_time_t requested)
{
    int is_own = (purged & CACHE_EPOCH_BOX) == (apr_time_t)epochs->purge->box;

    return (purged | CACHE_EPOCH_BOX) >= requested - (is_own ? 0 : SKEW);
}

int cache_epochs_fill(cache_epochs_t *epochs, char *tags, apr_time_t requested, apr_pool_t *pool)
{
    int count = cache_tags_count(tags);
    cache_epoch_t *now = apr_palloc(pool, (apr_size_t)(count + 1) * sizeof(*now));
    apr_time_t since = tier_clock_now();

    if (load(epochs, tags, now, &since, pool) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < count; i++) {
        if (cache_epochs_is_newer(epochs, now[i].purged, requested))
            return 1;
        cache_tags_set_epoch(tags, i, now[i].number);
    }
    return 0;
}
