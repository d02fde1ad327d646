/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_memcached.h"
#include "cache_parts.h"

#include "clock.h"

#include <apr_general.h>

#include <stdlib.h>
#include <string.h>

#define PREFIX      "wtc1-"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)
#define KEY_SIZE    (PREFIX_SIZE + 2 * CACHE_ID_SIZE)

typedef struct memcached_store_t {
    cache_store_t store;
    tier_memcache_t *memcache;
    cache_counters_t *counters; /* NULL: nobody counts */
} memcached_store_t;

static tier_memcache_t *memcache_of(cache_store_t *store)
{
    return ((memcached_store_t *)store)->memcache;
}

static void write_key(char key[KEY_SIZE], const cache_id_t *id)
{
    static const char digits[] = "0123456789abcdef";

    memcpy(key, PREFIX, PREFIX_SIZE);
    for (int i = 0; i < CACHE_ID_SIZE; i++) {
        key[PREFIX_SIZE + 2 * i] = digits[id->bytes[i] >> 4];
        key[PREFIX_SIZE + 2 * i + 1] = digits[id->bytes[i] & 15];
    }
}

static apr_status_t free_whole(void *whole)
{
    free(whole);
    return APR_SUCCESS;
}

/* What a blob in parts releases: early, or with the pool. */
typedef struct whole_t {
    unsigned char *data;
    apr_pool_t *pool;
} whole_t;

static void release_whole(void *baton)
{
    whole_t *whole = baton;

    apr_pool_cleanup_run(whole->pool, whole->data, free_whole);
}

/* Has all parts read to where they belong. A part that is missing is APR_NOTFOUND. */
static apr_status_t fetch_parts(tier_memcache_t *memcache, const cache_parts_t *parts,
                                unsigned char *into, apr_pool_t *pool)
{
    tier_memcache_item_t items[CACHE_PARTS_MOST];
    char keys[CACHE_PARTS_MOST][CACHE_PARTS_KEY_SIZE];
    apr_status_t rv;

    memset(items, 0, sizeof(items));
    for (int i = 0; i < parts->count; i++) {
        cache_parts_key(keys[i], parts->generation, i);
        items[i].key = keys[i];
        items[i].key_size = CACHE_PARTS_KEY_SIZE;
        items[i].into = (char *)into + (apr_size_t)i * parts->part_size;
        items[i].room = cache_parts_size_of(parts->size, parts->part_size, i);
    }
    rv = tier_memcache_get_many(memcache, items, parts->count, pool);
    for (int i = 0; i < parts->count && rv == APR_SUCCESS; i++) {
        if (items[i].status != APR_SUCCESS || items[i].size != items[i].room)
            rv = APR_NOTFOUND;
    }
    return rv;
}

static int all_right(const cache_parts_t *parts, const unsigned char *data)
{
    for (int i = 0; i < parts->count; i++) {
        if (!cache_parts_is_right(parts, i, data + (apr_size_t)i * parts->part_size))
            return 0;
    }
    return 1;
}

/*
 * Replaces the manifest in blob by the record. Where a part is not what it was when the manifest
 * was made, the manifest stays: it is no record, and counts as damaged.
 */
static apr_status_t assemble(tier_memcache_t *memcache, const cache_parts_t *parts,
                             cache_blob_t *blob, apr_pool_t *pool)
{
    unsigned char *data = malloc(parts->size);
    whole_t *whole;
    apr_status_t rv;

    if (!data)
        return APR_ENOMEM;
    rv = fetch_parts(memcache, parts, data, pool);
    if (rv != APR_SUCCESS || !all_right(parts, data)) {
        free(data);
        return rv;
    }
    whole = apr_palloc(pool, sizeof(*whole));
    whole->data = data;
    whole->pool = pool;
    apr_pool_cleanup_register(pool, data, free_whole, apr_pool_cleanup_null);
    blob->data = data;
    blob->size = parts->size;
    blob->release = release_whole;
    blob->baton = whole;
    return APR_SUCCESS;
}

