/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_REFRESH_H
#define CACHE_REFRESH_H

#include "cache_store.h"

/*
 * A thread of each child that looks local copies up again (cache_levels_refresh) beside requests,
 * with a short queue before it. It calls nothing but the store, so that it may run under every MPM.
 */
#define CACHE_REFRESH_QUEUE 256

/* What the thread does besides, once a second where it has nothing else to do. pool: for the call.
 */
typedef struct cache_refresh_idle_t {
    void (*run)(void *baton, apr_pool_t *pool);
    void *baton;
} cache_refresh_idle_t;

/*
 * idle may be NULL. Starts it for a store of cache_levels_open, in child_init. A pre-cleanup of
 * pchild ends it, which takes no longer than one look-up. Errors: what starting a thread gives.
 */
apr_status_t cache_refresh_start(cache_store_t *levels, const cache_refresh_idle_t *idle,
                                 apr_pool_t *pchild);

#endif
