/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"
#include "internal_private.h"

#include "clock.h"

#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_ssl.h>
#include <http_vhost.h>
#include <mod_proxy.h>

#include <apr_optional_hooks.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOCAL_ADDRESS "127.0.0.1"

/* More than the event MPM keeps of a connection, whose first words are all that is looked at. */
#define MPM_BLOCK_SIZE 1024

tier_internal_t *tier_internal_of(const request_rec *r)
{
    void *internal = NULL;

    if (!apr_table_get(r->connection->notes, TIER_INTERNAL_NOTE))
        return NULL;
    apr_pool_userdata_get(&internal, TIER_INTERNAL_NOTE, r->connection->pool);
    return internal;
}

void *tier_internal_baton(const request_rec *r, const void *owner)
{
    tier_internal_t *internal = tier_internal_of(r);

    return internal && internal->spec.owner == owner ? internal->spec.baton : NULL;
}

apr_time_t tier_internal_deadline(const tier_internal_t *internal)
{
    return internal->spec.deadline;
}

void *tier_internal_own_baton(const tier_internal_t *internal)
{
    return internal->spec.baton;
}

/* The backend: what a thread waits for. */

void tier_internal_forget_backend(tier_internal_t *internal)
{
    pthread_mutex_lock(&internal->lock);
    if (internal->fd >= 0)
        close(internal->fd);
    internal->fd = -1;
    pthread_mutex_unlock(&internal->lock);
}

void tier_internal_abort(tier_internal_t *internal)
{
    pthread_mutex_lock(&internal->lock);
    internal->is_aborted = 1;
    if (internal->fd >= 0)
        shutdown(internal->fd, SHUT_RDWR);
    pthread_mutex_unlock(&internal->lock);
}

int tier_internal_is_over(tier_internal_t *internal)
{
    int is_aborted;

    pthread_mutex_lock(&internal->lock);
    is_aborted = internal->is_aborted;
    pthread_mutex_unlock(&internal->lock);
    return is_aborted || tier_clock_now() >= internal->spec.deadline;
}

static void remember_backend(tier_internal_t *internal, int fd)
{
    pthread_mutex_lock(&internal->lock);
    if (internal->fd >= 0)
        close(internal->fd);
    internal->fd = dup(fd);
    if (internal->is_aborted)
        shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&internal->lock);
}

/*
 * mod_proxy_http is about to read a backend's answer. tier_internal_abort ends that through a
 * number of ours, which stays valid whatever becomes of mod_proxy's. A time-out set on the socket
 * would stay there: mod_proxy sets one only when it connects, and the next request on the
 * connection is another's.
 */
static int watch_backend(request_rec *r, request_rec *backend)
{
    tier_internal_t *internal = tier_internal_of(r);
    apr_socket_t *socket = internal ? ap_get_conn_socket(backend->connection) : NULL;
    apr_os_sock_t fd;

    if (socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS) {
        remember_backend(internal, fd);
    }
    return OK;
}

/* Making one. */

/* What belongs to the connection the fields came by (RFC 9110 section 7.6.1), or to a body that is
 * not sent on. */
static void drop_connection_fields(apr_table_t *headers, apr_pool_t *pool)
{
    static const char *const names[] = {
        "Connection",        "Keep-Alive", "Proxy-Connection", "TE",     "Trailer",
        "Transfer-Encoding", "Upgrade",    "Content-Length",   "Expect", "HTTP2-Settings"};
    const char *list = apr_table_get(headers, "Connection");
    const char *name;

    while (list && (name = ap_get_token(pool, &list, 0)) != NULL && *name) {
        apr_table_unset(headers, name);
        while (*list == ',' || *list == ' ' || *list == '\t')
            list++;
    }
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        apr_table_unset(headers, names[i]);
}

static void carry_rights(tier_internal_t *made, const request_rec *from, apr_pool_t *pool)
{
    const conn_rec *c = from ? from->connection : NULL;

    made->client_ip = from ? apr_pstrdup(pool, from->useragent_ip) : LOCAL_ADDRESS;
    made->local_ip = c ? apr_pstrdup(pool, c->local_ip) : LOCAL_ADDRESS;
    made->local_port = c ? c->local_addr->port : made->spec.server->port;
    made->is_https = c ? ap_ssl_conn_is_ssl(from->connection) : 0;
    made->log_id = c && c->log_id ? apr_pstrdup(pool, c->log_id) : TIER_INTERNAL_NOTE;
}

