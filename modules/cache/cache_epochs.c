/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_epochs.h"
#include "cache_stale.h"

#include "clock.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#define MOST_COPIES 2
#define KEY_SIZE    (5 + 16 + 2) /* "wte1-", the tag, '-', a digit or 'l' */
#define VALUE_SIZE  32           /* number and purged, in hexadecimal digits */
#define LOCK_KEEPS  apr_time_from_sec(1)
#define LOCK_POLLS  20
#define LOCK_POLL   apr_time_from_msec(10)
#define SETTLE_EACH apr_time_from_msec(250)
#define SKEW        apr_time_from_msec(50)

struct cache_epochs_t {
    tier_memcache_t *memcache;
    cache_purge_t *purge;
    int copies;
    apr_interval_time_t age;
};

static void write_key(char key[KEY_SIZE + 1], cache_tag_t tag, char copy)
{
    snprintf(key, KEY_SIZE + 1, "wte1-%016llx-%c", (unsigned long long)tag, copy);
}

/* The second copy is on another server than the first, which the last character sees to. */
static void write_copy_key(const cache_epochs_t *epochs, char key[KEY_SIZE + 1], cache_tag_t tag,
                           int copy)
{
    int first;

    write_key(key, tag, '0');
    if (copy == 0)
        return;
    first = tier_memcache_server_of(epochs->memcache, key, KEY_SIZE);
    for (char last = '1'; last <= '9'; last++) {
        key[KEY_SIZE - 1] = last;
        if (tier_memcache_server_of(epochs->memcache, key, KEY_SIZE) != first)
            return;
    }
}

static void write_value(char value[VALUE_SIZE + 1], const cache_epoch_t *epoch)
{
    snprintf(value, VALUE_SIZE + 1, "%016llx%016llx", (unsigned long long)epoch->number,
             (unsigned long long)epoch->purged);
}

/* Returns 0 when the bytes are no epoch. */
static int read_value(cache_epoch_t *epoch, const char *value, apr_size_t size)
{
    char text[VALUE_SIZE + 1];
    apr_uint64_t purged;

    if (size != VALUE_SIZE)
        return 0;
    memcpy(text, value, VALUE_SIZE);
    text[VALUE_SIZE] = '\0';
    if (cache_tags_count(text) != 1)
        return 0;
    epoch->number = cache_tags_get(text, 0, &purged);
    epoch->purged = (apr_time_t)purged;
    return epoch->number != 0;
}

/* The low bits are for soft purges; 0 is no epoch. */
static apr_status_t make_number(apr_uint64_t *number)
{
    apr_status_t rv = apr_generate_random_bytes((unsigned char *)number, sizeof(*number));

    *number = (*number & ~CACHE_EPOCH_SOFT) | (CACHE_EPOCH_SOFT + 1);
    return rv;
}

/* A tag whose epoch is looked for, and what memcached said. */
typedef struct wanted_t {
    int at; /* its number in the text of tags */
    cache_tag_t tag;
    cache_epoch_t epoch;
    apr_status_t status; /* APR_SUCCESS: epoch; APR_NOTFOUND: there is none; else an error */
    int missing;         /* a bit for each copy that is not there */
    char keys[MOST_COPIES][KEY_SIZE + 1];
    char values[MOST_COPIES][VALUE_SIZE];
} wanted_t;

/* Of two copies the one of the later purge counts; of two alike, the first. */
static void take_copy(wanted_t *it, int copy, const tier_memcache_item_t *item)
{
    cache_epoch_t epoch;

    if (item->status == APR_NOTFOUND)
        it->missing |= 1 << copy;
    if (item->status == APR_SUCCESS && read_value(&epoch, item->into, item->size)) {
        if (it->status != APR_SUCCESS || epoch.purged > it->epoch.purged)
            it->epoch = epoch;
        it->status = APR_SUCCESS;
    } else if (it->status != APR_SUCCESS && item->status != APR_NOTFOUND) {
        it->status = item->status == APR_SUCCESS ? APR_EGENERAL : item->status;
    }
}

static void ask(cache_epochs_t *epochs, wanted_t *wanted, int count, apr_pool_t *pool)
{
    int copies = epochs->copies;
    tier_memcache_item_t *items = apr_pcalloc(pool, (apr_size_t)(count * copies) * sizeof(*items));

    for (int i = 0; i < count * copies; i++) {
        wanted_t *it = &wanted[i / copies];
        int copy = i % copies;

        write_copy_key(epochs, it->keys[copy], it->tag, copy);
        items[i].key = it->keys[copy];
        items[i].key_size = KEY_SIZE;
        items[i].into = it->values[copy];
        items[i].room = VALUE_SIZE;
    }
    tier_memcache_get_many(epochs->memcache, items, count * copies, pool);
    for (int i = 0; i < count; i++) {
        wanted[i].status = APR_NOTFOUND;
        for (int copy = 0; copy < copies; copy++)
            take_copy(&wanted[i], copy, &items[i * copies + copy]);
    }
}

/* Puts the epoch where copies of it are missing. Returns APR_EEXIST where another box was first. */
static apr_status_t add_copies(cache_epochs_t *epochs, wanted_t *it)
{
    apr_status_t rv = APR_SUCCESS;
    char value[VALUE_SIZE + 1];

    write_value(value, &it->epoch);
    for (int copy = 0; copy < epochs->copies && rv == APR_SUCCESS; copy++) {
        if (it->missing & 1 << copy)
            rv = tier_memcache_add(epochs->memcache, it->keys[copy], KEY_SIZE, value, VALUE_SIZE, 0,
                                   0);
    }
    return rv;
}

