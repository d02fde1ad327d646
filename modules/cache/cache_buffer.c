/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_buffer.h"

#include <stdlib.h>

static apr_status_t release(void *data)
{
    cache_buffer_t *buffer = data;

    free(buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->room = buffer->limit = 0;
    return APR_SUCCESS;
}

apr_status_t cache_buffer_init(cache_buffer_t *buffer, apr_size_t expected, apr_size_t limit,
                               apr_pool_t *pool)
{
    buffer->size = 0;
    buffer->limit = limit;
    buffer->room = expected < 512 ? 512 : expected;
    buffer->data = malloc(buffer->room);
    if (!buffer->data)
        return APR_ENOMEM;
    apr_pool_cleanup_register(pool, buffer, release, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

unsigned char *cache_buffer_extend(cache_buffer_t *buffer, apr_size_t size)
{
    unsigned char *grown;

    if (size > buffer->limit - buffer->size || buffer->size > buffer->limit)
        return NULL;
    if (size > buffer->room - buffer->size) {
        apr_size_t room = buffer->size + size;
        room = room > buffer->room * 2 ? room : buffer->room * 2;
        room = room > buffer->limit ? buffer->limit : room;
        grown = realloc(buffer->data, room);
        if (!grown)
            return NULL;
        buffer->data = grown;
        buffer->room = room;
    }
    buffer->size += size;
    return buffer->data + buffer->size - size;
}

void cache_buffer_free(cache_buffer_t *buffer, apr_pool_t *pool)
{
    apr_pool_cleanup_run(pool, buffer, release);
}
