/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_URL_H
#define HEALTH_RETRY_URL_H

#include <mod_proxy.h>

/*
 * The URL of a request on its way from a balancer to a member, as mod_proxy_balancer makes it. From
 * httpd 2.4.68 on a balancer's URL keeps its path decoded and has no query until a member is
 * chosen; before, it was complete from the start. All in the request's thread and its pool.
 */

/*
 * Makes *url and r->filename, which name the balancer, those of worker: encoded, with the query.
 * Returns OK, or the status to answer with when such a URL can't be sent (control characters).
 */
int health_retry_url_rewrite(request_rec *r, const proxy_worker *worker, char **url);

#endif
