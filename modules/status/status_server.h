/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_SERVER_H
#define STATUS_SERVER_H

#include <httpd.h>
#include <webtier/status_provider.h>

/*
 * Appends what httpd knows of itself: software, MPM, generation, start, workers and connections
 * from the scoreboard. Reads shared memory only: one look at each worker's slot. Any thread of a
 * child.
 */
void status_server_report(tier_status_node_t *server, apr_time_t now, apr_pool_t *pool);

#endif
