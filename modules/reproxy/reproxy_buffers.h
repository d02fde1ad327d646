/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_BUFFERS_H
#define REPROXY_BUFFERS_H

#include <apr.h>

/* Of one buffer; a little less than a power of two, for malloc's own words. */
#define REPROXY_BUFFERS_SIZE (131072 - 128)
#define REPROXY_BUFFERS_KEPT 16

/*
 * Buffers for bodies on their way. All connections of a process share them: in a connection's own
 * allocator each would lie idle until that is closed. Zeroed: none is kept. Any thread, no lock.
 */
typedef struct reproxy_buffers_t {
    void *kept[REPROXY_BUFFERS_KEPT]; /* NULL: a free place */
} reproxy_buffers_t;

/* Returns a buffer, whose content is anything; NULL: no memory. Given back, or free()d. */
void *reproxy_buffers_take(reproxy_buffers_t *buffers);

/* Takes a buffer back: keeps or frees it. */
void reproxy_buffers_give(reproxy_buffers_t *buffers, void *buffer);

#endif
