/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_POST_H
#define STATUS_POST_H

#include <httpd.h>

#include "status_route.h"

/* Actions: what an administrator asks a module to do by POST on a status URL. */

/* Returns 1 when the client may act in this section (TierStatusActions), by a name of this server;
 * such a client is told the token. */
int status_post_is_allowed(request_rec *r);

/*
 * Answers a POST: as JSON on the JSON URL, on the page by sending the browser there again. token:
 * what the client has to send. Returns what the handler returns.
 */
int status_post_answer(request_rec *r, status_route_e route, const char *token);

#endif
