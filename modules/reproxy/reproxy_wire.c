/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "reproxy_allow.h"
#include "reproxy_private.h"
#include "reproxy_scene.h"
#include "reproxy_workers.h"

#define SCHEME "REPROXY"

static int descriptor_of(const reproxy_wire_t *wire)
{
    int fd = -1;

    apr_os_sock_get(&fd, wire->conn->sock);
    return fd;
}

/* A kept connection on which something has come belongs to no request any more: it is the end, or
 * bytes that would be taken for the next answer. */
static int is_quiet(const reproxy_wire_t *wire)
{
    char byte;

    return recv(descriptor_of(wire), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int may_ask(const reproxy_wire_t *wire, const reproxy_wire_ask_t *ask)
{
    if (ask->trusted || reproxy_allow_host(ask->allow, ask->url) ||
        reproxy_allow_addresses(ask->allow, ask->url, wire->conn->addr))
        return 1;
    tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_REFUSED], 1);
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, wire->r,
                  WTNO(3003) "%s is not asked: no TierReproxyAllow names it (its address is %pI)",
                  ask->url->node, wire->conn->addr);
    return 0;
}

static reproxy_failure_e find_address(reproxy_wire_t *wire, const reproxy_wire_ask_t *ask)
{
    apr_status_t status = ap_proxy_determine_address(SCHEME, wire->conn, ask->url->host,
                                                     ask->url->port, 0, NULL, wire->r->server);

    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, status, wire->r,
                      WTNO(3004) "the name of storage node %s cannot be resolved", ask->url->node);
        return REPROXY_FAILURE_CONNECT;
    }
    return may_ask(wire, ask) ? REPROXY_FAILURE_NONE : REPROXY_FAILURE_REFUSED;
}

/* The name that is asked for in the handshake is the storage's, whatever ProxyPreserveHost says. */
static int begin_tls(reproxy_wire_t *wire, const reproxy_url_t *url)
{
    proxy_conn_rec *conn = wire->conn;

    if (!conn->ssl_hostname)
        conn->ssl_hostname = apr_pstrdup(conn->scpool, url->host);
    return ap_proxy_connection_create_ex(SCHEME, conn, wire->r) == OK;
}

/* Closes the socket, and keeps the place in the pool. */
static void drop_socket(proxy_conn_rec *conn)
{
    conn->sock = NULL;
    conn->connection = NULL;
    conn->tmp_bb = NULL;
    conn->ssl_hostname = NULL;
    apr_pool_clear(conn->scpool);
}

static reproxy_failure_e connect_node(reproxy_wire_t *wire, const reproxy_wire_ask_t *ask)
{
    proxy_conn_rec *conn = wire->conn;
    apr_time_t start = apr_time_now();

    if (conn->sock && (ask->fresh || (!wire->is_tls && !is_quiet(wire))))
        drop_socket(conn);
    wire->is_reused = conn->sock != NULL;
    if (conn->sock && !wire->is_tls)
        return REPROXY_FAILURE_NONE;
    if (ap_proxy_connect_backend(SCHEME, conn, conn->worker, wire->r->server) != OK)
        return apr_time_now() - start >= ask->connect ? REPROXY_FAILURE_TIMEOUT
                                                      : REPROXY_FAILURE_CONNECT;
    /* The check of a kept one may have closed it. */
    wire->is_reused = wire->is_reused && conn->connection;
    apr_socket_timeout_set(conn->sock, ask->connect);
    return wire->is_tls && !begin_tls(wire, ask->url) ? REPROXY_FAILURE_CONNECT
                                                      : REPROXY_FAILURE_NONE;
}

