/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SOCKET_H
#define HEALTH_SOCKET_H

#include <apr_network_io.h>

/*
 * Non-blocking stream sockets with as few system calls as a probe needs: at a thousand probes a
 * second these calls are what a probe costs. Descriptors are closed on exec. Any thread.
 */

/* Makes a socket for addresses of this family. Errors: errno's. */
apr_status_t health_socket_open(int *made, int family);

/*
 * Begins to connect. Returns EINPROGRESS where the answer has to be waited for. speaks: something
 * is sent as soon as it stands, so that it need not be acknowledged by a packet of its own.
 */
apr_status_t health_socket_connect(int socket, const apr_sockaddr_t *address, int speaks);

/* Returns what came of connecting: APR_SUCCESS or the error. */
apr_status_t health_socket_error(int socket);

/* Sends up to *size bytes and sets *size to how many it took; no SIGPIPE. EAGAIN: not yet, which
 * may be because it is not connected. */
apr_status_t health_socket_send(int socket, const char *data, apr_size_t *size);

/* Receives up to *size bytes and sets *size. APR_EOF: there are no more; EAGAIN: not yet. */
apr_status_t health_socket_receive(int socket, char *data, apr_size_t *size);

/* Returns 1 while the other side has neither closed the connection nor said anything that was not
 * received. */
int health_socket_is_quiet(int socket);

/*
 * Ends the connection with a reset, and makes the socket what it was before it had one, its options
 * but those of the connection included. Returns 0 where it cannot be used again: it is to be
 * closed.
 */
int health_socket_disconnect(int socket, int family);

/* Closes it. abruptly: with a reset, which spares both ends the rest of the farewell; for a member
 * that has answered and is done. */
void health_socket_close(int socket, int abruptly);

#endif
