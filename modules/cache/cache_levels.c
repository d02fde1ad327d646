/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_levels.h"
#include "cache_shm.h"

#include "clock.h"

#include <string.h>

/* A list of variants has no lifetime of its own; without them it is of no use. */
#define LIST_KEEPS apr_time_from_sec(86400)

typedef struct levels_t {
    cache_store_t store;
    cache_store_t *local;
    cache_store_t *remote;
    apr_interval_time_t ttl;
    cache_counters_t *counters;
    void (*due)(void *baton, const cache_id_t *id);
    void *baton;
} levels_t;

static levels_t *levels_of(cache_store_t *store)
{
    return (levels_t *)store;
}

/* Removals that memcached did not hear of are under ids of their own. */
static cache_id_t removal_id(const cache_id_t *id)
{
    cache_id_t other = *id;

    other.bytes[CACHE_ID_SIZE - 1] ^= 0xff;
    return other;
}

/* removed: apr_time_now(). */
static apr_status_t remember_removal(levels_t *levels, const cache_id_t *id, apr_time_t removed)
{
    cache_id_t at = removal_id(id);

    return levels->local->put(levels->local, &at, (const unsigned char *)&removed, sizeof(removed),
                              CACHE_LEVELS_REMEMBER);
}

/* Returns when the record was removed without memcached hearing of it; 0: it was not. */
static apr_time_t removal_of(levels_t *levels, const cache_id_t *id, apr_pool_t *pool)
{
    cache_id_t at = removal_id(id);
    apr_time_t removed = 0;
    cache_blob_t blob;

    if (levels->local->get(levels->local, &at, &blob, pool) == APR_SUCCESS &&
        blob.size == sizeof(removed))
        memcpy(&removed, blob.data, sizeof(removed));
    return removed;
}

/* When a record was made. A list's generation is a time. */
static apr_time_t made(const cache_record_t *record)
{
    return record->kind == CACHE_RECORD_RESPONSE ? record->life.received
                                                 : (apr_time_t)record->generation;
}

static apr_interval_time_t keep_of(const cache_record_t *record)
{
    return record->kind == CACHE_RECORD_RESPONSE
               ? cache_freshness_keep(&record->life, apr_time_now())
               : LIST_KEEPS;
}

/* What has to be revalidated may have been, by another box. */
static int is_fresh(const cache_record_t *record)
{
    return record->kind != CACHE_RECORD_RESPONSE ||
           cache_freshness_use(&record->life, &cache_directives_none, apr_time_now()) ==
               CACHE_USE_FRESH;
}

static void count(levels_t *levels, const cache_record_t *record, tier_counter_t *counter)
{
    if (levels->counters && record->kind == CACHE_RECORD_RESPONSE)
        tier_counter_add(counter, 1);
}

static int is_of(const cache_record_t *record, const cache_id_t *id)
{
    cache_id_t own;

    cache_key_id(&own, record->key);
    return memcmp(&own, id, sizeof(own)) == 0;
}

/*
 * Makes a checked record a local copy. Returns APR_NOTFOUND when it was removed here while
 * memcached was away.
 */
static apr_status_t keep(levels_t *levels, const cache_id_t *id, const cache_record_t *record,
                         const cache_blob_t *blob, apr_uint64_t changes, apr_pool_t *pool)
{
    apr_time_t removed = removal_of(levels, id, pool);

    if (removed && made(record) <= removed) {
        levels->remote->remove(levels->remote, id);
        return APR_NOTFOUND;
    }
    cache_shm_keep(levels->local, id, blob, keep_of(record), changes);
    return APR_SUCCESS;
}

/* Asks memcached. A blob that is no record of id is returned as it is, and not kept. */
static apr_status_t ask(levels_t *levels, const cache_id_t *id, cache_blob_t *blob,
                        apr_pool_t *pool)
{
    apr_uint64_t changes = cache_shm_changes(levels->local, id);
    apr_time_t began = tier_clock_now();
    cache_record_t record;
    apr_status_t rv = levels->remote->get(levels->remote, id, blob, pool);

    if (rv == APR_NOTFOUND)
        cache_shm_forget(levels->local, id, began);
    if (rv != APR_SUCCESS || !cache_record_parse(&record, blob->data, blob->size, blob->trust) ||
        !is_of(&record, id))
        return rv;
    blob->trust = CACHE_RECORD_TRUSTED;
    if (blob->since == 0 || blob->since > began)
        blob->since = began;
    rv = keep(levels, id, &record, blob, changes, pool);
    if (rv == APR_SUCCESS && levels->counters)
        count(levels, &record, &levels->counters->hits_remote);
    if (rv != APR_SUCCESS && blob->release)
        blob->release(blob->baton);
    return rv;
}

static void release(cache_blob_t *blob)
{
    if (blob->release)
        blob->release(blob->baton);
}

static apr_status_t find_local(levels_t *levels, const cache_id_t *id, apr_time_t since,
                               int in_place, cache_blob_t *blob, apr_pool_t *pool)
{
    return in_place ? cache_shm_get_in_place(levels->local, id, since, blob, pool)
                    : cache_shm_get_since(levels->local, id, since, blob, pool);
}

