/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LEVELS_TESTING_H
#define CACHE_LEVELS_TESTING_H

/*
 * Two levels: real shared memory in front of a store in a table that fails on demand. The programs
 * are linked with --wrap=tier_clock_now.
 */
#include "cache_levels.h"
#include "cache_table_testing.h"

#define TTL apr_time_from_sec(1)

/* Time goes on by what a test adds. */
extern apr_time_t later;

typedef struct rig_t {
    table_store_t *table;
    cache_store_t *remote; /* the table */
    cache_store_t *local, *store;
    apr_pool_t *pool;
    int threaded; /* another thread may hold a blob at any moment */
    cache_counters_t counters;
    cache_id_t due[4];
    int dues;
} rig_t;

/* Returns two empty levels, from pool; time is what it is. */
rig_t *make_rig(apr_pool_t *pool);

/* Returns a record, sealed; lifetime in seconds from now. */
cache_blob_t record_of(rig_t *rig, const char *key, const char *body, int lifetime,
                       cache_record_kind_e kind);

/* Puts a record, or one response of a minute under "key". Return what the store does. */
apr_status_t put_kind(rig_t *rig, cache_store_t *store, const char *key, const char *body,
                      int lifetime, cache_record_kind_e kind);
apr_status_t put(rig_t *rig, cache_store_t *store, const char *body);

/* Removes "key" from both levels; returns what the store does. */
apr_status_t remove_key(rig_t *rig);

/* Returns the body that is found under "key", or what instead. */
const char *look(rig_t *rig);

#endif
