/* SPDX-License-Identifier: Apache-2.0 */
#include "health_probe.h"

#include <apr_portable.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"

static void close_connection(health_probe_t *probe)
{
    tier_loop_socket_forget(probe->loop, &probe->watch);
    if (probe->socket_pool)
        apr_pool_destroy(probe->socket_pool);
    probe->socket_pool = NULL;
    probe->watch.socket = NULL;
}

static void finish(health_probe_t *probe)
{
    apr_interval_time_t latency = tier_clock_now() - probe->began;

    close_connection(probe);
    tier_loop_timer_cancel(probe->loop, &probe->timer);
    probe->active = 0;
    probe->done(probe->loop, probe, probe->verdict, &probe->result, latency);
}

/* Ends the probe in the next round: for start, which may not call done. */
static void finish_soon(health_probe_t *probe)
{
    close_connection(probe);
    if (tier_loop_timer_set(probe->loop, &probe->timer, tier_loop_now(probe->loop)) != APR_SUCCESS)
        finish(probe); /* no memory for a timer: better early than never */
}

/* True of what is wrong with this host and not with the member. */
static int is_our_fault(apr_status_t status)
{
    return status == EMFILE || status == ENFILE || status == ENOBUFS || status == ENOMEM ||
           status == EADDRNOTAVAIL;
}

static const char *problem_of(apr_status_t status)
{
    switch (status) {
    case ECONNREFUSED:
    case ENOENT: /* a Unix socket that is not there */
        return "refused";
    case ECONNRESET:
    case EPIPE:
        return "reset";
    case ETIMEDOUT:
        return "timeout";
    default:
        return APR_STATUS_IS_EHOSTUNREACH(status) || APR_STATUS_IS_ENETUNREACH(status)
                   ? "unreachable"
                   : "failed";
    }
}

static void set_failure(health_probe_t *probe, apr_status_t status, const char *doing)
{
    if (is_our_fault(status)) {
        probe->verdict = HEALTH_VOID;
        probe->result =
            tier_result_fail(probe->pool, status, "local", "this host could not %s", doing);
        return;
    }
    probe->verdict = HEALTH_FAIL;
    probe->result =
        tier_result_fail(probe->pool, status, problem_of(status), "could not %s", doing);
}

/* Takes in what the peer sent, until a verdict or until there is nothing more for now. Returns 1
 * with a verdict. */
static int read_answer(health_probe_t *probe)
{
    char bytes[4096];

    for (;;) {
        apr_size_t size = sizeof(bytes);
        apr_status_t status = apr_socket_recv(probe->watch.socket, bytes, &size);

        if (size > 0) {
            probe->verdict =
                probe->protocol->feed(probe->dialogue, bytes, size, &probe->result, probe->pool);
            if (probe->verdict != HEALTH_MORE)
                return 1;
            continue;
        }
        if (APR_STATUS_IS_EAGAIN(status))
            return 0;
        if (APR_STATUS_IS_EINTR(status))
            continue;
        if (APR_STATUS_IS_EOF(status))
            probe->verdict = probe->protocol->end(probe->dialogue, &probe->result, probe->pool);
        else
            set_failure(probe, status, "read the answer");
        return 1;
    }
}

/* Returns 1 with a verdict. A peer that answered before it read it all is not asked to read on. */
static int write_request(health_probe_t *probe)
{
    apr_size_t size = probe->unsent_size;
    apr_status_t status = apr_socket_send(probe->watch.socket, probe->unsent, &size);

    if (status != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(status)) {
        if (read_answer(probe) && probe->verdict == HEALTH_PASS)
            return 1;
        if (probe->verdict != HEALTH_FAIL)
            set_failure(probe, status, "send the request");
        return 1;
    }
    if (status == APR_SUCCESS) {
        probe->unsent += size;
        probe->unsent_size -= size;
    }
    return 0;
}

static apr_status_t watch_for(health_probe_t *probe, apr_int16_t events)
{
    apr_status_t status = tier_loop_socket_watch(probe->loop, &probe->watch, events);

    if (status != APR_SUCCESS) {
        probe->verdict = HEALTH_VOID;
        probe->result =
            tier_result_fail(probe->pool, status, "local", "this host could not watch a socket");
    }
    return status;
}

