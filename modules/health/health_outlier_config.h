/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_OUTLIER_CONFIG_H
#define HEALTH_OUTLIER_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* TierHealthOutlier: an entry of command_rec.func. */
const char *health_outlier_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);

#endif
