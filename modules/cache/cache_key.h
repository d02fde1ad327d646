/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include <apr_pools.h>

/*
 * What an entry is stored under. The key is text of any length; stores see its id. A record holds
 * its whole key, which is compared on each look-up, so that two keys of one id cannot be confused,
 * whoever made them.
 */
#define CACHE_ID_SIZE 16

typedef struct cache_id_t {
    unsigned char bytes[CACHE_ID_SIZE]; /* two hashes of 64 bits of the key */
} cache_id_t;

typedef struct cache_key_parts_t {
    const char *site;   /* which virtual host: its ServerName and port */
    const char *scheme; /* "http", "https" */
    const char *host;   /* the Host field as received: what an application makes links from */
    const char *uri;    /* the request target as received, origin or absolute form */
} cache_key_parts_t;

/*
 * Returns the key, from pool, or NULL where host or uri has characters that no key may have, or uri
 * is neither "/..." nor "scheme://...", names another host, or has a fragment. Host is taken in
 * lower case; path and query are taken byte by byte as they came (empty path: "/"). Any thread.
 */
const char *cache_key_make(const cache_key_parts_t *parts, apr_pool_t *pool);

/*
 * Returns the key of a variant: key, the generation of its list, the selector. From pool. Its
 * length does not depend on generation.
 */
const char *cache_key_variant(const char *key, apr_uint64_t generation, const char *selector,
                              apr_pool_t *pool);

/*
 * Returns the key of another URI of the same origin, as Location and Content-Location name them,
 * relative to base: NULL when reference is of another origin, or none. base is the parts of the
 * request.
 */
const char *cache_key_related(const cache_key_parts_t *base, const char *reference,
                              apr_pool_t *pool);

/* Sets *id from key. Any thread. */
void cache_key_id(cache_id_t *id, const char *key);

#endif
