/* SPDX-License-Identifier: Apache-2.0 */
#include "status_buffer.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

#define INITIAL_CAPACITY 256

void status_buffer_init(status_buffer_t *buffer, apr_pool_t *pool)
{
    buffer->pool = pool;
    buffer->capacity = INITIAL_CAPACITY;
    buffer->data = apr_palloc(pool, buffer->capacity);
    buffer->data[0] = '\0';
    buffer->size = 0;
}

static void grow(status_buffer_t *buffer, apr_size_t needed)
{
    apr_size_t capacity = buffer->capacity;
    char *data;

    while (capacity < needed)
        capacity *= 2;
    data = apr_palloc(buffer->pool, capacity);
    memcpy(data, buffer->data, buffer->size);
    buffer->data = data;
    buffer->capacity = capacity;
}

void status_buffer_add(status_buffer_t *buffer, const char *bytes, apr_size_t size)
{
    if (buffer->size + size + 1 > buffer->capacity)
        grow(buffer, buffer->size + size + 1);
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void status_buffer_text(status_buffer_t *buffer, const char *text)
{
    status_buffer_add(buffer, text, strlen(text));
}

void status_buffer_format(status_buffer_t *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    status_buffer_text(buffer, apr_pvsprintf(buffer->pool, format, arguments));
    va_end(arguments);
}
