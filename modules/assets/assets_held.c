/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_held.h"

#include <string.h>

int assets_held_add(assets_held_t *held, const char *data, apr_size_t size)
{
    apr_size_t room = held->room ? held->room : 256;
    char *grown;

    if (size > ASSETS_HELD_MAX - held->size) {
        held->size = 0;
        return 0;
    }
    while (room < held->size + size)
        room *= 2;
    if (room > held->room) {
        grown = apr_palloc(held->pool, room);
        if (held->size > 0)
            memcpy(grown, held->data, held->size);
        held->data = grown;
        held->room = room;
    }
    memcpy(held->data + held->size, data, size);
    held->size += size;
    return 1;
}