apr_status_t tier_internal_create(tier_internal_t **internal, const tier_internal_spec_t *spec,
                                  apr_pool_t *pool)
{
    tier_internal_t *made;

    if (spec->uri[0] != '/' || (spec->from && tier_internal_of(spec->from)))
        return APR_EINVAL;
    made = apr_pcalloc(pool, sizeof(*made));
    made->spec = *spec;
    made->pool = pool;
    made->fd = -1;
    pthread_mutex_init(&made->lock, NULL);
    made->spec.from = NULL;
    made->spec.method = apr_pstrdup(pool, spec->method ? spec->method : "GET");
    made->spec.uri = apr_pstrdup(pool, spec->uri);
    made->spec.host = apr_pstrdup(pool, spec->host ? spec->host : spec->server->server_hostname);
    made->spec.headers =
        spec->headers ? apr_table_clone(pool, spec->headers) : apr_table_make(pool, 2);
    drop_connection_fields((apr_table_t *)made->spec.headers, pool);
    if (spec->body) {
        made->spec.body = apr_pmemdup(pool, spec->body, spec->body_size);
    } else {
        made->spec.body_size = 0;
    }
    if (spec->baton_size)
        made->spec.baton = apr_pmemdup(pool, spec->baton, spec->baton_size);
    carry_rights(made, spec->from, pool);
    *internal = made;
    return APR_SUCCESS;
}

/* Modules that take a connection to have a socket find one; it leads nowhere. */
static apr_status_t give_socket(conn_rec *c)
{
    apr_socket_t *socket;
    apr_status_t rv =
        apr_socket_create(&socket, c->local_addr->family, SOCK_STREAM, APR_PROTO_TCP, c->pool);

    if (rv == APR_SUCCESS)
        ap_set_core_module_config(c->conn_config, socket);
    return rv;
}

/* Each request, the event MPM writes to what it keeps of the connection without looking whether it
 * is there. */
static void give_mpm_block(conn_rec *c)
{
    module *event = ap_find_linked_module("event.c");

    if (event)
        ap_set_module_config(c->conn_config, event, apr_pcalloc(c->pool, MPM_BLOCK_SIZE));
}

static apr_status_t give_addresses(conn_rec *c, const tier_internal_t *internal)
{
    apr_status_t rv = apr_sockaddr_info_get(&c->local_addr, internal->local_ip, APR_UNSPEC,
                                            internal->local_port, 0, c->pool);

    c->local_ip = (char *)internal->local_ip;
    c->client_ip = (char *)internal->client_ip;
    if (rv != APR_SUCCESS)
        return rv;
    return apr_sockaddr_info_get(&c->client_addr, internal->client_ip, APR_UNSPEC, 0, 0, c->pool);
}

static apr_status_t make_connection(conn_rec **made, tier_internal_t *internal,
                                    apr_thread_t *thread, apr_pool_t *pool)
{
    conn_rec *c = apr_pcalloc(pool, sizeof(*c));
    apr_status_t rv;

    c->pool = pool;
    c->base_server = internal->spec.server;
    c->conn_config = ap_create_conn_config(pool);
    c->notes = apr_table_make(pool, 4);
    c->bucket_alloc = apr_bucket_alloc_create(pool);
    c->keepalive = AP_CONN_CLOSE;
    c->clogging_input_filters = 1;
    c->current_thread = thread;
    c->log_id = internal->log_id;
    c->id = -1;
    apr_table_setn(c->notes, TIER_INTERNAL_NOTE, "1");
    apr_pool_userdata_setn(internal, TIER_INTERNAL_NOTE, NULL, pool);
    rv = give_addresses(c, internal);
    if (rv == APR_SUCCESS)
        rv = give_socket(c);
    give_mpm_block(c);
    ap_add_output_filter(TIER_INTERNAL_END, NULL, NULL, c);
    ap_add_input_filter(TIER_INTERNAL_SOURCE, internal, NULL, c);
    *made = c;
    return rv;
}

