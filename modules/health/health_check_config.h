/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_CONFIG_H
#define HEALTH_CHECK_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* TierHealthCheck and TierHealthCheckTemplate, as httpd calls them. */
const char *health_check_config_set(cmd_parms *cmd, void *unused, int argc, char *const argv[]);
const char *health_check_config_template(cmd_parms *cmd, void *unused, int argc,
                                         char *const argv[]);

#endif
