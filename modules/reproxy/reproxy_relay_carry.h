/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_CARRY_H
#define REPROXY_RELAY_CARRY_H

#include <httpd.h>
#include <apr_thread_mutex.h>
#include <http_core.h>

#include "reproxy_relay_engine.h"
#include "reproxy_relay_rest.h"
#include "reproxy_relay_tally.h"

/*
 * Connections whose response body is relayed. How a worker becomes free meanwhile, and comes back:
 *
 * The handler takes part in nothing special: it sends the head, gives the body away and returns.
 * Its worker gives the client what that takes at once; the rest is the relay's.
 * The end-of-request bucket that httpd passes then is kept back by a filter of the connection, so
 * that the request lives and is not logged. Then the connection is parked: its descriptor number
 * becomes a timer's (the socket lives on in a duplicate), and the MPM is told to wait until that is
 * readable (CONN_STATE_ASYNC_WAITIO). The relay makes it readable when the body is through: a
 * worker puts the socket back, passes the end-of-request bucket on, which writes the log line, and
 * the connection goes on with its next request. The timer fires by itself before the MPM's own
 * time-out would end the connection.
 *
 * The MPM so counts the connection all the time: a graceful stop and MaxConnectionsPerChild wait
 * for its end as for any other.
 */

/* What all connections of a child share. Made in child_init; the list under its lock. */
typedef struct reproxy_relay_carry_t reproxy_relay_carry_t;
typedef struct reproxy_relay_child_state_t {
    reproxy_relay_engine_t *engine;
    reproxy_relay_tally_t *tally;
    reproxy_relay_child_t *place;                               /* NULL: not counted */
    APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) * count_bytes; /* mod_logio's; NULL: not loaded */
    apr_thread_mutex_t *lock;
    reproxy_relay_carry_t *carried;
} reproxy_relay_child_state_t;

/* The body that is handed over. */
typedef struct reproxy_relay_body_t {
    int source; /* a stream socket: the caller's, who keeps it until begun or ended is called */
    const char *head; /* bytes read already, which come first: as long */
    apr_size_t head_size;
    apr_off_t length; /* of the body, head included */
    apr_interval_time_t source_stall;
    /*
     * begun: the relay has what it needs of body; is_read_up: its last byte was read from source.
     * Not called where a worker gives the body to its end. next: called by a worker when a source
     * failed after `sent` bytes of the whole body: fills body with another one for the rest and
     * returns APR_SUCCESS, or an error: the client's connection is cut. May take its time. ended:
     * the last call, before r is logged; by a worker, or by the main thread of a child that stops.
     *
     * Where next sets pull, the rest is sent by that worker: pull gives the next bytes, valid until
     * the next call, or an error.
     */
    void (*begun)(void *baton, int is_read_up);
    apr_status_t (*next)(void *baton, apr_off_t sent, reproxy_relay_end_e end,
                         struct reproxy_relay_body_t *body);
    void (*ended)(void *baton, apr_off_t sent, reproxy_relay_end_e end);
    void *baton;
    reproxy_relay_pull_fn pull;
    void *pull_baton;
} reproxy_relay_body_t;

/* Registers the connection filter. */
void reproxy_relay_carry_register(void);

/* Prepares c, at its first request. Returns its record, of c->pool. */
reproxy_relay_carry_t *reproxy_relay_carry_create(conn_rec *c, reproxy_relay_child_state_t *child);

/*
 * Called before the head of r is passed on, with a FLUSH behind it, whose body is to be taken. It
 * is kept back until there is something of the body; where another body is passed on, it goes
 * before that.
 */
void reproxy_relay_carry_expect(reproxy_relay_carry_t *carry, request_rec *r);

/*
 * Takes the body of r, expected before, whose head was passed on and of whose body nothing was.
 * What the client takes at once the worker gives it, and the whole body where there is no room in
 * the relay. When this returns, the body has ended, or the relay has it (the connection is busy).
 * r's handler then returns OK or DONE. Worker thread.
 */
void reproxy_relay_carry_take(reproxy_relay_carry_t *carry, request_rec *r,
                              const reproxy_relay_body_t *body);

/* Returns 1 from when the relay has a body to the end of its request. */
int reproxy_relay_carry_is_busy(const reproxy_relay_carry_t *carry);

/*
 * For a busy connection, called when the request was processed, and when the MPM gives the
 * connection to a worker again: parks it, or ends its request when the body is through. Returns
 * what process_connection is to return; c->cs->state is set.
 */
int reproxy_relay_carry_go_on(reproxy_relay_carry_t *carry);

/* The connection is about to be closed, whatever the relay does. Leaves a connection that is not
 * busy alone. */
void reproxy_relay_carry_abort(reproxy_relay_carry_t *carry);

/* The relay has ended, and no worker runs any more: ends and logs what it carried. */
void reproxy_relay_carry_stop(reproxy_relay_child_state_t *child);

#endif
