/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_WIRE_H
#define REPROXY_WIRE_H

#include <httpd.h>
#include <mod_proxy.h>

#include "reproxy_failure.h"
#include "reproxy_url.h"

/*
 * A connection to a storage node, from mod_proxy's pools. In the clear its socket is read and
 * written without a filter in between; over TLS mod_ssl's filters are. One thread at a time.
 */
typedef struct reproxy_wire_t {
    request_rec *r;
    proxy_conn_rec *conn; /* NULL: not open */
    unsigned is_reused : 1;
    unsigned is_tls : 1;
} reproxy_wire_t;

typedef struct reproxy_wire_ask_t {
    const reproxy_url_t *url;
    const apr_array_header_t *allow; /* who may be asked; NULL: nobody */
    int trusted;                     /* ... allow is not asked */
    int fresh;                       /* a new connection, not a kept one */
    apr_interval_time_t connect;     /* the longest wait */
} reproxy_wire_ask_t;

/*
 * Opens a connection. Returns _NONE, _REFUSED (its name is not allowed, nor are all of its
 * addresses), _TIMEOUT or _CONNECT; wire is closed then.
 */
reproxy_failure_e reproxy_wire_open(reproxy_wire_t *wire, request_rec *r,
                                    const reproxy_wire_ask_t *ask);

/* Sends size bytes, waiting for up to timeout for each step. */
apr_status_t reproxy_wire_send(reproxy_wire_t *wire, const char *data, apr_size_t size,
                               apr_interval_time_t timeout);

/* Reads up to *size bytes, at least one, waiting for up to timeout. APR_EOF: the node has closed.
 * APR_TIMEUP. *size becomes what was read. */
apr_status_t reproxy_wire_receive(reproxy_wire_t *wire, char *data, apr_size_t *size,
                                  apr_interval_time_t timeout);

/* Reads up to size bytes of what has come already. Returns how many; 0: none, or it cannot be told
 * (TLS). */
apr_size_t reproxy_wire_take(reproxy_wire_t *wire, char *data, apr_size_t size);

/* Waits until one of count wires can be read, or timeout is over. Returns its index, or -1. */
int reproxy_wire_wait(reproxy_wire_t *const *wires, int count, apr_interval_time_t timeout);

/* Gives the connection back: kept for another request, or closed. Does nothing when it is not
 * open. */
void reproxy_wire_close(reproxy_wire_t *wire, int keep);

#endif