reproxy_failure_e reproxy_wire_open(reproxy_wire_t *wire, request_rec *r,
                                    const reproxy_wire_ask_t *ask)
{
    proxy_worker *worker;
    reproxy_failure_e failure;

    memset(wire, 0, sizeof(*wire));
    wire->r = r;
    wire->is_tls = (unsigned)ask->url->is_tls;
    worker = reproxy_scene()->workers
                 ? reproxy_workers_get(reproxy_scene()->workers, r, ask->url, ask->connect)
                 : NULL;
    if (!worker || ap_proxy_acquire_connection(SCHEME, &wire->conn, worker, r->server) != OK) {
        wire->conn = NULL;
        return REPROXY_FAILURE_CONNECT;
    }
    wire->conn->is_ssl = wire->is_tls;
    failure = find_address(wire, ask);
    if (failure == REPROXY_FAILURE_NONE)
        failure = connect_node(wire, ask);
    if (failure != REPROXY_FAILURE_NONE)
        reproxy_wire_close(wire, 0);
    return failure;
}

static apr_status_t send_tls(reproxy_wire_t *wire, const char *data, apr_size_t size)
{
    conn_rec *c = wire->conn->connection;
    apr_bucket_brigade *bb = wire->conn->tmp_bb;
    apr_status_t status;

    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_transient_create(data, size, c->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
    status = ap_pass_brigade(c->output_filters, bb);
    apr_brigade_cleanup(bb);
    return status;
}

apr_status_t reproxy_wire_send(reproxy_wire_t *wire, const char *data, apr_size_t size,
                               apr_interval_time_t timeout)
{
    apr_status_t status = apr_socket_timeout_set(wire->conn->sock, timeout);

    if (status == APR_SUCCESS && wire->is_tls)
        return send_tls(wire, data, size);
    while (status == APR_SUCCESS && size > 0) {
        apr_size_t sent = size;

        status = apr_socket_send(wire->conn->sock, data, &sent);
        data += sent;
        size -= sent;
    }
    return status;
}

static apr_status_t receive_tls(reproxy_wire_t *wire, char *data, apr_size_t *size)
{
    apr_bucket_brigade *bb = wire->conn->tmp_bb;
    apr_size_t wanted = *size;
    apr_status_t status = ap_get_brigade(wire->conn->connection->input_filters, bb,
                                         AP_MODE_READBYTES, APR_BLOCK_READ, (apr_off_t)wanted);

    if (status == APR_SUCCESS)
        status = apr_brigade_flatten(bb, data, size);
    if (status == APR_SUCCESS && *size == 0)
        status = APR_EOF;
    apr_brigade_cleanup(bb);
    return status;
}

apr_status_t reproxy_wire_receive(reproxy_wire_t *wire, char *data, apr_size_t *size,
                                  apr_interval_time_t timeout)
{
    /* 0 would be a read that does not wait. */
    apr_status_t status = apr_socket_timeout_set(wire->conn->sock, timeout > 0 ? timeout : 1);

    if (status != APR_SUCCESS)
        return status;
    return wire->is_tls ? receive_tls(wire, data, size)
                        : apr_socket_recv(wire->conn->sock, data, size);
}

apr_size_t reproxy_wire_take(reproxy_wire_t *wire, char *data, apr_size_t size)
{
    ssize_t taken = wire->is_tls ? 0 : recv(descriptor_of(wire), data, size, MSG_DONTWAIT);

    return taken > 0 ? (apr_size_t)taken : 0;
}

int reproxy_wire_wait(reproxy_wire_t *const *wires, int count, apr_interval_time_t timeout)
{
    struct pollfd fds[2];
    int ready;

    for (int i = 0; i < count; i++) {
        fds[i].fd = descriptor_of(wires[i]);
        fds[i].events = POLLIN;
        fds[i].revents = 0;
    }
    do
        ready = poll(fds, (nfds_t)count, timeout > 0 ? (int)((timeout + 999) / 1000) : 0);
    while (ready < 0 && errno == EINTR);
    for (int i = 0; ready > 0 && i < count; i++)
        if (fds[i].revents)
            return i;
    return -1;
}

void reproxy_wire_close(reproxy_wire_t *wire, int keep)
{
    if (!wire->conn)
        return;
    wire->conn->close = !keep;
    ap_proxy_release_connection(SCHEME, wire->conn, wire->r->server);
    wire->conn = NULL;
}
