/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_REFRESH_H
#define CACHE_REFRESH_H

#include "cache_store.h"

/*
 * A thread of each child that looks local copies up again (cache_levels_refresh) beside requests,
 * with a short queue before it. It calls nothing but the store, so that it may run under every MPM.
 */
#define CACHE_REFRESH_QUEUE 256

/*
 * Starts it for a store of cache_levels_open, in child_init. A pre-cleanup of pchild ends it, which
 * takes no longer than one look-up. Errors: what starting a thread gives.
 */
apr_status_t cache_refresh_start(cache_store_t *levels, apr_pool_t *pchild);

#endif