/* No server has it. */
static void create(cache_epochs_t *epochs, wanted_t *it, apr_pool_t *pool)
{
    memset(&it->epoch, 0, sizeof(it->epoch));
    it->status = make_number(&it->epoch.number);
    if (it->status == APR_SUCCESS)
        it->status = add_copies(epochs, it);
    if (it->status == APR_EEXIST)
        ask(epochs, it, 1, pool);
}

/*
 * A server that does not answer may have it, and nobody can have purged the tag there since: what
 * was seen last holds.
 */
static void complete(cache_epochs_t *epochs, wanted_t *it, apr_time_t began, apr_pool_t *pool)
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
    wanted_t *wanted = NULL;
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
        ask(epochs, wanted, asked, pool);
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
    epochs->copies = servers < MOST_COPIES ? servers : MOST_COPIES;
    epochs->age = age;
    return epochs;
}

/* The clocks of two boxes differ; this box's own purges are before or after. */
static int is_newer(const cache_epochs_t *epochs, apr_time_t purged, apr_time_t requested)
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
        if (is_newer(epochs, now[i].purged, requested))
            return 1;
        cache_tags_set_epoch(tags, i, now[i].number);
    }
    return 0;
}

/* Purging. */

/*
 * A soft purge changes what it has read: of two purges of one tag one waits for the other. A box
 * that dies with the lock keeps it for a second.
 */
static apr_status_t lock(cache_epochs_t *epochs, cache_tag_t tag)
{
    char key[KEY_SIZE + 1];
    apr_status_t rv = APR_EEXIST;

    write_key(key, tag, 'l');
    for (int i = 0; i < LOCK_POLLS && rv == APR_EEXIST; i++) {
        if (i > 0)
            apr_sleep(LOCK_POLL);
        rv = tier_memcache_add(epochs->memcache, key, KEY_SIZE, "1", 1, LOCK_KEEPS, 0);
    }
    return rv;
}

static void unlock(cache_epochs_t *epochs, cache_tag_t tag)
{
    char key[KEY_SIZE + 1];

    write_key(key, tag, 'l');
    tier_memcache_delete(epochs->memcache, key, KEY_SIZE);
}

/* Returns APR_NOTFOUND where no record can have the tag. */
static apr_status_t next_epoch(cache_epochs_t *epochs, wanted_t *it, int is_soft, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now() & ~CACHE_EPOCH_BOX;
    cache_epoch_t next = {0, now | (apr_time_t)epochs->purge->box};
    apr_status_t rv = make_number(&next.number);

    ask(epochs, it, 1, pool);
    if (is_soft && it->status != APR_SUCCESS)
        return it->status;
    if (is_soft && (it->epoch.number & CACHE_EPOCH_SOFT) != CACHE_EPOCH_SOFT)
        next.number = it->epoch.number + 1;
    if (it->status == APR_SUCCESS && next.purged <= it->epoch.purged)
        next.purged = it->epoch.purged + CACHE_EPOCH_BOX + 1;
    it->epoch = next;
    return rv;
}

static apr_status_t set_copies(cache_epochs_t *epochs, const wanted_t *it)
{
    apr_status_t rv = APR_SUCCESS;
    char value[VALUE_SIZE + 1];

    write_value(value, &it->epoch);
    for (int copy = 0; copy < epochs->copies; copy++) {
        apr_status_t one =
            tier_memcache_set(epochs->memcache, it->keys[copy], KEY_SIZE, value, VALUE_SIZE, 0, 0);
        rv = one != APR_SUCCESS ? one : rv;
    }
    if (rv == APR_SUCCESS)
        cache_purge_keep_epoch(epochs->purge, it->tag, &it->epoch, tier_clock_now());
    return rv;
}

/* A hard purge is right whatever it overwrites; it does not need the lock. */
static apr_status_t publish(cache_epochs_t *epochs, cache_tag_t tag, int is_soft, apr_pool_t *pool)
{
    wanted_t it = {0};
    apr_status_t locked = lock(epochs, tag);
    apr_status_t rv = is_soft ? locked : APR_SUCCESS;

    it.tag = tag;
    if (rv == APR_SUCCESS)
        rv = next_epoch(epochs, &it, is_soft, pool);
    if (rv == APR_SUCCESS)
        rv = set_copies(epochs, &it);
    if (locked == APR_SUCCESS)
        unlock(epochs, tag);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t cache_epochs_purge(cache_epochs_t *epochs, cache_tag_t tag, int is_soft,
                                apr_pool_t *pool)
{
    if (publish(epochs, tag, is_soft, pool) == APR_SUCCESS)
        return APR_SUCCESS;
    return cache_purge_owe(epochs->purge, tag, is_soft, apr_time_now()) == APR_SUCCESS
               ? APR_INCOMPLETE
               : APR_EGENERAL;
}

void cache_epochs_settle(cache_epochs_t *epochs, apr_pool_t *pool)
{
    cache_purge_t *purge = epochs->purge;
    apr_time_t now = tier_clock_now();
    apr_time_t due = tier_atomic_load64(&purge->next_try);

    if (__atomic_load_n(&purge->owed_count, __ATOMIC_RELAXED) == 0 || now < due ||
        !tier_atomic_swap64(&purge->next_try, due, now + SETTLE_EACH))
        return;
    for (int i = 0; i < CACHE_PURGE_OWED; i++) {
        cache_purge_owed_t owed;
        cache_owed_e kind = cache_purge_owed(purge, i, &owed);

        if (kind != CACHE_OWED_NOTHING &&
            publish(epochs, owed.tag, kind == CACHE_OWED_SOFT, pool) == APR_SUCCESS)
            cache_purge_settle(purge, i, &owed);
    }
}
