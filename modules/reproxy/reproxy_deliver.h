/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_DELIVER_H
#define REPROXY_DELIVER_H

#include <httpd.h>
#include <apr_network_io.h>

#include "reproxy_order.h"

/*
 * Answers r with the file that order names. Called by a handler, in its thread, before anything was
 * passed to r->output_filters; r->headers_out holds the fields that go to the client beside those
 * of the file, and order lives as long as r. GET and HEAD, Range, If-Range and conditionals are
 * dealt with here. Copies are tried until one delivers; a body that breaks off is continued from
 * another copy.
 *
 * Returns what the handler is to return: OK (an answer was sent; where its body could not be
 * completed, the client's connection is cut), DONE (a relay has taken both sockets), or an HTTP
 * status with nothing sent: 304, 412 and 416 by the client's conditions, order->absent_status,
 * HTTP_BAD_GATEWAY (no copy may be asked, or gave an answer of use), HTTP_GATEWAY_TIME_OUT (none
 * in time), HTTP_SERVICE_UNAVAILABLE (no copy could be reached, or read to its end). What happened
 * is in the error log.
 */
int reproxy_deliver(request_rec *r, const reproxy_order_t *order);

/*
 * The rest of a body, offered to a relay: the head of the answer has been passed on with a FLUSH,
 * and nothing after it. The storage's answer is not chunked, its connection is plain TCP. It lasts
 * until ended is called.
 */
typedef struct reproxy_handover_t {
    request_rec *r;
    /* Connected and not shared. It stays the caller's, who keeps it until taken or ended is
     * called. */
    apr_socket_t *storage;
    /* Bytes of the body that were read together with the storage's head, and come first: as long.
     */
    const char *buffered;
    apr_size_t buffered_size;
    /* Bytes of the body that the client is still to get, the buffered ones among them. */
    apr_off_t remaining;
    apr_interval_time_t stall; /* the longest pause of the storage that is waited for */
    /*
     * From the handover on, take() included, one call at a time, each in the thread that has r.
     * baton lasts as long.
     * resume: the copy in use failed when the client had sent bytes, counted from the first
     * handover. Opens another copy and fills next with it; waits for it as long as any worker does.
     * An error: there is none. Where the copy's bytes cannot be relayed (TLS, chunks, bytes that
     * the client has got already) next->pull is set, and storage is not.
     * pull: gives the next bytes of the body, valid until the next call; waits for them. An error:
     * there are no more, and no copy has them.
     * taken: the relay has its duplicate of storage, which may be closed without a shutdown, or has
     * read the last byte (is_read_up), and storage may be kept. Not called where a worker gives the
     * whole body.
     * ended: the last call; failure says whether the copy in use had failed.
     */
    apr_status_t (*resume)(void *baton, apr_off_t sent, reproxy_failure_e failure,
                           struct reproxy_handover_t *next);
    apr_status_t (*pull)(void *baton, const char **data, apr_size_t *size);
    void (*taken)(void *baton, int is_read_up);
    void (*ended)(void *baton, apr_off_t sent, reproxy_failure_e failure);
    void *baton;
} reproxy_handover_t;

typedef struct reproxy_relay_t {
    /*
     * Asked before the head is sent: returns 1 when it would take `remaining` bytes of r's body, 0
     * when they are to be sent through r's filters (too short; TLS, HTTP/2, or a filter that may
     * look at them). Must not block.
     */
    int (*wants)(request_rec *r, apr_off_t remaining);
    /*
     * Returns APR_SUCCESS when it has taken over: reproxy_deliver() then touches neither the client
     * nor the storage any more but as it is called, and returns DONE; the whole body may have been
     * sent by then. Any error: nothing was sent, the worker goes on as if nothing had been asked.
     */
    apr_status_t (*take)(const reproxy_handover_t *handover);
} reproxy_relay_t;

#endif
