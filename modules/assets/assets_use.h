/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_USE_H
#define ASSETS_USE_H

#include <apr_pools.h>
#include <apr_thread_mutex.h>

/*
 * Something in a pool of its own that requests use, and that ends with the last of them. Any
 * thread; users is counted under the lock, which is not held while the pool is destroyed.
 */
typedef struct assets_use_t {
    apr_thread_mutex_t *lock;
    apr_uint32_t users;
    apr_pool_t *pool; /* of nobody: any thread may destroy it */
} assets_use_t;

/* One user less: without the lock held. */
void assets_use_end(assets_use_t *use);

/* The same when pool is destroyed, for a user that has been counted. */
void assets_use_until(assets_use_t *use, apr_pool_t *pool);

#endif
