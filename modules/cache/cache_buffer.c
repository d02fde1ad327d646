/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_buffer.h"

#include <stdlib.h>
#include <string.h>

/* So much of a pool is not worth to be given back before the pool is. */
#define LITTLE ((apr_size_t)4096)

static apr_status_t release(void *data)
{
    cache_buffer_t *buffer = data;

    free(buffer->allocated);
    buffer->data = buffer->allocated = NULL;
    buffer->size = buffer->room = buffer->limit = 0;
    return APR_SUCCESS;
}

static apr_status_t resize(cache_buffer_t *buffer, apr_size_t room)
{
    unsigned char *grown = realloc(buffer->allocated, room);

    if (!grown)
        return APR_ENOMEM;
    if (!buffer->allocated) {
        if (buffer->data)
            memcpy(grown, buffer->data, buffer->size);
        apr_pool_cleanup_register(buffer->pool, buffer, release, apr_pool_cleanup_null);
    }
    buffer->data = buffer->allocated = grown;
    buffer->room = room;
    return APR_SUCCESS;
}

apr_status_t cache_buffer_init(cache_buffer_t *buffer, apr_size_t expected, apr_size_t limit,
                               apr_pool_t *pool)
{
    buffer->pool = pool;
    buffer->allocated = NULL;
    buffer->size = 0;
    buffer->limit = limit;
    buffer->room = expected < 512 ? 512 : expected;
    buffer->data = buffer->room <= LITTLE ? apr_palloc(pool, buffer->room) : NULL;
    return buffer->data ? APR_SUCCESS : resize(buffer, buffer->room);
}

unsigned char *cache_buffer_extend(cache_buffer_t *buffer, apr_size_t size)
{
    if (size > buffer->limit - buffer->size || buffer->size > buffer->limit)
        return NULL;
    if (size > buffer->room - buffer->size) {
        apr_size_t room = buffer->size + size;
        room = room > buffer->room * 2 ? room : buffer->room * 2;
        room = room > buffer->limit ? buffer->limit : room;
        if (resize(buffer, room) != APR_SUCCESS)
            return NULL;
    }
    buffer->size += size;
    return buffer->data + buffer->size - size;
}

void cache_buffer_free(cache_buffer_t *buffer)
{
    if (buffer->allocated)
        apr_pool_cleanup_kill(buffer->pool, buffer, release);
    release(buffer);
}
