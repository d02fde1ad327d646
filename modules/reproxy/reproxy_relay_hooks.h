/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_HOOKS_H
#define REPROXY_RELAY_HOOKS_H

#include <httpd.h>

#include <webtier/status_provider.h>

/* Registers the relay's hooks, in the module's register_hooks. */
void reproxy_relay_hooks_register(void);

/*
 * Obtains the shared memory of the counters; where there is none, no relay is started (WT3602).
 * Parent, post_config. Each child then starts its relay, and puts it into the scene.
 */
void reproxy_relay_hooks_post_config(server_rec *main_server);

/* Adds the relay's figures to root. */
void reproxy_relay_hooks_report(tier_status_node_t *root, apr_pool_t *pool);

#endif
