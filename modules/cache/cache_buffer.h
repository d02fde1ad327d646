/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_BUFFER_H
#define CACHE_BUFFER_H

#include <apr_errno.h>
#include <apr_pools.h>

/* Bytes that are collected one behind the other up to a limit. One thread. */
typedef struct cache_buffer_t {
    unsigned char *data;
    apr_size_t size;
    apr_size_t room;
    apr_size_t limit;
    unsigned char *allocated; /* data, where it is malloc's; NULL: it is pool's */
    apr_pool_t *pool;
} cache_buffer_t;

/*
 * Prepares an empty buffer that holds up to limit bytes and begins with room for expected. A little
 * is pool's memory, more is malloc's and is freed by cache_buffer_free or with pool, whichever is
 * first; until then buffer itself must stay. Errors: APR_ENOMEM.
 */
apr_status_t cache_buffer_init(cache_buffer_t *buffer, apr_size_t expected, apr_size_t limit,
                               apr_pool_t *pool);

/*
 * Returns where size more bytes may be written (they count as written), or NULL: over the limit, or
 * no memory.
 */
unsigned char *cache_buffer_extend(cache_buffer_t *buffer, apr_size_t size);

/* Frees the bytes now; the buffer is empty then and takes no more. */
void cache_buffer_free(cache_buffer_t *buffer);

#endif
