/* SPDX-License-Identifier: Apache-2.0 */
#include "health_hedge_second.h"

#include <apr_portable.h>
#include <apr_reslist.h>
#include <apr_strings.h>

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <atomics.h>
#include <clock.h>

#include "health_retry_body.h"
#include "health_retry_choice.h"

#define SCHEME "http"

#pragma weak ap_proxy_acquire_connection
#pragma weak ap_proxy_check_connection
#pragma weak ap_proxy_connection_create_ex
#pragma weak ap_proxy_create_hdrbrgd
#pragma weak ap_proxy_determine_connection
#pragma weak ap_proxy_initialize_worker
#pragma weak ap_proxy_release_connection

int health_second_possible(void)
{
    return ap_proxy_acquire_connection && ap_proxy_check_connection &&
           ap_proxy_connection_create_ex && ap_proxy_create_hdrbrgd &&
           ap_proxy_determine_connection && ap_proxy_initialize_worker &&
           ap_proxy_release_connection;
}

/* Whether a connection to a member that is_fit can be had without waiting for another request to
 * end. One place is left for whoever comes between. */
static int has_room(const proxy_worker *worker)
{
    return !worker->s->hmax || !worker->cp->res ||
           (int)apr_reslist_acquired_count(worker->cp->res) + 1 < worker->s->hmax;
}

/*
 * mod_proxy's own limit is a connection for each thread; with a smaller one (max=) requests that
 * hold a connection each and want another would wait for one another. So one thread at a time looks
 * whether there is room and takes it, and no other waits for it to be done: should the room be gone
 * in between, the requests that have it go on.
 */
static int take_connection(health_second_t *second, const health_retry_t *retry,
                           proxy_worker *worker)
{
    apr_uint32_t *connecting = &retry->scene->connecting;
    int taken;

    if (!tier_atomic_swap(connecting, 0, 1))
        return 0;
    taken = has_room(worker) &&
            ap_proxy_acquire_connection(SCHEME, &second->conn, worker, retry->r->server) == OK;
    tier_atomic_store(connecting, 0);
    return taken;
}

/* Whether a further proxy stands before this URL (ProxyRemote): mod_proxy alone knows the way. */
static int is_remote(const proxy_server_conf *conf, const char *url)
{
    for (int i = 0; i < conf->proxies->nelts; i++) {
        const struct proxy_remote *remote =
            &APR_ARRAY_IDX(conf->proxies, i, const struct proxy_remote);

        if (remote->use_regex || strcmp(remote->scheme, "*") == 0 ||
            strncasecmp(url, remote->scheme, strlen(remote->scheme)) == 0)
            return 1;
    }
    return 0;
}

/* Whether nobody has to be asked for the address. */
static int has_address(const proxy_worker *worker)
{
    const char *host = worker->s->hostname_ex;

    return *worker->s->uds_path || host[strspn(host, "0123456789.")] == '\0' || strchr(host, ':') ||
           (worker->s->is_address_reusable && worker->cp->addr);
}

static int is_fit(const health_retry_t *retry, const proxy_worker *worker,
                  const proxy_server_conf *conf)
{
    return strcmp(worker->s->scheme, SCHEME) == 0 && PROXY_WORKER_IS_USABLE(worker) && worker->cp &&
           has_address(worker) && !is_remote(conf, worker->s->name_ex) &&
           /* It would want to be asked first whether it takes the body. */
           !(retry->has_body && worker->s->ping_timeout_set);
}

/* Makes the request as mod_proxy_http would for this member: with its Host, and the body as it was
 * sent to the first one. */
static int compose(health_second_t *second, const health_retry_t *retry, const char *path)
{
    request_rec *r = second->r;
    apr_bucket_brigade *kept = health_retry_body_kept(retry);
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    char *url = apr_pstrcat(r->pool, second->worker->s->name_ex, path, NULL);
    char *length = NULL, *encoding = NULL;
    apr_off_t body = 0;
    char port[32];
    apr_uri_t uri;

    if (ap_proxy_determine_connection(r->pool, r, second->conf, second->worker, second->conn, &uri,
                                      &url, NULL, 0, port, sizeof(port)) != OK ||
        ap_proxy_create_hdrbrgd(r->pool, bb, r, second->conn, second->worker, second->conf, &uri,
                                url, port, &length, &encoding) != OK)
        return 0;
    if (kept)
        apr_brigade_length(kept, 1, &body);
    if (kept || length || encoding)
        apr_brigade_printf(bb, NULL, NULL, "Content-Length: %" APR_OFF_T_FMT CRLF, body);
    apr_brigade_puts(bb, NULL, NULL, "Connection: close" CRLF CRLF);
    for (apr_bucket *e = kept ? APR_BRIGADE_FIRST(kept) : NULL;
         e && e != APR_BRIGADE_SENTINEL(kept); e = APR_BUCKET_NEXT(e)) {
        apr_bucket *copy;

        if (apr_bucket_copy(e, &copy) != APR_SUCCESS)
            return 0;
        APR_BRIGADE_INSERT_TAIL(bb, copy);
    }
    return apr_brigade_pflatten(bb, &second->bytes, &second->size, r->pool) == APR_SUCCESS &&
           apr_brigade_destroy(bb) == APR_SUCCESS;
}

