/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_backend.h"

#include <apr_lib.h>
#include <apr_optional_hooks.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_ssl.h>

#include <string.h>
#include <time.h>

#include <clock.h>

#include "health_hedge_race.h"
#include "health_retry_hold.h"
#include "health_retry_member.h"

#define FILTER_NAME    "TIER_HEALTH_ATTEMPT"
#define HANDSHAKE_NAME "TIER_HEALTH_HANDSHAKE"

/* The connection to a member while it answers one request. Lives in the pool of the answer, which
 * ends just before the connection goes back to the others. */
typedef struct backend_t {
    health_retry_t *retry;
    apr_socket_t *socket;
    apr_interval_time_t timeout; /* the member's own, given back at the end */
    ap_filter_t *filter;
    int in_head;   /* the head of an answer has begun, and not ended */
    int interim;   /* it is a 1xx: another head follows */
    int in_body;   /* the last head is complete */
    int line_open; /* what was read last is the first part of a long line */
} backend_t;

apr_time_t health_retry_about_now(void)
{
    struct timespec reading;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &reading);
    return apr_time_from_sec((apr_time_t)reading.tv_sec) + reading.tv_nsec / 1000;
}

static apr_status_t let_go(void *data)
{
    backend_t *backend = data;

    apr_socket_timeout_set(backend->socket, backend->timeout);
    ap_remove_input_filter(backend->filter);
    return APR_SUCCESS;
}

/* Until when a read may wait; 0: as long as the member's own time-out says. */
static apr_time_t limit_of(const health_retry_t *retry)
{
    return retry->answer == HEALTH_ANSWER_NONE    ? retry->deadline
           : retry->answer == HEALTH_ANSWER_GIVEN ? 0
                                                  : retry->hold_until;
}

/* The limit is reached. Returns APR_SUCCESS when the read may go on. */
static apr_status_t expire(health_retry_t *retry)
{
    if (retry->answer == HEALTH_ANSWER_DROPPED)
        return APR_TIMEUP;
    if (retry->answer == HEALTH_ANSWER_HELD)
        return health_retry_hold_release(retry, 1);
    /* Only where another attempt follows: the last one may take as long as the member may. */
    retry->deadline = 0;
    if (!health_retry_grant(retry, HEALTH_ATTEMPT_TIMEOUT, 0))
        return APR_SUCCESS;
    retry->attempt = HEALTH_ATTEMPT_TIMEOUT;
    retry->answer = HEALTH_ANSWER_DROPPED;
    retry->timed_out = 1;
    return APR_TIMEUP;
}

/* Sets how long the next read may take, 0: as long as the member may. Returns 1 when that is less
 * than the member's own time. */
static int set_patience(const backend_t *backend, apr_interval_time_t left)
{
    if (left == 0 || (backend->timeout > 0 && left > backend->timeout)) {
        apr_socket_timeout_set(backend->socket, backend->timeout);
        return 0;
    }
    apr_socket_timeout_set(backend->socket, left);
    return 1;
}

static apr_status_t read_in_time(const backend_t *backend, ap_filter_t *f, apr_bucket_brigade *bb,
                                 ap_input_mode_t mode, apr_off_t bytes)
{
    health_retry_t *retry = backend->retry;
    apr_status_t status;

    for (;;) {
        apr_time_t limit = limit_of(retry);
        apr_interval_time_t left = limit ? limit - health_retry_about_now() : 0;
        int patience;

        if (limit != 0 && left <= 0) {
            status = expire(retry);
            if (status != APR_SUCCESS)
                return status;
            continue;
        }
        patience = set_patience(backend, left);
        status = ap_get_brigade(f->next, bb, mode, APR_BLOCK_READ, bytes);
        if (!patience || !APR_STATUS_IS_TIMEUP(status))
            return status;
    }
}

/*
 * One of the lines after the first of a head, which nearly always came with it: without a look at
 * the time, or at the socket. Returns 0 when it has to be waited for.
 */
