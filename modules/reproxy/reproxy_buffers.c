/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_buffers.h"

#include <stdlib.h>

void *reproxy_buffers_take(reproxy_buffers_t *buffers)
{
    for (int i = 0; i < REPROXY_BUFFERS_KEPT; i++) {
        void *buffer = __atomic_load_n(&buffers->kept[i], __ATOMIC_RELAXED);

        if (buffer)
            buffer = __atomic_exchange_n(&buffers->kept[i], NULL, __ATOMIC_ACQUIRE);
        if (buffer)
            return buffer;
    }
    return malloc(REPROXY_BUFFERS_SIZE);
}

void reproxy_buffers_give(reproxy_buffers_t *buffers, void *buffer)
{
    for (int i = 0; i < REPROXY_BUFFERS_KEPT; i++) {
        void *none = NULL;

        if (__atomic_compare_exchange_n(&buffers->kept[i], &none, buffer, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
            return;
    }
    free(buffer);
}
