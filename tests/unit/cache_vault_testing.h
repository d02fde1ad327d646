/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_VAULT_TESTING_H
#define CACHE_VAULT_TESTING_H

#include "cache_vault.h"

#include <apr_hash.h>

typedef struct table_store_t {
    cache_store_t store;
    apr_hash_t *records;
    apr_pool_t *pool;
    apr_status_t get_status, put_status;
    int gets, puts, held;
} table_store_t;

/* Returns an empty table, from pool. */
table_store_t *make_table(apr_pool_t *pool);

/* The table's own put and remove. Return put_status, and success. */
apr_status_t table_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                       apr_size_t size, apr_interval_time_t keep);
apr_status_t table_remove(cache_store_t *store, const cache_id_t *id);

/* Returns a response of NOW, fresh for a minute, that is to be saved; request and response are
 * lines of fields. From pool. */
cache_saving_t saving_of(const char *key, const char *request, const char *response, int listed,
                         apr_pool_t *pool);

/* Saves such a response with a body under "key"; returns what cache_vault_save does. */
apr_status_t store_one(table_store_t *table, const char *request, const char *response,
                       const char *body, int listed, apr_time_t now);

/* Returns the body that a request for "key" finds, or what it finds instead. */
const char *look(table_store_t *table, const char *request);

#endif
