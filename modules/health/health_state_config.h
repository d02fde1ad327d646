/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_STATE_CONFIG_H
#define HEALTH_STATE_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* TierHealthStateFile: an entry of command_rec.func. */
const char *health_state_set_file(cmd_parms *cmd, void *section, const char *path);

/* Returns the file of this configuration, NULL when there is none. post_config. */
const char *health_state_config_file(apr_pool_t *pconf);

#endif