/* The fields as they would have come over a connection. */
static void set_fields(request_rec *r, const tier_internal_t *internal)
{
    r->headers_in = apr_table_copy(r->pool, internal->spec.headers);
    apr_table_setn(r->headers_in, "Host", internal->spec.host);
    if (internal->spec.body)
        apr_table_setn(r->headers_in, "Content-Length",
                       apr_psprintf(r->pool, "%" APR_SIZE_T_FMT, internal->spec.body_size));
}

static request_rec *make_request(tier_internal_t *internal, conn_rec *c)
{
    const tier_internal_spec_t *spec = &internal->spec;
    request_rec *r = ap_create_request(c);

    r->method = spec->method;
    r->method_number = ap_method_number_of(spec->method);
    r->header_only = r->method_number == M_GET && strcmp(spec->method, "HEAD") == 0;
    r->protocol = (char *)"HTTP/1.1";
    r->proto_num = HTTP_VERSION(1, 1);
    r->the_request = apr_pstrcat(r->pool, spec->method, " ", spec->uri, " ", r->protocol, NULL);
    r->request_time = apr_time_now();
    set_fields(r, internal);
    ap_parse_uri(r, apr_pstrdup(r->pool, spec->uri));
    if (r->status == HTTP_OK)
        ap_update_vhost_from_headers(r);
    r->server = spec->server;
    r->per_dir_config = r->server->lookup_defaults;
    apr_table_setn(r->notes, TIER_INTERNAL_NOTE, "1");
    ap_remove_output_filter_byhandle(r->output_filters, "HTTP_HEADER");
    ap_add_output_filter(TIER_INTERNAL_SINK, NULL, r, c);
    ap_add_output_filter(TIER_INTERNAL_TOP, NULL, r, c);
    return r;
}

/* What ap_process_request does with a request that is neither logged nor followed by another. */
static void process(tier_internal_t *internal, request_rec *r)
{
    int status = r->status;

    if (status == HTTP_OK)
        status = ap_run_post_read_request(r);
    if (status == OK || status == DECLINED)
        status = ap_process_request_internal(r);
    if (status == OK)
        status = ap_invoke_handler(r);
    tier_internal_forget_backend(internal);
    if (status == SUSPENDED) {
        r->connection->aborted = 1; /* whoever keeps it expects an MPM to wake it */
    } else if (status != OK && status != DONE) {
        ap_die(status, r);
    } else {
        ap_finalize_request_protocol(r);
    }
}

apr_status_t tier_internal_run(tier_internal_t *internal, apr_thread_t *thread,
                               tier_internal_result_t *result)
{
    apr_pool_t *pool;
    conn_rec *c;
    apr_status_t rv =
        tier_internal_is_over(internal) ? APR_TIMEUP : apr_pool_create(&pool, internal->pool);

    memset(result, 0, sizeof(*result));
    if (rv != APR_SUCCESS)
        return rv;
    rv = make_connection(&c, internal, thread, pool);
    if (rv == APR_SUCCESS)
        process(internal, make_request(internal, c));
    apr_pool_destroy(pool);
    tier_internal_forget_backend(internal);
    *result = internal->result;
    if (rv != APR_SUCCESS)
        return rv;
    if (tier_internal_is_over(internal))
        return APR_TIMEUP;
    return result->is_complete ? APR_SUCCESS : APR_EGENERAL;
}

/* Hooks. */

static int conn_is_ssl(conn_rec *c)
{
    void *internal = NULL;

    if (!apr_table_get(c->notes, TIER_INTERNAL_NOTE))
        return DECLINED;
    apr_pool_userdata_get(&internal, TIER_INTERNAL_NOTE, c->pool);
    return internal && ((tier_internal_t *)internal)->is_https ? OK : DECLINED;
}

void tier_internal_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    APR_OPTIONAL_HOOK(proxy, create_req, watch_backend, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_ssl_conn_is_ssl(conn_is_ssl, NULL, NULL, APR_HOOK_FIRST);
    tier_internal_register_filters();
}
