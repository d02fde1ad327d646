/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_REPORT_H
#define LINGER_REPORT_H

#include <webtier/status_provider.h>

#include "linger_conn.h"

/*
 * Fills root with server's settings and the counters of all children; child is NULL where nothing
 * lingers. Nodes live in pool. Any thread.
 */
void linger_report(tier_status_node_t *root, const server_rec *server, const linger_child_t *child,
                   apr_pool_t *pool);

#endif
