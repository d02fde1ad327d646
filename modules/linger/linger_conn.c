/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_conn.h"

#include <http_core.h>

#include <clock.h>

#include "linger_wait.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 135)
#define CONN_STATE_KEEPALIVE CONN_STATE_CHECK_REQUEST_LINE_READABLE
#endif

static void attach(linger_conn_t *conn, apr_time_t now)
{
    if (!conn->closing && !conn->attached) {
        conn->attached = 1;
        linger_crew_attach(&conn->child->crew, now);
    }
}

static void detach(linger_conn_t *conn)
{
    if (conn->coarse) {
        conn->coarse = 0;
        linger_wait_be_exact();
    }
    if (conn->attached) {
        conn->attached = 0;
        linger_crew_detach(&conn->child->crew);
    }
}

static apr_status_t forget(void *data)
{
    linger_conn_t *conn = data;

    detach(conn);
    linger_crew_closed(&conn->child->crew);
    return APR_SUCCESS;
}

linger_conn_t *linger_conn_create(conn_rec *c, int socket, linger_child_t *child)
{
    apr_size_t slot = (apr_size_t)(c->id / child->thread_limit);
    linger_conn_t *conn;

    linger_crew_opened(&child->crew);
    conn = apr_pcalloc(c->pool, sizeof(*conn));
    conn->c = c;
    conn->server = c->base_server;
    conn->socket = socket;
    conn->child = child;
    conn->tally = &child->tallies[slot % child->tally_count];
    conn->score = ap_get_scoreboard_process((int)slot);
    apr_pool_cleanup_register(c->pool, conn, forget, apr_pool_cleanup_null);
    attach(conn, tier_clock_now());
    return conn;
}

apr_interval_time_t linger_conn_alive(const linger_conn_t *conn)
{
    const server_rec *server = conn->server;

    return server->keep_alive_timeout_set ? server->keep_alive_timeout
                                          : conn->c->base_server->keep_alive_timeout;
}

void linger_conn_suspended(linger_conn_t *conn)
{
    conn->waiting = conn->c->cs->state == CONN_STATE_KEEPALIVE;
    detach(conn);
}

/* Closed before KeepAliveTimeout by a child that does not stop: httpd was out of idle workers. */
static void note_early_close(linger_conn_t *conn, apr_time_t now)
{
    linger_crew_t *crew = &conn->child->crew;

    if (conn->answered && now - conn->answered < linger_conn_alive(conn) &&
        !tier_atomic_load(&crew->stopping)) {
        linger_tally_add(conn->tally, LINGER_STARVED);
        linger_crew_starved(crew, now);
    }
}

static void note_request(linger_conn_t *conn, apr_time_t now)
{
    if (conn->answered) {
        linger_pace_passed(&conn->pace, now - conn->answered, conn->limit, conn->far);
    }
}

void linger_conn_resumed(linger_conn_t *conn)
{
    apr_time_t now = tier_clock_now();

    if (conn->c->cs->state == CONN_STATE_LINGER) {
        if (conn->waiting) {
            note_early_close(conn, now);
        }
        linger_conn_closing(conn);
    } else if (conn->waiting) {
        note_request(conn, now);
    }
    conn->waiting = 0;
    conn->turn = 0;
    attach(conn, now);
}

void linger_conn_closing(linger_conn_t *conn)
{
    conn->closing = 1;
}
