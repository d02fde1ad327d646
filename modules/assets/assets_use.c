/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_use.h"

void assets_use_end(assets_use_t *use)
{
    int is_last;

    apr_thread_mutex_lock(use->lock);
    is_last = --use->users == 0;
    apr_thread_mutex_unlock(use->lock);
    if (is_last)
        apr_pool_destroy(use->pool);
}

static apr_status_t end(void *data)
{
    assets_use_end(data);
    return APR_SUCCESS;
}

void assets_use_until(assets_use_t *use, apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, use, end, apr_pool_cleanup_null);
}
