/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_vault_testing.h"

static void release(void *baton)
{
    ((table_store_t *)baton)->held--;
}

static apr_status_t table_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                              apr_pool_t *pool)
{
    table_store_t *table = (table_store_t *)store;
    const cache_blob_t *found = apr_hash_get(table->records, id, sizeof(*id));

    (void)pool;
    table->gets++;
    if (table->get_status != APR_SUCCESS)
        return table->get_status;
    if (!found)
        return APR_NOTFOUND;
    *blob = *found;
    blob->release = release;
    blob->baton = table;
    table->held++;
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
    apr_hash_set(((table_store_t *)store)->records, id, sizeof(*id), NULL);
    return APR_SUCCESS;
}

table_store_t *make_table(apr_pool_t *pool)
{
    table_store_t *table = apr_pcalloc(pool, sizeof(*table));

    table->pool = pool;
    table->records = apr_hash_make(pool);
    table->store.get = table_get;
    table->store.put = table_put;
    table->store.remove = table_remove;
    table->store.largest = 100000;
    return table;
}

cache_saving_t saving_of(const char *key, const char *request, const char *response, int listed,
                         apr_pool_t *pool)
{
    cache_saving_t saving = {key, NULL, fields(pool, request), listed, NULL, 200, "200 OK"};

    saving.life.lifetime = 60;
    saving.life.received = NOW;
    saving.life.stale_if_error = CACHE_DELTA_NONE;
    saving.headers = fields(pool, response);
    return saving;
}

apr_status_t store_one(table_store_t *table, const char *request, const char *response,
                       const char *body, int listed, apr_time_t now)
{
    cache_saving_t saving = saving_of("key", request, response, listed, table->pool);

    assert_int_equal(cache_vault_begin(&saving, 0, 1000, table->store.largest, table->pool),
                     APR_SUCCESS);
    assert_int_equal(cache_vault_append(&saving, body, strlen(body)), APR_SUCCESS);
    assert_int_equal(cache_vault_body_size(&saving), strlen(body));
    return cache_vault_save(&saving, &table->store, now);
}

const char *look(table_store_t *table, const char *request)
{
    cache_found_t found;
    apr_status_t rv = cache_vault_find(&found, &table->store, "key", NULL,
                                       fields(table->pool, request), table->pool);
    const char *body;

    if (rv != APR_SUCCESS) {
        assert_int_equal(table->held, 0);
        return rv == APR_NOTFOUND ? found.listed ? "(no variant)" : "(nothing)" : "(error)";
    }
    assert_int_equal(found.record.status, 200);
    body = apr_pstrmemdup(table->pool, (const char *)found.record.body, found.record.body_size);
    cache_vault_release(&found);
    cache_vault_release(&found);
    assert_int_equal(table->held, 0);
    return body;
}
