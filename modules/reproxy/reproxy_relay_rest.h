/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_REST_H
#define REPROXY_RELAY_REST_H

#include <apr_time.h>

#include "reproxy_relay_job.h"

/* Gives the next bytes of a body, valid until the next call; an error: there are no more. */
typedef apr_status_t (*reproxy_relay_pull_fn)(void *baton, const char **data, apr_size_t *size);

/*
 * Sends length bytes that pull gives to the non-blocking socket, in the caller's thread, waiting up
 * to timeout for each step of the client. *sent grows by what the socket took. Returns
 * REPROXY_RELAY_COMPLETE, _CLIENT_GONE, _CLIENT_STALLED, or _SOURCE_ENDED when pull gave an error.
 */
reproxy_relay_end_e reproxy_relay_rest_send(int socket, apr_interval_time_t timeout,
                                            apr_int64_t length, reproxy_relay_pull_fn pull,
                                            void *baton, apr_int64_t *sent);

#endif
