/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_SETTINGS_H
#define HEALTH_CHECK_SETTINGS_H

#include <httpd.h>
#include <http_config.h>

#include "health_check.h"

/*
 * Takes one setting=value of a check whose kind is known. Strings that stay come from cmd->pool.
 * Returns NULL, or a sentence that names the directive, the setting, the value and what is allowed.
 */
const char *health_check_settings_take(cmd_parms *cmd, health_check_t *check, const char *setting,
                                       const char *value);

/* Returns the words of all kinds, "http, https, ...", from pool. */
const char *health_check_settings_kinds(apr_pool_t *pool);

#endif