/* Returns 1 when the local copy may answer. */
static int get_local(levels_t *levels, const cache_id_t *id, int in_place, cache_blob_t *blob,
                     apr_pool_t *pool)
{
    apr_time_t now = tier_clock_now();
    cache_record_t record;

    if (find_local(levels, id, now - levels->ttl, in_place, blob, pool) != APR_SUCCESS)
        return 0;
    if (!cache_record_parse(&record, blob->data, blob->size, CACHE_RECORD_TRUSTED) ||
        !is_fresh(&record)) {
        release(blob);
        return 0;
    }
    if (levels->due && now - blob->since > levels->ttl / 2 &&
        cache_shm_claim(levels->local, id, blob->since))
        levels->due(levels->baton, id);
    if (levels->counters)
        count(levels, &record, &levels->counters->hits_local);
    return 1;
}

/* memcached does not answer. */
static apr_status_t get_anyhow(levels_t *levels, const cache_id_t *id, cache_blob_t *blob,
                               int in_place, apr_status_t problem, apr_pool_t *pool)
{
    cache_record_t record;

    if (find_local(levels, id, 0, in_place, blob, pool) != APR_SUCCESS)
        return problem;
    if (!cache_record_parse(&record, blob->data, blob->size, CACHE_RECORD_TRUSTED)) {
        release(blob);
        return problem;
    }
    if (levels->counters)
        count(levels, &record, &levels->counters->hits_local_only);
    return APR_SUCCESS;
}

static apr_status_t get(levels_t *levels, const cache_id_t *id, int in_place, cache_blob_t *blob,
                        apr_pool_t *pool)
{
    apr_status_t rv;

    if (get_local(levels, id, in_place, blob, pool))
        return APR_SUCCESS;
    rv = ask(levels, id, blob, pool);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        rv = get_anyhow(levels, id, blob, in_place, rv, pool);
    if (rv != APR_SUCCESS)
        memset(blob, 0, sizeof(*blob));
    return rv;
}

static apr_status_t levels_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                               apr_pool_t *pool)
{
    return get(levels_of(store), id, 0, blob, pool);
}

static apr_status_t levels_get_in_place(cache_store_t *store, const cache_id_t *id,
                                        cache_blob_t *blob, apr_pool_t *pool)
{
    return get(levels_of(store), id, 1, blob, pool);
}

/*
 * A memcached that does not answer leaves the local copy, which the box lives on until it does. One
 * that cannot hold the record would not be seen to lack it: no copy then.
 */
static apr_status_t levels_put(cache_store_t *store, const cache_id_t *id,
                               const unsigned char *data, apr_size_t size,
                               apr_interval_time_t keep_for)
{
    levels_t *levels = levels_of(store);
    cache_blob_t blob = {data, size};
    apr_status_t rv;
    apr_status_t local;

    blob.since = tier_clock_now();
    rv = levels->remote->put(levels->remote, id, data, size, keep_for);
    if (rv == APR_ENOSPC) {
        levels->local->remove(levels->local, id);
        return rv;
    }
    local = cache_shm_put_since(levels->local, id, &blob, keep_for);
    if (local != APR_SUCCESS)
        levels->local->remove(levels->local, id);
    return rv == APR_SUCCESS ? rv : local == APR_SUCCESS ? APR_SUCCESS : rv;
}

static apr_status_t levels_remove(cache_store_t *store, const cache_id_t *id)
{
    levels_t *levels = levels_of(store);
    apr_status_t rv = levels->remote->remove(levels->remote, id);

    if (rv != APR_SUCCESS) {
        if (levels->counters)
            cache_counters_error(levels->counters, rv);
        if (remember_removal(levels, id, apr_time_now()) == APR_SUCCESS)
            rv = APR_INCOMPLETE;
    }
    levels->local->remove(levels->local, id);
    return rv;
}

cache_store_t *cache_levels_open(cache_store_t *local, cache_store_t *remote,
                                 apr_interval_time_t ttl, cache_counters_t *counters,
                                 apr_pool_t *pool)
{
    levels_t *levels = apr_pcalloc(pool, sizeof(*levels));

    levels->local = local;
    levels->remote = remote;
    levels->ttl = ttl;
    levels->counters = counters;
    levels->store.get = levels_get;
    levels->store.get_in_place = levels_get_in_place;
    levels->store.put = levels_put;
    levels->store.remove = levels_remove;
    levels->store.name = "memcached behind shared memory";
    levels->store.largest = remote->largest;
    levels->store.truth = remote;
    levels->store.is_quick = 0;
    return &levels->store;
}

void cache_levels_on_due(cache_store_t *store, void (*due)(void *baton, const cache_id_t *id),
                         void *baton)
{
    levels_of(store)->due = due;
    levels_of(store)->baton = baton;
}

apr_status_t cache_levels_refresh(cache_store_t *store, const cache_id_t *id, apr_pool_t *pool)
{
    levels_t *levels = levels_of(store);
    cache_blob_t blob;
    apr_status_t rv = ask(levels, id, &blob, pool);

    if (rv == APR_SUCCESS && blob.release)
        blob.release(blob.baton);
    return rv;
}
