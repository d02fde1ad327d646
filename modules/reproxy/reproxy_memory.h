/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_MEMORY_H
#define REPROXY_MEMORY_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "reproxy_said.h"

/* What an application said of a URL, to be obeyed again without asking it. */
typedef struct reproxy_memo_t {
    reproxy_said_t said; /* but for its cache_for and cache_fields */
    int status;
    const char *content_type; /* NULL: none */
    apr_table_t *fields;
    int is_public; /* also for requests with credentials */
} reproxy_memo_t;

/* A bounded set of them, by key; the one that was not used for longest makes room. One thread at a
 * time: the caller locks. */
typedef struct reproxy_memory_t reproxy_memory_t;

/* Makes an empty one for max entries, at least 1. pool: as long as it is used. */
reproxy_memory_t *reproxy_memory_create(apr_uint32_t max, apr_pool_t *pool);

/* Remembers a copy of memo until the time given. Entries over 16 KiB are not kept. */
void reproxy_memory_put(reproxy_memory_t *memory, const char *key, const reproxy_memo_t *memo,
                        apr_time_t until);

/* Returns 1 and a copy from pool in *memo, or 0: nothing, or only what is over at now. */
int reproxy_memory_get(reproxy_memory_t *memory, const char *key, apr_time_t now,
                       reproxy_memo_t *memo, apr_pool_t *pool);

/* Forgets what is remembered of key, if anything. */
void reproxy_memory_drop(reproxy_memory_t *memory, const char *key);

#endif
