/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_SOCKETS_H
#define REPROXY_RELAY_SOCKETS_H

/* Pairs of sockets, and the pattern of bytes that goes through them. */

#include "common_support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static inline char pattern(apr_int64_t at)
{
    return (char)((apr_uint64_t)(at + 7) * 2654435761u >> 11);
}

static inline void fill_pattern(char *bytes, apr_int64_t at, apr_size_t size)
{
    apr_size_t i;

    for (i = 0; i < size; i++) {
        bytes[i] = pattern(at + (apr_int64_t)i);
    }
}

static inline void set_nonblocking(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

/* Two connected TCP sockets, both non-blocking; buffer: SO_SNDBUF and SO_RCVBUF, 0 for the usual.
 */
static inline void tcp_pair(int ends[2], int buffer)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (buffer) {
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
        setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
        setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    }
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&address, sizeof(address)), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    close(listener);
    set_nonblocking(ends[0]);
    set_nonblocking(ends[1]);
}

static inline void unix_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static inline void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

#endif
