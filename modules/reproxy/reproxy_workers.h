/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_WORKERS_H
#define REPROXY_WORKERS_H

#include <httpd.h>
#include <mod_proxy.h>

#include "reproxy_url.h"

/* A child's mod_proxy workers, one a storage node: each has a pool of connections that are kept
 * between requests. Made on first use; any thread. */
typedef struct reproxy_workers_t reproxy_workers_t;

/* Makes the set, in child_init; *workers is untouched on error. pool: the child's. */
apr_status_t reproxy_workers_create(reproxy_workers_t **workers, apr_pool_t *pool);

/*
 * Returns the worker for the URL's node, NULL when it cannot be made (logged). With TLS it is one
 * of r's virtual host, whose SSLProxy directives hold. connect: how long a connection may take.
 * Over a limit of 1,024 the worker lives in r->pool, and its connection with it.
 */
proxy_worker *reproxy_workers_get(reproxy_workers_t *workers, request_rec *r,
                                  const reproxy_url_t *url, apr_interval_time_t connect);

#endif
