/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_CONN_H
#define LINGER_CONN_H

#include <httpd.h>
#include <scoreboard.h>

#include "linger_crew.h"
#include "linger_pace.h"

/* What lingering needs to know of the child process; constant but for the crew. */
typedef struct linger_child_t {
    linger_crew_t crew;
    linger_tally_t *tallies; /* in shared memory, one a child slot */
    apr_size_t tally_count;
    int thread_limit;          /* ThreadLimit: how connection ids count */
    apr_uint32_t max_requests; /* in a row on one connection; 0 is no limit */
} linger_child_t;

/* One client connection. From its pool; used by the one thread that holds the connection. */
typedef struct linger_conn_t {
    conn_rec *c;
    server_rec *server; /* of the last request: its TierLinger and KeepAliveTimeout hold */
    linger_child_t *child;
    linger_tally_t *tally;      /* the child's */
    const process_score *score; /* the child's */
    linger_pace_t pace;
    apr_time_t answered;       /* when the last response was done; 0: where TierLinger is off */
    apr_interval_time_t limit; /* how long a worker may linger after it */
    apr_interval_time_t far;   /* a longer gap says that the client is far */
    apr_uint32_t turn;         /* requests lingered for since a worker took the connection */
    int socket;
    unsigned int armed : 1;    /* a response is done and no request was read since */
    unsigned int attached : 1; /* a worker holds it */
    unsigned int waiting : 1;  /* the listener holds it until the next request */
    unsigned int waits : 1; /* the client has sent a request after an answer that it waited for */
    unsigned int pipelines : 1; /* and it has sent one before */
    unsigned int coarse : 1;    /* the worker's timers are, until it lets go of the connection */
    unsigned int closing : 1; /* no more requests; httpd does not tell when such a one is let go */
} linger_conn_t;

/* Makes the record of a new connection, which its worker holds. It stops counting when c's pool
 * goes. */
linger_conn_t *linger_conn_create(conn_rec *c, int socket, linger_child_t *child);

/* Returns how long httpd keeps the connection alive after its last request, microseconds. */
apr_interval_time_t linger_conn_alive(const linger_conn_t *conn);

/* Its worker gave the connection to the listener, or a worker took it from there. */
void linger_conn_suspended(linger_conn_t *conn);
void linger_conn_resumed(linger_conn_t *conn);

/* The connection will have no more requests. */
void linger_conn_closing(linger_conn_t *conn);

#endif
