/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PURGE_REQUEST_H
#define CACHE_PURGE_REQUEST_H

#include <apr_tables.h>

#include "cache_tags.h"

/*
 * What a PURGE request asks for, in the words that caches of the field have: a field with tags
 * (Surrogate-Key, Cache-Tag, ...) purges these, "Purge-Scope: host" or "all" the host or the whole
 * virtual host, neither of them the URL. "Soft-Purge: 1" (or "Fastly-Soft-Purge: 1") makes stale
 * instead of removing. Pure; any thread.
 */
typedef enum {
    CACHE_PURGE_URL,
    CACHE_PURGE_TAGS,
    CACHE_PURGE_HOST,
    CACHE_PURGE_SITE,
    CACHE_PURGE_SCOPES
} cache_purge_scope_e;

typedef struct cache_purge_request_t {
    cache_purge_scope_e scope;
    int is_soft;
    apr_array_header_t *tags; /* of cache_tag_t; all but for URL: what is to be purged */
} cache_purge_request_t;

/*
 * Reads the fields of a PURGE to a site and one of its hosts. tag_fields: the names (const char *)
 * of fields with tags. Returns NULL, or why it cannot be understood, a constant: nothing may be
 * purged then. All from pool.
 */
const char *cache_purge_request_read(cache_purge_request_t *request, const apr_table_t *headers,
                                     const apr_array_header_t *tag_fields, const char *site,
                                     const char *host, apr_pool_t *pool);

/* Returns the scope's name: "url", "tags", "host", "all". A constant. */
const char *cache_purge_scope_name(cache_purge_scope_e scope);

#endif
