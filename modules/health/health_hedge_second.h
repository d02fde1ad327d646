/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HEDGE_SECOND_H
#define HEALTH_HEDGE_SECOND_H

#include <poll.h>

#include "health_retry.h"

/*
 * The same request at a second member, over a connection of mod_proxy's pool of that member, while
 * the first is still waited for: so nothing here blocks but health_second_read(). The connection is
 * closed at the end, whoever has won. The request's thread.
 */
typedef struct health_second_t {
    request_rec *r;
    proxy_worker *worker; /* NULL: nobody was asked */
    proxy_conn_rec *conn; /* NULL: it is let go of */
    apr_sockaddr_t *address;
    apr_socket_t *socket;
    proxy_server_conf *conf;
    int fd; /* -1: nothing is done yet */
    int connecting;
    char *bytes; /* of the request, from the request's pool */
    apr_size_t size;
    apr_size_t sent;
    apr_time_t began;
} health_second_t;

/* Returns 1 when mod_proxy has all that is needed. Any thread. */
int health_second_possible(void);

/*
 * Chooses a member and makes ready to ask it for the same path, which health_second_go_on() does.
 * Returns 0 where there is none that could be asked at once; then nothing was begun. Begun, it ends
 * with health_second_end().
 */
int health_second_begin(health_second_t *second, const health_retry_t *retry,
                        const proxy_worker *first, proxy_server_conf *conf, const char *path);

/* Returns what to poll for. */
short health_second_events(const health_second_t *second);

/* Begins to connect; then goes on where poll() has said that something is possible. Returns
 * APR_SUCCESS, or why there is no connection. An answer is the caller's to look for. */
apr_status_t health_second_go_on(health_second_t *second, short events);

/* Reads of the answer instead of the first member's connection, each time for as long as timeout
 * says where block does. As ap_get_brigade(). */
apr_status_t health_second_read(health_second_t *second, apr_bucket_brigade *bb,
                                ap_input_mode_t mode, apr_read_type_e block, apr_off_t bytes,
                                apr_interval_time_t timeout);

/* Closes the connection, with what is under way on it. Without one there is nothing to do. */
void health_second_end(health_second_t *second);

#endif
