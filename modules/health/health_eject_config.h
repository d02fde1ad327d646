/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EJECT_CONFIG_H
#define HEALTH_EJECT_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* Reads "50%", min to 100, into *field. Returns NULL, or a sentence from cmd->temp_pool. */
const char *health_eject_parse_percent(cmd_parms *cmd, const char *value, apr_int64_t min,
                                       apr_uint32_t *field);

/* The directives about ejection, the panic threshold and slow start: each an entry of
 * command_rec.func. */
const char *health_eject_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *health_eject_set_panic(cmd_parms *cmd, void *section, const char *arg);
const char *health_eject_set_requires(cmd_parms *cmd, void *section, const char *arg);
const char *health_eject_set_slow_start(cmd_parms *cmd, void *section, const char *arg);

#endif
