/* SPDX-License-Identifier: Apache-2.0 */
#include "health_sockets.h"

/* The one that came last is the warmest. */
apr_status_t health_sockets_take(health_sockets_t *sockets, int *taken, int family)
{
    for (int i = sockets ? sockets->count - 1 : -1; i >= 0; i--) {
        if (sockets->family[i] != family)
            continue;
        *taken = sockets->socket[i];
        sockets->count--;
        sockets->socket[i] = sockets->socket[sockets->count];
        sockets->family[i] = sockets->family[sockets->count];
        return APR_SUCCESS;
    }
    return health_socket_open(taken, family);
}

void health_sockets_give(health_sockets_t *sockets, int socket, int family)
{
    if (!sockets || sockets->count == HEALTH_SOCKETS || !health_socket_disconnect(socket, family)) {
        health_socket_close(socket, 1);
        return;
    }
    sockets->socket[sockets->count] = socket;
    sockets->family[sockets->count] = family;
    sockets->count++;
}

void health_sockets_end(health_sockets_t *sockets)
{
    while (sockets->count > 0)
        health_socket_close(sockets->socket[--sockets->count], 0);
}
