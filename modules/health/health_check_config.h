/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_CONFIG_H
#define HEALTH_CHECK_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "health_service.h"

/* TierHealthCheck and TierHealthCheckTemplate, as httpd calls them. */
const char *health_check_config_set(cmd_parms *cmd, void *unused, int argc, char *const argv[]);
const char *health_check_config_template(cmd_parms *cmd, void *unused, int argc,
                                         char *const argv[]);

/*
 * Makes the service that the name of a template stands for, from cmd->pool. Returns NULL, or a
 * sentence that says why there is none.
 */
const char *health_check_config_service(cmd_parms *cmd, const char *name,
                                        const health_service_t **service);

#endif