static apr_status_t connect_error(apr_socket_t *socket)
{
    apr_os_sock_t descriptor;
    int error = 0;
    socklen_t size = sizeof(error);

    apr_os_sock_get(&descriptor, socket);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

static int try_addresses(health_probe_t *probe);

/* The connection stands: begins the dialogue. Returns 1 with a verdict. */
static int begin_dialogue(health_probe_t *probe)
{
    probe->connected = 1;
    if (!probe->protocol->request) {
        probe->verdict = HEALTH_PASS;
        probe->result = tier_result_ok();
        probe->result.detail = "connected";
        return 1;
    }
    probe->unsent = probe->protocol->request(probe->check, probe->authority, probe->pool);
    probe->unsent_size = strlen(probe->unsent);
    probe->dialogue = probe->protocol->begin(probe->check, probe->pool);
    return 0;
}

/* Returns 1 with a verdict. */
static int go_on(health_probe_t *probe, apr_int16_t events)
{
    if (!probe->connected) {
        apr_status_t status = connect_error(probe->watch.socket);

        if (status != APR_SUCCESS) {
            set_failure(probe, status, "connect");
            close_connection(probe);
            probe->address = probe->address->next;
            return try_addresses(probe);
        }
        if (begin_dialogue(probe))
            return 1;
    } else if ((events & ~APR_POLLOUT) && read_answer(probe)) {
        return 1;
    }
    if (probe->unsent_size && write_request(probe))
        return 1;
    return watch_for(probe, (apr_int16_t)(probe->unsent_size ? APR_POLLIN | APR_POLLOUT
                                                             : APR_POLLIN)) != APR_SUCCESS;
}

static void socket_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    health_probe_t *probe = socket->baton;

    (void)loop;
    if (go_on(probe, events))
        finish(probe);
}

static apr_status_t open_socket(health_probe_t *probe)
{
    apr_socket_t *made;
    int protocol = probe->address->family == APR_UNIX ? 0 : APR_PROTO_TCP;
    apr_status_t status = apr_pool_create(&probe->socket_pool, probe->pool);

    if (status == APR_SUCCESS)
        status = apr_socket_create(&made, probe->address->family, SOCK_STREAM, protocol,
                                   probe->socket_pool);
    if (status != APR_SUCCESS)
        return status;
    probe->watch.socket = made;
    apr_socket_opt_set(made, APR_SO_NONBLOCK, 1);
    apr_socket_timeout_set(made, 0);
    if (protocol == APR_PROTO_TCP)
        apr_socket_opt_set(made, APR_TCP_NODELAY, 1);
    return apr_socket_connect(made, probe->address);
}

/*
 * Connects to the first address from the present one on that does not refuse at once. Returns 1
 * with a verdict: the failure of the last one.
 */
static int try_addresses(health_probe_t *probe)
{
    for (; probe->address; probe->address = probe->address->next) {
        apr_status_t status = open_socket(probe);

        if (status == APR_SUCCESS || APR_STATUS_IS_EINPROGRESS(status)) {
            probe->verdict = HEALTH_MORE; /* whatever the addresses before this one said */
            return watch_for(probe, APR_POLLOUT) != APR_SUCCESS;
        }
        set_failure(probe, status, "connect");
        close_connection(probe);
    }
    return 1;
}

static void deadline(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    health_probe_t *probe = timer->baton;

    (void)loop;
    if (probe->verdict == HEALTH_MORE) {
        probe->verdict = HEALTH_FAIL;
        probe->result =
            tier_result_fail(probe->pool, APR_EGENERAL, "timeout", "no %s within %s",
                             probe->connected ? "whole answer" : "connection",
                             health_check_time_text(probe->check->timeout, probe->pool));
    }
    finish(probe);
}

static apr_status_t release(void *data)
{
    health_probe_cancel(data);
    return APR_SUCCESS;
}

apr_status_t health_probe_init(health_probe_t *probe, tier_loop_t *loop, apr_pool_t *pool)
{
    apr_status_t status = apr_pool_create(&probe->pool, pool);

    if (status != APR_SUCCESS)
        return status;
    probe->protocol = health_protocol_of(probe->check->kind);
    probe->loop = loop;
    probe->watch.ready = socket_ready;
    probe->watch.baton = probe;
    probe->timer.fire = deadline;
    probe->timer.baton = probe;
    /* Before the sub-pools go, so that the socket is forgotten while it is still open. */
    apr_pool_pre_cleanup_register(pool, probe, release);
    return APR_SUCCESS;
}

apr_status_t health_probe_start(health_probe_t *probe, apr_sockaddr_t *addresses)
{
    apr_status_t status;

    apr_pool_clear(probe->pool);
    probe->began = tier_clock_now();
    probe->address = addresses;
    probe->connected = 0;
    probe->unsent_size = 0;
    probe->dialogue = NULL;
    probe->verdict = HEALTH_MORE;
    probe->result = tier_result_ok();
    status = tier_loop_timer_set(probe->loop, &probe->timer, probe->began + probe->check->timeout);
    if (status != APR_SUCCESS)
        return status;
    probe->active = 1;
    if (try_addresses(probe))
        finish_soon(probe);
    return APR_SUCCESS;
}

int health_probe_active(const health_probe_t *probe)
{
    return probe->active;
}

void health_probe_cancel(health_probe_t *probe)
{
    if (!probe->active)
        return;
    probe->active = 0;
    close_connection(probe);
    tier_loop_timer_cancel(probe->loop, &probe->timer);
}
