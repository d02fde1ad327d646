/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_BACKEND_H
#define HEALTH_RETRY_BACKEND_H

#include "health_retry.h"

/* The connection to the member, and how long it may take. The request's thread. */

/* Registers the filters and hooks of it. */
void health_retry_backend_register(void);

/* Returns the filter that watches an answer, once it is registered. post_config. */
ap_filter_rec_t *health_retry_backend_filter(void);

/* Returns tier_clock_now(), up to 10 ms late and for a fraction of its cost: for limits that are
 * looked at with each line of an answer. Any thread. */
apr_time_t health_retry_about_now(void);

/* A connection begins: its TLS handshake is watched when it is one to a member, made for a request
 * that this thread is trying. socket: its apr_socket_t. The pre_connection hook, after mod_ssl's.
 */
int health_retry_backend_connection(const health_scene_t *scene, conn_rec *c, void *socket);

/* The attempt is over, or past the handshake: nothing watches that any more. */
void health_retry_backend_shaken(health_retry_t *retry);

#endif
