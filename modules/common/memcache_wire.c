/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* Waits for events; the deadline is checked before, so that a wait that is over is not begun. */
static apr_status_t wait_for(int fd, short events, apr_time_t until)
{
    struct pollfd poll_fd = {fd, events, 0};
    apr_interval_time_t left;
    struct timespec time;
    int ready;

    do {
        left = until - tier_clock_now();
        if (left <= 0)
            return APR_TIMEUP;
        time.tv_sec = (time_t)apr_time_sec(left);
        time.tv_nsec = (long)apr_time_usec(left) * 1000;
        ready = ppoll(&poll_fd, 1, &time, NULL);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return APR_FROM_OS_ERROR(errno);
    return ready == 0 ? APR_TIMEUP : APR_SUCCESS;
}

apr_status_t tier_memcache_wire_begin(int *fd, const struct sockaddr *name, socklen_t size)
{
    apr_status_t status;
    int on = 1;

    *fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return APR_FROM_OS_ERROR(errno);
    if (name->sa_family != AF_UNIX) {
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    if (connect(*fd, name, size) == 0)
        return APR_SUCCESS;
    if (errno == EINPROGRESS || errno == EINTR)
        return APR_EINPROGRESS;
    /* EAGAIN: the queue of a Unix socket is full, which TCP would show as silence or a refusal. */
    status = APR_FROM_OS_ERROR(errno == EAGAIN ? ECONNREFUSED : errno);
    close(*fd);
    *fd = -1;
    return status;
}

static apr_status_t connect_result(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    return error ? APR_FROM_OS_ERROR(error) : APR_SUCCESS;
}

static apr_status_t connect_to(int *fd, const struct sockaddr *name, socklen_t size,
                               apr_time_t until)
{
    apr_status_t status = tier_memcache_wire_begin(fd, name, size);

    if (status == APR_EINPROGRESS) {
        status = wait_for(*fd, POLLOUT, until);
        if (status == APR_SUCCESS)
            status = connect_result(*fd);
    }
    if (status != APR_SUCCESS && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

/* Waiting inside recv() costs one system call less than poll() before it: most calls are one send,
 * one recv. */
static void let_receive_wait(int fd, apr_interval_time_t deadline)
{
    struct timeval time = {apr_time_sec(deadline), apr_time_usec(deadline)};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    fcntl(fd, F_SETFL, 0);
}

apr_status_t tier_memcache_wire_open(tier_memcache_wire_t **wire,
                                     const tier_memcache_addresses_t *addresses,
                                     apr_interval_time_t deadline, apr_time_t until)
{
    apr_status_t status = APR_EINVAL;
    int fd = -1, i;

    *wire = NULL;
    for (i = 0; i < addresses->count && fd < 0; i++) {
        const tier_memcache_address_t *address = &addresses->at[i];
        apr_time_t now = tier_clock_now();
        apr_time_t end = i + 1 < addresses->count ? now + (until - now) / 2 : until;
        status = connect_to(&fd, (const struct sockaddr *)&address->name, address->size, end);
    }
    if (status != APR_SUCCESS)
        return status;
    *wire = calloc(1, sizeof(**wire));
    if (!*wire) {
        close(fd);
        return APR_ENOMEM;
    }
    (*wire)->fd = fd;
    (*wire)->address = i - 1;
    let_receive_wait(fd, deadline);
    return APR_SUCCESS;
}

void tier_memcache_wire_close(tier_memcache_wire_t *wire)
{
    close(wire->fd);
    free(wire);
}

int tier_memcache_wire_usable(const tier_memcache_wire_t *wire)
{
    char byte;

    return recv(wire->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

static apr_status_t lost(int error)
{
    return error == ECONNRESET || error == EPIPE ? APR_EOF : APR_FROM_OS_ERROR(error);
}

static void skip_parts(struct iovec **parts, int *count, apr_size_t sent)
{
    while (*count > 0 && sent >= (*parts)->iov_len) {
        sent -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + sent;
        (*parts)->iov_len -= sent;
    }
}

apr_status_t tier_memcache_wire_send(tier_memcache_wire_t *wire, struct iovec *parts, int count,
                                     apr_time_t until)
{
    apr_status_t status = APR_SUCCESS;

    while (status == APR_SUCCESS) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t sent = sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent >= 0) {
            skip_parts(&parts, &count, (apr_size_t)sent);
            if (count == 0)
                break;
        } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return lost(errno);
        }
        wire->blocking = 0;
        status = wait_for(wire->fd, POLLOUT, until);
    }
    return status;
}

apr_status_t tier_memcache_wire_receive(tier_memcache_wire_t *wire, char *data, apr_size_t size,
                                        apr_size_t *received, apr_time_t until)
{
    apr_status_t status = APR_SUCCESS;

    *received = 0;
    while (status == APR_SUCCESS) {
        ssize_t got = recv(wire->fd, data, size, wire->blocking ? 0 : MSG_DONTWAIT);

        wire->blocking = 0;
        if (got > 0) {
            *received = (apr_size_t)got;
            break;
        }
        if (got == 0)
            return APR_EOF;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return lost(errno);
        status = wait_for(wire->fd, POLLIN, until);
    }
    return status;
}