/* What mod_proxy does with its own; where it cannot be done, it is done without there, too. */
static void set_options(const health_second_t *second)
{
    const proxy_worker_shared *member = second->worker->s;

    if (member->recv_buffer_size > 0)
        (void)apr_socket_opt_set(second->socket, APR_SO_RCVBUF, (int)member->recv_buffer_size);
    if (!second->conn->uds_path)
        (void)apr_socket_opt_set(second->socket, APR_TCP_NODELAY, 1);
    if (member->keepalive)
        (void)apr_socket_opt_set(second->socket, APR_SO_KEEPALIVE, 1);
    if (second->conf->source_address_set && !second->conn->uds_path) {
        apr_sockaddr_t *local =
            apr_pmemdup(second->conn->scpool, second->conf->source_address, sizeof(*local));

        local->pool = second->conn->scpool;
        (void)apr_socket_bind(second->socket, local);
    }
}

/* Begins to connect, or says that it is done. */
static apr_status_t connect_to(health_second_t *second)
{
    apr_status_t status;

    status = apr_socket_create(&second->socket, second->address->family, SOCK_STREAM,
                               second->conn->uds_path ? 0 : APR_PROTO_TCP, second->conn->scpool);
    if (status != APR_SUCCESS)
        return status;
    set_options(second);
    apr_os_sock_get(&second->fd, second->socket);
    second->connecting = 1;
    apr_socket_timeout_set(second->socket, 0);
    return apr_socket_connect(second->socket, second->address);
}

static apr_status_t connected(health_second_t *second)
{
    second->connecting = 0;
    second->conn->sock = second->socket;
    second->conn->addr = second->address;
    return ap_proxy_connection_create_ex(SCHEME, second->conn, second->r) == OK ? APR_SUCCESS
                                                                                : APR_EGENERAL;
}

static int is_under_way(apr_status_t status)
{
    return APR_STATUS_IS_EINPROGRESS(status) || status == EALREADY;
}

/* As far as it goes without waiting, from one of the member's addresses to the next. */
static apr_status_t go_on_connecting(health_second_t *second, apr_status_t status)
{
    while (status != APR_SUCCESS && !is_under_way(status)) {
        apr_socket_close(second->socket);
        second->address = second->address->next;
        if (!second->address)
            return status;
        status = connect_to(second);
    }
    return status == APR_SUCCESS ? connected(second) : APR_SUCCESS;
}

static apr_status_t send_more(health_second_t *second)
{
    ssize_t size;

    if (second->connecting)
        return APR_SUCCESS;
    while (second->sent < second->size) {
        size = send(second->fd, second->bytes + second->sent, second->size - second->sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN ? APR_SUCCESS : errno;
        second->sent += (apr_size_t)size;
        __atomic_fetch_add(&second->worker->s->transferred, size, __ATOMIC_RELAXED);
    }
    return APR_SUCCESS;
}

/* A connection that was kept is used at once; it may be half dead, then it loses the race. */
static apr_status_t get_going(health_second_t *second)
{
    apr_status_t status = ap_proxy_check_connection(SCHEME, second->conn, second->r->server, 1,
                                                    PROXY_CHECK_CONN_EMPTY);

    second->address = second->conn->addr;
    if (status != APR_SUCCESS)
        return second->address ? go_on_connecting(second, connect_to(second)) : status;
    second->socket = second->conn->sock;
    apr_os_sock_get(&second->fd, second->socket);
    return connected(second);
}

int health_second_begin(health_second_t *second, const health_retry_t *retry,
                        const proxy_worker *first, proxy_server_conf *conf, const char *path)
{
    request_rec *r = retry->r;
    proxy_worker *worker = health_choice_second(retry, first, conf);

    /* Like mod_proxy before each request: a child makes ready for a member with the first one. */
    if (!worker || ap_proxy_initialize_worker(worker, r->server, conf->pool) != APR_SUCCESS ||
        !is_fit(retry, worker, conf) || !take_connection(second, retry, worker))
        return 0;
    second->r = r;
    second->worker = worker;
    second->conf = conf;
    second->fd = -1;
    second->began = tier_clock_now();
    health_choice_raise_busy(worker->s);
    second->conn->is_ssl = 0;
    if (compose(second, retry, path))
        return 1;
    health_second_end(second);
    second->worker = NULL;
    return 0;
}

short health_second_events(const health_second_t *second)
{
    if (second->connecting)
        return POLLOUT;
    return second->sent < second->size ? POLLIN | POLLRDHUP | POLLOUT : POLLIN | POLLRDHUP;
}

apr_status_t health_second_go_on(health_second_t *second, short events)
{
    apr_status_t status = APR_SUCCESS;

    if (second->fd < 0)
        status = get_going(second);
    else if (second->connecting && events)
        status = go_on_connecting(second, apr_socket_connect(second->socket, second->address));
    return status == APR_SUCCESS ? send_more(second) : status;
}

apr_status_t health_second_read(health_second_t *second, apr_bucket_brigade *bb,
                                ap_input_mode_t mode, apr_read_type_e block, apr_off_t bytes,
                                apr_interval_time_t timeout)
{
    if (block == APR_BLOCK_READ)
        apr_socket_timeout_set(second->socket, timeout);
    return ap_get_brigade(second->conn->connection->input_filters, bb, mode, block, bytes);
}

void health_second_end(health_second_t *second)
{
    proxy_conn_rec *conn = second->conn;

    if (!conn)
        return;
    second->conn = NULL;
    health_choice_lower_busy(second->worker->s);
    if (!second->worker->cp)
        return; /* the child ends, and the connections are closed already */
    conn->close = 1;
    ap_proxy_release_connection(SCHEME, conn, second->r->server);
}
