/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_table_testing.h"

static void release(void *baton)
{
    __atomic_fetch_sub(&((table_store_t *)baton)->held, 1, __ATOMIC_RELAXED);
}

static void call_meanwhile(table_store_t *table)
{
    void (*meanwhile)(void *) = table->meanwhile;

    table->meanwhile = NULL;
    if (meanwhile)
        meanwhile(table->baton);
}

/* What is found is what was there when the look-up began. */
static apr_status_t table_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                              apr_pool_t *pool)
{
    table_store_t *table = (table_store_t *)store;
    const cache_blob_t *found = apr_hash_get(table->records, id, sizeof(*id));

    (void)pool;
    __atomic_fetch_add(&table->gets, 1, __ATOMIC_RELAXED);
    call_meanwhile(table);
    if (table->get_status != APR_SUCCESS)
        return table->get_status;
    if (!found)
        return APR_NOTFOUND;
    *blob = *found;
    blob->release = release;
    blob->baton = table;
    __atomic_fetch_add(&table->held, 1, __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

apr_status_t table_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                       apr_size_t size, apr_interval_time_t keep)
{
    table_store_t *table = (table_store_t *)store;
    cache_blob_t *blob = apr_pcalloc(table->pool, sizeof(*blob));

    assert_true(keep > 0);
    if (table->put_status != APR_SUCCESS)
        return table->put_status;
    table->puts++;
    blob->data = apr_pmemdup(table->pool, data, size);
    blob->size = size;
    apr_hash_set(table->records, apr_pmemdup(table->pool, id, sizeof(*id)), sizeof(*id), blob);
    return APR_SUCCESS;
}

apr_status_t table_remove(cache_store_t *store, const cache_id_t *id)
{
    table_store_t *table = (table_store_t *)store;

    table->removes++;
    if (table->remove_status == APR_SUCCESS)
        apr_hash_set(table->records, id, sizeof(*id), NULL);
    return table->remove_status;
}

table_store_t *make_table(apr_size_t largest, apr_pool_t *pool)
{
    table_store_t *table = apr_pcalloc(pool, sizeof(*table));

    table->pool = pool;
    table->records = apr_hash_make(pool);
    table->store.get = table_get;
    table->store.put = table_put;
    table->store.remove = table_remove;
    table->store.largest = largest;
    return table;
}
