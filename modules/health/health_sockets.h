/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SOCKETS_H
#define HEALTH_SOCKETS_H

#include "health_socket.h"

/*
 * Sockets between two probes. To make a socket and to give it up costs as much as a fifth of a
 * probe; one whose connection was ended by a reset is as good as new, and has no port. A few are
 * kept, for whichever member is probed next. A zeroed one holds none. The thread of one loop.
 */
#define HEALTH_SOCKETS 32

typedef struct health_sockets_t health_sockets_t;
struct health_sockets_t {
    int family[HEALTH_SOCKETS];
    int socket[HEALTH_SOCKETS];
    int count;
};

/* As health_socket_open(). sockets: NULL for a new one in any case. */
apr_status_t health_sockets_take(health_sockets_t *sockets, int *taken, int family);

/* Ends the socket's connection with a reset, and the socket where it is not kept. sockets: NULL to
 * keep none. */
void health_sockets_give(health_sockets_t *sockets, int socket, int family);

/* Closes all that are kept. */
void health_sockets_end(health_sockets_t *sockets);

#endif
