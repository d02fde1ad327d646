/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_POOL_H
#define ASSETS_POOL_H

#include <apr_allocator.h>
#include <apr_pools.h>

/* Returns a pool of nobody, which any thread may destroy, but only one at a time may use: the
 * caller is to destroy it. NULL: there is no memory. */
static inline apr_pool_t *assets_pool_make(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS)
        return NULL;
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

#endif
