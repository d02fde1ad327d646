/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_rest.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* Waits until the client takes more. */
static reproxy_relay_end_e wait_for(int client, apr_interval_time_t timeout)
{
    struct pollfd writable = {client, POLLOUT, 0};
    int ready;

    do {
        ready = poll(&writable, 1, (int)apr_time_as_msec(timeout));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return REPROXY_RELAY_CLIENT_STALLED;
    }
    return writable.revents & POLLOUT ? REPROXY_RELAY_COMPLETE : REPROXY_RELAY_CLIENT_GONE;
}

static reproxy_relay_end_e write_all(int client, apr_interval_time_t timeout, const char *data,
                                     apr_size_t size, apr_int64_t *sent)
{
    reproxy_relay_end_e end = REPROXY_RELAY_COMPLETE;

    while (size > 0 && end == REPROXY_RELAY_COMPLETE) {
        ssize_t n = send(client, data, size, MSG_NOSIGNAL);

        if (n >= 0) {
            data += n;
            size -= (apr_size_t)n;
            *sent += n;
        } else if (errno == EAGAIN) {
            end = wait_for(client, timeout);
        } else if (errno != EINTR) {
            end = REPROXY_RELAY_CLIENT_GONE;
        }
    }
    return end;
}

reproxy_relay_end_e reproxy_relay_rest_send(int socket, apr_interval_time_t timeout,
                                            apr_int64_t length, reproxy_relay_pull_fn pull,
                                            void *baton, apr_int64_t *sent)
{
    apr_int64_t last = *sent + length;
    reproxy_relay_end_e end = REPROXY_RELAY_COMPLETE;

    while (end == REPROXY_RELAY_COMPLETE && *sent < last) {
        const char *data;
        apr_size_t size;

        if (pull(baton, &data, &size) != APR_SUCCESS) {
            return REPROXY_RELAY_SOURCE_ENDED;
        }
        end = write_all(socket, timeout, data, size, sent);
    }
    return end;
}