static apr_status_t memcached_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                                  apr_pool_t *pool)
{
    char key[KEY_SIZE];
    char *value;
    cache_parts_t parts;
    apr_uint32_t flags;
    apr_status_t rv;

    write_key(key, id);
    memset(blob, 0, sizeof(*blob));
    rv = tier_memcache_get(memcache_of(store), key, KEY_SIZE, &value, &blob->size, &flags, pool);
    if (rv != APR_SUCCESS)
        return rv;
    blob->data = (const unsigned char *)value;
    if (cache_parts_read(&parts, blob->data, blob->size, store->largest))
        rv = assemble(memcache_of(store), &parts, blob, pool);
    if (rv != APR_SUCCESS)
        memset(blob, 0, sizeof(*blob));
    return rv;
}

/* The manifest comes last: whoever finds it finds the parts. */
static apr_status_t put_parts(tier_memcache_t *memcache, const char *key, const unsigned char *data,
                              apr_size_t size, apr_interval_time_t keep)
{
    unsigned char generation[CACHE_PARTS_GENERATION_SIZE];
    unsigned char manifest[CACHE_PARTS_LONGEST];
    apr_size_t manifest_size;
    apr_status_t rv = apr_generate_random_bytes(generation, sizeof(generation));

    if (rv != APR_SUCCESS)
        return rv;
    for (apr_size_t at = 0; at < size && rv == APR_SUCCESS; at += CACHE_MEMCACHED_ITEM) {
        char part_key[CACHE_PARTS_KEY_SIZE];
        int number = (int)(at / CACHE_MEMCACHED_ITEM);

        cache_parts_key(part_key, generation, number);
        rv = tier_memcache_set(memcache, part_key, sizeof(part_key), (const char *)data + at,
                               cache_parts_size_of(size, CACHE_MEMCACHED_ITEM, number), keep, 0);
    }
    if (rv != APR_SUCCESS)
        return rv;
    manifest_size = cache_parts_write(manifest, generation, data, size, CACHE_MEMCACHED_ITEM);
    return tier_memcache_set(memcache, key, KEY_SIZE, (const char *)manifest, manifest_size, keep,
                             0);
}

static apr_status_t memcached_put(cache_store_t *store, const cache_id_t *id,
                                  const unsigned char *data, apr_size_t size,
                                  apr_interval_time_t keep)
{
    char key[KEY_SIZE];

    if (size > store->largest)
        return APR_ENOSPC;
    write_key(key, id);
    if (size > CACHE_MEMCACHED_ITEM)
        return put_parts(memcache_of(store), key, data, size, keep);
    return tier_memcache_set(memcache_of(store), key, KEY_SIZE, (const char *)data, size, keep, 0);
}

static apr_status_t memcached_remove(cache_store_t *store, const cache_id_t *id)
{
    char key[KEY_SIZE];
    apr_status_t rv;

    write_key(key, id);
    rv = tier_memcache_delete(memcache_of(store), key, KEY_SIZE);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t measured(cache_store_t *store, apr_time_t began, apr_status_t rv)
{
    cache_counters_t *counters = ((memcached_store_t *)store)->counters;

    if (counters && !APR_STATUS_IS_EAGAIN(rv)) /* a server known to be down was not called */
        cache_counters_latency(counters, tier_clock_now() - began);
    return rv;
}

static apr_status_t measured_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                                 apr_pool_t *pool)
{
    apr_time_t began = tier_clock_now();

    return measured(store, began, memcached_get(store, id, blob, pool));
}

static apr_status_t measured_put(cache_store_t *store, const cache_id_t *id,
                                 const unsigned char *data, apr_size_t size,
                                 apr_interval_time_t keep)
{
    apr_time_t began = tier_clock_now();

    return measured(store, began, memcached_put(store, id, data, size, keep));
}

static apr_status_t measured_remove(cache_store_t *store, const cache_id_t *id)
{
    apr_time_t began = tier_clock_now();

    return measured(store, began, memcached_remove(store, id));
}

void cache_memcached_count(cache_store_t *store, cache_counters_t *counters)
{
    ((memcached_store_t *)store)->counters = counters;
}

cache_store_t *cache_memcached_open(tier_memcache_t *memcache, apr_pool_t *pool)
{
    memcached_store_t *memcached = apr_pcalloc(pool, sizeof(*memcached));

    memcached->memcache = memcache;
    memcached->store.get = measured_get;
    memcached->store.put = measured_put;
    memcached->store.remove = measured_remove;
    memcached->store.name = "memcached";
    memcached->store.largest = CACHE_MEMCACHED_LARGEST;
    memcached->store.is_quick = 0;
    return &memcached->store;
}
