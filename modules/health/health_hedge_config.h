/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HEDGE_CONFIG_H
#define HEALTH_HEDGE_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* TierHealthHedge: an entry of command_rec.func. */
const char *health_hedge_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);

#endif
