/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_TABLE_TESTING_H
#define CACHE_TABLE_TESTING_H

/* A store in a table, that fails on demand and counts what is asked of it. */
#include "cache_store.h"

#include <apr_hash.h>

typedef struct table_store_t {
    cache_store_t store;
    apr_hash_t *records;
    apr_pool_t *pool;
    apr_status_t get_status, put_status, remove_status; /* what the next calls return */
    void (*meanwhile)(void *baton);                     /* called once, in the middle of a get */
    void *baton;
    int gets, puts, removes;
    int held; /* records that were got and not yet released */
} table_store_t;

/* Returns an empty table for records of at most largest bytes, from pool. */
table_store_t *make_table(apr_size_t largest, apr_pool_t *pool);

/* The table's own put and remove. Return put_status and remove_status. */
apr_status_t table_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                       apr_size_t size, apr_interval_time_t keep);
apr_status_t table_remove(cache_store_t *store, const cache_id_t *id);

#endif
