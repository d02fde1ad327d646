/* SPDX-License-Identifier: Apache-2.0 */
#include "health_stream.h"

#include <apr_portable.h>

#include <errno.h>
#include <string.h>

#include "health_socket.h"
#include "health_sockets.h"
#include "health_tls.h"

#define OUTPUT_SIZE 4096

typedef struct stream_t {
    const health_protocol_t *protocol;
    tier_loop_socket_t watch; /* its socket is made once and holds one descriptor after the other */
    const char *request;      /* NULL: the connection is all that is wanted */
    int descriptor;           /* -1: none is open */
    int family;               /* of descriptor */
    int connected;
    int kept;  /* the connection is open between probes */
    int again; /* the probe under way began on a kept one, and has heard nothing there yet */
    const apr_sockaddr_t *list; /* the addresses that the kept connection comes from */
    apr_uint32_t requests;      /* that the connection has had */
    int spoken;                 /* the request is on its way, or there is none */
    void *dialogue;
    const char *unsent;
    apr_size_t unsent_size;
    health_tls_t *tls; /* NULL: in the clear */
    health_tls_e tls_state;
    char *output; /* what TLS wants to send: OUTPUT_SIZE bytes */
} stream_t;

static int may_keep(const health_probe_t *probe)
{
    const stream_t *stream = probe->work;

    return stream->descriptor >= 0 && probe->verdict == HEALTH_PASS && !stream->tls &&
           stream->requests < probe->check->reuse && stream->protocol->reusable &&
           stream->protocol->reusable(stream->dialogue);
}

/* A member that has said all, or let its time pass, has nothing to lose by a reset. */
static int may_reset(const health_probe_t *probe)
{
    const stream_t *stream = probe->work;

    return probe->expired || (stream->dialogue && probe->verdict == HEALTH_PASS && !stream->tls &&
                              !probe->check->content);
}

static void close_connection(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    tier_loop_socket_forget(probe->loop, &stream->watch);
    stream->kept = 0;
    if (stream->descriptor >= 0 && may_reset(probe))
        health_sockets_give(probe->sockets, stream->descriptor, stream->family);
    else if (stream->descriptor >= 0)
        health_socket_close(stream->descriptor, 0);
    stream->descriptor = -1;
}

static void stream_stop(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    if (!may_keep(probe)) {
        close_connection(probe);
        return;
    }
    tier_loop_socket_forget(probe->loop, &stream->watch);
    stream->kept = 1;
}

static int is_waiting(apr_status_t status)
{
    return APR_STATUS_IS_EAGAIN(status) || APR_STATUS_IS_EINTR(status);
}

/* Returns 1 with a verdict. */
static int watch_for(health_probe_t *probe, apr_int16_t events)
{
    stream_t *stream = probe->work;
    apr_status_t status = tier_loop_socket_watch(probe->loop, &stream->watch, events);

    if (status != APR_SUCCESS)
        health_probe_set_void(probe, status, "watch a socket");
    return status != APR_SUCCESS;
}

/* A verdict of the protocol's may come with advice. */
static void take_advice(health_probe_t *probe)
{
    stream_t *stream = probe->work;
    const health_advice_t *advice =
        stream->protocol->advice ? stream->protocol->advice(stream->dialogue) : NULL;

    if (!advice)
        return;
    probe->advised = 1;
    probe->advice = *advice;
}

/* Returns 1 with a verdict. */
static int hear(health_probe_t *probe, const char *bytes, apr_size_t size)
{
    stream_t *stream = probe->work;

    stream->again = 0;
    probe->verdict =
        stream->protocol->feed(stream->dialogue, bytes, size, &probe->result, probe->pool);
    if (probe->verdict != HEALTH_MORE)
        take_advice(probe);
    return probe->verdict != HEALTH_MORE;
}

/* Otherwise the member has a handshake that was broken off, and may say so in its log each time. */
static void end_handshake(const stream_t *stream)
{
    apr_size_t size;

    while ((size = health_tls_output(stream->tls, stream->output, OUTPUT_SIZE)) > 0 &&
           health_socket_send(stream->descriptor, stream->output, &size) == APR_SUCCESS)
        continue;
}

/* The connection, and TLS on it, stand. Returns 1 with a verdict: that was all that was wanted. */
static int speak(health_probe_t *probe)
{
    stream_t *stream = probe->work;
    const char *request = stream->request;

    stream->spoken = 1;
    if (!request) {
        if (stream->tls)
            end_handshake(stream);
        probe->verdict = HEALTH_PASS;
        probe->result.detail =
            stream->tls ? health_tls_text(stream->tls, probe->pool) : "connected";
        return 1;
    }
    stream->dialogue = stream->protocol->begin(probe->check, probe->pool);
    if (!stream->tls) {
        stream->unsent = request;
        stream->unsent_size = strlen(request);
    } else if (!health_tls_write(stream->tls, request, strlen(request))) {
        health_probe_set_void(probe, APR_EGENERAL, "encrypt the request");
        return 1;
    }
    return 0;
}

