/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_vault_testing.h"

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
