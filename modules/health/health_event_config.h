/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EVENT_CONFIG_H
#define HEALTH_EVENT_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "health_check.h"

/* Who is told of changes of a member's state: a program, or a URL. */
typedef struct health_event_config_t {
    /* The program's arguments, NULL at the end; with url the first is what the log calls it:
     * without its path, which may be a secret. NULL: nobody is told. */
    const char *const *command;
    const health_check_t *url; /* how it is posted to; NULL: it is a program */
} health_event_config_t;

/* TierHealthEvent: an entry of command_rec.func. */
const char *health_event_config_set(cmd_parms *cmd, void *section, int argc, char *const argv[]);

/* Returns what the directive said; never NULL. post_config. */
const health_event_config_t *health_event_config_of(apr_pool_t *pconf);

#endif
