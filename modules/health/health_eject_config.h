/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EJECT_CONFIG_H
#define HEALTH_EJECT_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* The directives about ejection, the panic threshold and slow start: each an entry of
 * command_rec.func. */
const char *health_eject_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *health_eject_set_panic(cmd_parms *cmd, void *section, const char *arg);
const char *health_eject_set_slow_start(cmd_parms *cmd, void *section, const char *arg);

#endif
