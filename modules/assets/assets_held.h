/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HELD_H
#define ASSETS_HELD_H

#include <apr_pools.h>

/* More than this of one token is not waited for: it passes unread. */
#define ASSETS_HELD_MAX ((apr_size_t)64 * 1024)

/*
 * The part of a token (a start tag, a url()) that came with earlier chunks: the only bytes that
 * scanners ever copy. Zeroed but for pool it is ready for use.
 */
typedef struct assets_held_t {
    char *data;
    apr_size_t size, room;
    apr_pool_t *pool;
} assets_held_t;

/* Appends; returns 0, and holds nothing, when that would be more than ASSETS_HELD_MAX. */
int assets_held_add(assets_held_t *held, const char *data, apr_size_t size);

#endif
