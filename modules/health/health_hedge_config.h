/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HEDGE_CONFIG_H
#define HEALTH_HEDGE_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* TierHealthHedge: an entry of command_rec.func. */
const char *health_hedge_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);

/* Tells in the log of each balancer that is to be hedged and has members which cannot be. The
 * check_config hook, after mod_proxy's. */
void health_hedge_check(const server_rec *main_server, apr_pool_t *ptemp);

#endif