static int read_at_once(const backend_t *backend, ap_filter_t *f, apr_bucket_brigade *bb,
                        ap_input_mode_t mode, apr_off_t bytes, apr_status_t *status)
{
    if (!backend->in_head || (mode != AP_MODE_GETLINE && mode != AP_MODE_SPECULATIVE))
        return 0;
    *status = ap_get_brigade(f->next, bb, mode, APR_NONBLOCK_READ, bytes);
    return !APR_STATUS_IS_EAGAIN(*status) && (*status != APR_SUCCESS || !APR_BRIGADE_EMPTY(bb));
}

/* Reads the byte at a brigade's front or back, which stays there. Returns 0 when there is none. */
static char byte_of(apr_bucket *piece, int last)
{
    const char *data;
    apr_size_t size;

    return apr_bucket_read(piece, &data, &size, APR_BLOCK_READ) == APR_SUCCESS && size > 0
               ? data[last ? size - 1 : 0]
               : '\0';
}

/* "HTTP/1.# ###"; each answer comes by here. */
static int is_status_line(const char *line)
{
    return memcmp(line, "HTTP/1.", 7) == 0 && apr_isdigit(line[7]) && line[8] == ' ' &&
           apr_isdigit(line[9]) && apr_isdigit(line[10]) && apr_isdigit(line[11]);
}

static void begin_head(backend_t *backend, apr_bucket_brigade *bb)
{
    char line[sizeof("HTTP/1.1 100")] = "";
    apr_size_t size = sizeof(line) - 1;

    if (apr_brigade_flatten(bb, line, &size) != APR_SUCCESS)
        size = 0;
    line[size] = '\0';
    backend->in_head = 1;
    backend->interim = line[sizeof("HTTP/1.1 ") - 1] == '1';
    /* mod_proxy_http hands out as a body, of HTTP/0.9, what begins otherwise. */
    if (!is_status_line(line))
        backend->retry->malformed = 1;
}

/* mod_proxy takes what is not HTTP for an HTTP/0.9 answer, and a head that breaks off for a whole
 * one. */
static void look_at_line(backend_t *backend, apr_bucket_brigade *bb)
{
    char first = byte_of(APR_BRIGADE_FIRST(bb), 0);
    int goes_on = backend->line_open;

    if (!backend->retry->heard) {
        backend->retry->heard = 1;
        health_retry_member_answered(backend->retry);
    }
    backend->line_open = byte_of(APR_BRIGADE_LAST(bb), 1) != '\n';
    if (goes_on)
        return;
    if (first == '\r' || first == '\n') {
        backend->in_body = backend->in_head && !backend->interim;
        backend->retry->headed = (unsigned)backend->in_body;
        backend->in_head = 0;
    } else if (!backend->in_head) {
        begin_head(backend, bb);
    }
}

static void look_at_head(backend_t *backend, apr_bucket_brigade *bb, apr_status_t status)
{
    if (status == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb))
        look_at_line(backend, bb);
    else if (backend->in_head)
        backend->retry->cut = 1;
}

static apr_status_t watch(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                          apr_read_type_e block, apr_off_t bytes)
{
    backend_t *backend = f->ctx;
    apr_status_t status;

    if (block != APR_BLOCK_READ)
        status = ap_get_brigade(f->next, bb, mode, block, bytes);
    else if (!read_at_once(backend, f, bb, mode, bytes, &status))
        status = read_in_time(backend, f, bb, mode, bytes);
    if (APR_STATUS_IS_TIMEUP(status))
        backend->retry->timed_out = 1;
    else if (mode == AP_MODE_GETLINE && !backend->in_body)
        look_at_head(backend, bb, status);
    return status;
}

