/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_CONFIG_H
#define REPROXY_RELAY_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* The relay's directives of a section. Read-only after configuration. */
typedef struct reproxy_relay_config_t {
    int is_on;
    apr_off_t min; /* bytes of the smallest body that is relayed */
} reproxy_relay_config_t;

/* Makes config one in which nothing is set; merges base and add into merged. */
void reproxy_relay_config_init(reproxy_relay_config_t *config);
void reproxy_relay_config_merge(reproxy_relay_config_t *merged, const reproxy_relay_config_t *base,
                                const reproxy_relay_config_t *add);

/* Returns 1 when a body of length bytes may be relayed. Any thread. */
int reproxy_relay_config_allows(const reproxy_relay_config_t *config, apr_off_t length);

/* The setters, for the module's directive table. */
const char *reproxy_relay_config_set_on(cmd_parms *cmd, void *section, int on);
const char *reproxy_relay_config_set_min(cmd_parms *cmd, void *section, const char *arg);
const char *reproxy_relay_config_set_max(cmd_parms *cmd, void *section, const char *arg);

#define REPROXY_RELAY_MAX_DEFAULT 1000

/* Their lines in the module's directive table. */
#define REPROXY_RELAY_COMMANDS                                                                     \
    AP_INIT_FLAG("TierReproxyRelay", reproxy_relay_config_set_on, NULL, RSRC_CONF | ACCESS_CONF,   \
                 "off: each body is sent by the worker of its request"),                           \
        AP_INIT_TAKE1("TierReproxyRelayMin", reproxy_relay_config_set_min, NULL,                   \
                      RSRC_CONF | ACCESS_CONF,                                                     \
                      "the size from which on a body is sent without a worker"),                   \
        AP_INIT_TAKE1("TierReproxyRelayMax", reproxy_relay_config_set_max, NULL, RSRC_CONF,        \
                      "how many bodies each child sends without a worker at once")

#endif
