/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that takes its answer more slowly than the application makes it: others wait for that
 * answer, and are not to wait for this client. What it does not take yet is kept, until the answer
 * is complete and stored; of no more than TierCacheMaxSize, as what is larger is not stored.
 *
 * Whether a stream of HTTP/2 is slow cannot be seen: it waits in the filter behind. It says since
 * when it does (cache_herd_sends).
 */
#include "cache_filter.h"

#include <http_core.h>

#include <apr_portable.h>

#include <poll.h>

/* httpd keeps so much for a client before it waits for it. */
#define KEPT_BY_HTTPD ((apr_size_t)64 * 1024)

/* A piece is so small that httpd hardly waits for the client to take it. */
#define PIECE 16384

/* A connection that is over is not slow: writing to it tells. */
static int is_slow(const request_rec *r)
{
    apr_socket_t *socket = ap_get_conn_socket(r->connection);
    struct pollfd client = {-1, POLLOUT, 0};

    if (!socket || apr_os_sock_get(&client.fd, socket) != APR_SUCCESS)
        return 0;
    return poll(&client, 1, 0) == 0;
}

/* Says whether httpd waits for the client before it has taken brigade, whatever it kept before. */
static int is_much(const apr_bucket_brigade *brigade)
{
    apr_size_t size = 0;

    for (const apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b))
        size += b->length;
    return size > KEPT_BY_HTTPD;
}

int cache_filter_drop(apr_bucket_brigade *brigade, const apr_bucket_type_t *type)
{
    apr_bucket *next;
    int dropped = 0;

    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade); b = next) {
        next = APR_BUCKET_NEXT(b);
        if (b->type == type) {
            apr_bucket_delete(b);
            dropped = 1;
        }
    }
    return dropped;
}

/* Of what is flushed httpd waits for every byte. Says whether there was something to flush. */
static int drop_flushes(apr_bucket_brigade *brigade)
{
    return cache_filter_drop(brigade, &apr_bucket_type_flush);
}

/*
 * Sends what httpd keeps although the client would take it: less than it makes a write for, and
 * less than the client has room for. brigade is empty.
 */
static apr_status_t flush_unless_slow(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    apr_status_t rv;

    if (is_slow(f->r))
        return APR_SUCCESS;
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(f->r->connection->bucket_alloc));
    rv = ap_pass_brigade(f->next, brigade);
    apr_brigade_cleanup(brigade);
    return rv;
}

static int is_awaited(const cache_request_t *state, const request_rec *r)
{
    return state->saving && state->herd.is_leader && !cache_herd_is_revalidation(r);
}

static int can_be_held(const cache_request_t *state, const request_rec *r)
{
    return is_awaited(state, r) && !r->connection->master;
}

static int is_holding(const cache_request_t *state)
{
    return state->held && !APR_BRIGADE_EMPTY(state->held);
}

/* Where httpd keeps nothing for the client it will keep this, and send what it can of it. */
static int may_wait(const request_rec *r, const apr_bucket_brigade *brigade)
{
    return r->connection->data_in_output_filters || is_much(brigade);
}

static apr_status_t pass_piece(cache_request_t *state, ap_filter_t *f)
{
    apr_bucket_brigade *piece = state->held;
    apr_bucket *end;
    apr_status_t rv = apr_brigade_partition(piece, PIECE, &end);

    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE)
        return rv;
    state->held = apr_brigade_split(piece, end);
    rv = ap_pass_brigade(f->next, piece);
    apr_brigade_destroy(piece);
    return rv;
}

/* All of the answer is here, or nobody waits for it any more. */
static apr_status_t pass_all(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    apr_status_t rv;

    APR_BRIGADE_CONCAT(state->held, brigade);
    rv = ap_pass_brigade(f->next, state->held);
    apr_brigade_cleanup(state->held);
    return rv;
}

static apr_status_t hold(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    int is_flushed = drop_flushes(brigade);
    apr_status_t rv;

    if (!state->held)
        state->held = apr_brigade_create(f->r->pool, f->r->connection->bucket_alloc);
    rv = ap_save_brigade(f, &state->held, &brigade, f->r->pool);
    while (rv == APR_SUCCESS && is_holding(state) && !is_slow(f->r))
        rv = pass_piece(state, f);
    if (rv == APR_SUCCESS && is_flushed && !is_holding(state))
        rv = flush_unless_slow(f, state->held);
    if (rv != APR_SUCCESS)
        apr_brigade_cleanup(state->held);
    return rv;
}

/* httpd waits for nothing of it, unless it is told to flush. */
static apr_status_t pass_little(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    int is_flushed = drop_flushes(brigade);
    apr_status_t rv = APR_SUCCESS;

    if (!APR_BRIGADE_EMPTY(brigade))
        rv = ap_pass_brigade(f->next, brigade);
    if (rv != APR_SUCCESS || !is_flushed)
        return rv;
    apr_brigade_cleanup(brigade);
    return flush_unless_slow(f, brigade);
}

int cache_hold_is_slow(const cache_request_t *state, const request_rec *r)
{
    const conn_rec *c = r->connection;

    return is_holding(state) ||
           (can_be_held(state, r) && (c->data_in_output_filters || is_slow(r)));
}

/* A stream's client may keep it waiting. */
static apr_status_t pass_to_stream(cache_request_t *state, ap_filter_t *f,
                                   apr_bucket_brigade *brigade)
{
    apr_status_t rv;

    cache_herd_sends(state, 1);
    rv = ap_pass_brigade(f->next, brigade);
    cache_herd_sends(state, 0);
    return rv;
}

apr_status_t cache_hold_pass(cache_request_t *state, ap_filter_t *f, apr_bucket_brigade *brigade)
{
    if (can_be_held(state, f->r))
        return is_holding(state) || may_wait(f->r, brigade) ? hold(state, f, brigade)
                                                            : pass_little(f, brigade);
    if (is_holding(state))
        return pass_all(state, f, brigade);
    return f->r->connection->master && is_awaited(state, f->r) ? pass_to_stream(state, f, brigade)
                                                               : ap_pass_brigade(f->next, brigade);
}
