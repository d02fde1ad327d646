/* SPDX-License-Identifier: Apache-2.0 */
#include "health_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

apr_status_t health_socket_open(int *made, int family)
{
    *made = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return *made < 0 ? errno : APR_SUCCESS;
}

/* Where it cannot be had, the acknowledgement goes out by itself. */
static void join_acknowledgement(int socket, int family)
{
#ifdef TCP_QUICKACK
    static const int off = 0;

    if (family == AF_INET || family == AF_INET6)
        setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
#else
    (void)socket;
    (void)family;
#endif
}

apr_status_t health_socket_connect(int socket, const apr_sockaddr_t *address, int speaks)
{
    if (speaks)
        join_acknowledgement(socket, address->family);
    return connect(socket, (const struct sockaddr *)&address->sa, address->salen) == 0 ? APR_SUCCESS
                                                                                       : errno;
}

apr_status_t health_socket_error(int socket)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

apr_status_t health_socket_send(int socket, const char *data, apr_size_t *size)
{
    ssize_t count = send(socket, data, *size, MSG_NOSIGNAL);

    *size = count > 0 ? (apr_size_t)count : 0;
    return count < 0 ? errno : APR_SUCCESS;
}

apr_status_t health_socket_receive(int socket, char *data, apr_size_t *size)
{
    ssize_t count = recv(socket, data, *size, 0);

    *size = count > 0 ? (apr_size_t)count : 0;
    if (count == 0)
        return APR_EOF;
    return count < 0 ? errno : APR_SUCCESS;
}

int health_socket_is_quiet(int socket)
{
    char byte;

    return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Of Linux: elsewhere the call fails, or the socket could not connect again. */
int health_socket_disconnect(int socket, int family)
{
#ifdef __linux__
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    return (family == AF_INET || family == AF_INET6) &&
           connect(socket, &nobody, sizeof(nobody)) == 0;
#else
    (void)socket;
    (void)family;
    return 0;
#endif
}

void health_socket_close(int socket, int abruptly)
{
    static const struct linger reset = {1, 0};

    if (abruptly)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(socket);
}