/* The member will say no more. */
static void hear_end(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    if (stream->spoken) {
        probe->verdict = stream->protocol->end(stream->dialogue, &probe->result, probe->pool);
        take_advice(probe);
        return;
    }
    probe->verdict = HEALTH_FAIL;
    probe->result = tier_result_fail(probe->pool, APR_EGENERAL, "closed",
                                     "the connection was closed in the TLS handshake");
}

/* TLS has new bytes, or begins. Returns 1 with a verdict. */
static int feed_tls(health_probe_t *probe, const char *data, apr_size_t size)
{
    stream_t *stream = probe->work;
    char bytes[4096];
    apr_size_t count;

    stream->tls_state = health_tls_feed(stream->tls, data, size, &probe->result, probe->pool);
    if (stream->tls_state == HEALTH_TLS_OPEN && !stream->spoken && speak(probe))
        return 1;
    while (stream->tls_state == HEALTH_TLS_OPEN) {
        count = health_tls_read(stream->tls, bytes, sizeof(bytes), &stream->tls_state,
                                &probe->result, probe->pool);
        if (count == 0)
            break;
        if (hear(probe, bytes, count))
            return 1;
    }
    if (stream->tls_state == HEALTH_TLS_FAILED)
        probe->verdict = HEALTH_FAIL;
    else if (stream->tls_state == HEALTH_TLS_CLOSED)
        hear_end(probe);
    return probe->verdict != HEALTH_MORE;
}

static int try_addresses(health_probe_t *probe);

/* A kept connection that the member has closed meanwhile tells nothing: a fresh one does. Returns 1
 * with a verdict. */
static int start_afresh(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    stream->again = 0;
    close_connection(probe);
    return try_addresses(probe);
}

/* Takes in what the peer sent, until a verdict or until there is nothing more for now. Returns 1
 * with a verdict. */
static int read_answer(health_probe_t *probe)
{
    stream_t *stream = probe->work;
    char bytes[4096];

    for (;;) {
        apr_size_t size = sizeof(bytes);
        apr_status_t status = health_socket_receive(stream->descriptor, bytes, &size);

        if (size > 0) {
            if (stream->tls ? feed_tls(probe, bytes, size) : hear(probe, bytes, size))
                return 1;
            if (size < sizeof(bytes))
                return 0; /* that was all; the loop tells when there is more */
            continue;
        }
        if (is_waiting(status))
            return 0;
        if (stream->again)
            return start_afresh(probe);
        if (APR_STATUS_IS_EOF(status))
            hear_end(probe);
        else
            health_probe_set_failure(probe, status, "read the answer");
        return 1;
    }
}

/* A peer that answered before it read it all is not asked to read on. Returns 1 with a verdict. */
static int write_failed(health_probe_t *probe, apr_status_t status)
{
    if (read_answer(probe) && probe->verdict == HEALTH_PASS)
        return 1;
    if (probe->verdict != HEALTH_FAIL)
        health_probe_set_failure(probe, status, "send the request");
    return 1;
}

static int next_address(health_probe_t *probe, apr_status_t status);

/* Sends as much as the peer takes. Returns 1 with a verdict. */
static int write_request(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    for (;;) {
        apr_size_t size;
        apr_status_t status;

        if (stream->unsent_size == 0 && stream->tls) {
            stream->unsent = stream->output;
            stream->unsent_size = health_tls_output(stream->tls, stream->output, OUTPUT_SIZE);
        }
        if (stream->unsent_size == 0)
            return 0;
        size = stream->unsent_size;
        status = health_socket_send(stream->descriptor, stream->unsent, &size);
        if (is_waiting(status))
            return 0;
        /* A connection that was never made fails with other errors. */
        if (status != APR_SUCCESS && stream->again)
            return start_afresh(probe);
        if (status == EPIPE || status == ECONNRESET)
            stream->connected = 1;
        if (status != APR_SUCCESS)
            return stream->connected ? write_failed(probe, status) : next_address(probe, status);
        stream->connected = 1;
        stream->unsent += size;
        stream->unsent_size -= size;
    }
}

/* Returns 1 with a verdict. */
static int go_on(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    if (write_request(probe))
        return 1;
    if (stream->descriptor < 0)
        return 0;
    return watch_for(probe, (apr_int16_t)(!stream->connected || stream->unsent_size
                                              ? APR_POLLIN | APR_POLLOUT
                                              : APR_POLLIN));
}

/* Prepares what is said first, so that it can go out with the connection. Returns 1 with a
 * verdict. */