/* rp took over the connection's filters before this one was among them. */
static void insert(backend_t *backend, request_rec *rp)
{
    conn_rec *origin = rp->connection;
    ap_filter_t *first = origin->input_filters;

    backend->filter =
        ap_add_input_filter_handle(backend->retry->scene->watching, backend, NULL, origin);
    if (rp->input_filters == first)
        rp->input_filters = origin->input_filters;
    if (rp->proto_input_filters == first)
        rp->proto_input_filters = origin->input_filters;
}

/* The TLS handshake with a member, which comes before anything is sent. */

/* Below mod_ssl. Every read has the member's own time again when it is over. */
static apr_status_t watch_handshake(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                    apr_read_type_e block, apr_off_t bytes)
{
    backend_t *backend = f->ctx;
    apr_status_t status;

    if (block != APR_BLOCK_READ ||
        apr_socket_timeout_get(backend->socket, &backend->timeout) != APR_SUCCESS)
        return ap_get_brigade(f->next, bb, mode, block, bytes);
    status = read_in_time(backend, f, bb, mode, bytes);
    apr_socket_timeout_set(backend->socket, backend->timeout);
    if (APR_STATUS_IS_TIMEUP(status))
        backend->retry->timed_out = 1;
    return status;
}

static apr_status_t forget_handshake(void *data)
{
    health_retry_t *retry = data;

    retry->handshake = NULL;
    return APR_SUCCESS;
}

void health_retry_backend_shaken(health_retry_t *retry)
{
    ap_filter_t *filter = retry->handshake;

    if (!filter)
        return;
    apr_pool_cleanup_run(filter->c->pool, retry, forget_handshake);
    ap_remove_input_filter(filter);
}

int health_retry_backend_connection(const health_scene_t *scene, conn_rec *c, void *socket)
{
    health_retry_t *retry = c->outgoing ? health_scene_running(scene) : NULL;
    backend_t *backend;

    if (!retry || !retry->met || retry->config.attempt_timeout <= 0 || retry->handshake ||
        !ap_ssl_conn_is_ssl(c))
        return DECLINED;
    backend = apr_pcalloc(c->pool, sizeof(*backend));
    backend->retry = retry;
    backend->socket = socket;
    retry->deadline = tier_clock_now() + retry->config.attempt_timeout;
    retry->handshake = ap_add_input_filter(HANDSHAKE_NAME, backend, NULL, c);
    apr_pool_cleanup_register(c->pool, retry, forget_handshake, apr_pool_cleanup_null);
    return DECLINED;
}

/* The request has been sent to a member, its answer is to be read. */
static int create_req(request_rec *r, request_rec *rp)
{
    health_retry_t *retry = health_retry_of(r);
    backend_t *backend;

    if (!retry)
        return DECLINED;
    retry->sent = 1;
    health_retry_backend_shaken(retry);
    backend = apr_pcalloc(rp->pool, sizeof(*backend));
    backend->retry = retry;
    backend->socket = ap_get_conn_socket(rp->connection);
    if (!backend->socket ||
        apr_socket_timeout_get(backend->socket, &backend->timeout) != APR_SUCCESS)
        return DECLINED;
    if (retry->config.attempt_timeout > 0)
        retry->deadline = health_retry_about_now() + retry->config.attempt_timeout;
    insert(backend, rp);
    apr_pool_cleanup_register(rp->pool, backend, let_go, apr_pool_cleanup_null);
    if (retry->hedge)
        health_hedge_watch(retry->hedge, rp);
    return DECLINED;
}

ap_filter_rec_t *health_retry_backend_filter(void)
{
    return ap_get_input_filter_handle(FILTER_NAME);
}

void health_retry_backend_register(void)
{
    ap_register_input_filter(HANDSHAKE_NAME, watch_handshake, NULL, AP_FTYPE_NETWORK - 1);
    ap_register_input_filter(FILTER_NAME, watch, NULL, AP_FTYPE_CONNECTION);
    health_hedge_register();
    APR_OPTIONAL_HOOK(proxy, create_req, create_req, NULL, NULL, APR_HOOK_MIDDLE);
}
