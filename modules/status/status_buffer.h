/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_BUFFER_H
#define STATUS_BUFFER_H

#include <apr_pools.h>

/*
 * A growing run of bytes in a pool. A whole answer is rendered before its first byte is sent, so
 * that it has a Content-Length and a failure in the middle cannot leave half a page. One thread at
 * a time.
 */
typedef struct status_buffer_t {
    char *data; /* size bytes and a NUL behind them; never NULL */
    apr_size_t size;
    apr_size_t capacity;
    apr_pool_t *pool;
} status_buffer_t;

/* Makes buffer empty; its bytes live in pool. */
void status_buffer_init(status_buffer_t *buffer, apr_pool_t *pool);

/* Appends size bytes as they are. */
void status_buffer_add(status_buffer_t *buffer, const char *bytes, apr_size_t size);

/* Appends a string as it is: text of our own, or text that is escaped already. */
void status_buffer_text(status_buffer_t *buffer, const char *text);

/* Appends what the format makes; for numbers and text of our own. */
void status_buffer_format(status_buffer_t *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