static int begin_dialogue(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    stream->connected = stream->again;
    stream->spoken = 0;
    stream->requests++;
    stream->unsent_size = 0;
    stream->dialogue = NULL;
    stream->tls = NULL;
    if (!probe->check->tls_context)
        return stream->request ? speak(probe) : 0;
    stream->tls_state = HEALTH_TLS_SHAKING;
    stream->tls = health_tls_begin(probe->check->tls_context, probe->peer, probe->pool);
    if (!stream->tls) {
        health_probe_set_void(probe, APR_ENOMEM, "begin TLS");
        return 1;
    }
    return feed_tls(probe, "", 0);
}

/* A socket of IPv6 that has once had an address of IPv4 (::ffff:10.0.0.1) never gets to one of IPv6
 * again, so it is of no family that is kept. */
static int family_of(const apr_sockaddr_t *address)
{
    return address->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->sa.sin6.sin6_addr)
               ? AF_UNSPEC
               : address->family;
}

static apr_status_t open_socket(health_probe_t *probe)
{
    stream_t *stream = probe->work;
    apr_status_t status =
        health_sockets_take(probe->sockets, &stream->descriptor, probe->address->family);

    stream->family = family_of(probe->address);
    if (status != APR_SUCCESS)
        return status;
    stream->requests = 0;
    apr_os_sock_put(&stream->watch.socket, &stream->descriptor, NULL);
    return health_socket_connect(stream->descriptor, probe->address,
                                 probe->check->tls_context ||
                                     (stream->request && *stream->request));
}

/*
 * Connects to the first address from the present one on that does not refuse at once. Returns 1
 * with a verdict, which may be the failure of the last one.
 */
static int try_addresses(health_probe_t *probe)
{
    for (; probe->address; probe->address = probe->address->next) {
        apr_status_t status = open_socket(probe);

        if (status == APR_SUCCESS || APR_STATUS_IS_EINPROGRESS(status)) {
            probe->verdict = HEALTH_MORE; /* whatever the addresses before this one said */
            return begin_dialogue(probe) || go_on(probe);
        }
        health_probe_set_failure(probe, status, "connect");
        close_connection(probe);
    }
    return 1;
}

static int next_address(health_probe_t *probe, apr_status_t status)
{
    health_probe_set_failure(probe, status, "connect");
    close_connection(probe);
    probe->address = probe->address->next;
    return try_addresses(probe);
}

/* The first event of a connection: it stands, or it failed. Returns 1 with a verdict. */
static int end_connecting(health_probe_t *probe)
{
    stream_t *stream = probe->work;
    apr_status_t status = health_socket_error(stream->descriptor);

    if (status != APR_SUCCESS)
        return next_address(probe, status);
    stream->connected = 1;
    return !stream->tls && !stream->request ? speak(probe) : go_on(probe);
}

static void socket_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    health_probe_t *probe = socket->baton;
    stream_t *stream = probe->work;
    int done;

    (void)loop;
    if (!stream->connected)
        done = end_connecting(probe);
    else
        done = ((events & ~APR_POLLOUT) && read_answer(probe)) || go_on(probe);
    if (done)
        health_probe_finish(probe);
}

static int stream_start(health_probe_t *probe)
{
    stream_t *stream = probe->work;

    /* The member's name has another address now, or the member has said what nobody asked for,
     * which is no answer to this probe: its farewell, most often. */
    if (stream->kept &&
        (stream->list != probe->address || !health_socket_is_quiet(stream->descriptor)))
        close_connection(probe);
    stream->again = stream->kept;
    stream->kept = 0;
    stream->list = probe->address;
    return stream->again ? begin_dialogue(probe) || go_on(probe) : try_addresses(probe);
}

static apr_status_t drop_kept(void *data)
{
    stream_t *stream = data;

    if (stream->descriptor >= 0)
        health_socket_close(stream->descriptor, 0);
    stream->descriptor = -1;
    return APR_SUCCESS;
}

static void *stream_make(health_probe_t *probe, apr_pool_t *pool)
{
    stream_t *stream = apr_pcalloc(pool, sizeof(*stream));
    apr_os_sock_t none = -1;

    stream->protocol = health_protocol_of(probe->check->kind);
    if (stream->protocol->request)
        stream->request = stream->protocol->request(probe->check, probe->authority, pool);
    stream->descriptor = -1;
    apr_pool_cleanup_register(pool, stream, drop_kept, apr_pool_cleanup_null);
    if (probe->check->tls_context)
        stream->output = apr_palloc(pool, OUTPUT_SIZE);
    stream->watch.ready = socket_ready;
    stream->watch.baton = probe;
    return apr_os_sock_put(&stream->watch.socket, &none, pool) == APR_SUCCESS ? stream : NULL;
}

static const char *stream_missing(const health_probe_t *probe)
{
    const stream_t *stream = probe->work;

    if (!stream->connected)
        return "connection";
    return stream->spoken ? "whole answer" : "end of the TLS handshake";
}

const health_driver_t health_stream_driver = {stream_make, stream_start, stream_stop,
                                              stream_missing};
