/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_config.h"

#include <glue.h>

extern module AP_MODULE_DECLARE_DATA tier_reproxy_module;

void *reproxy_config_create(apr_pool_t *pool, char *section)
{
    reproxy_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)section;
    config->is_on = TIER_UNSET;
    return config;
}

void *reproxy_config_merge(apr_pool_t *pool, void *base_section, void *add_section)
{
    const reproxy_config_t *base = base_section, *add = add_section;
    reproxy_config_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, base, add, is_on);
    return merged;
}

const reproxy_config_t *reproxy_config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &tier_reproxy_module);
}

static const char *set_on(cmd_parms *cmd, void *section, int on)
{
    (void)cmd;
    ((reproxy_config_t *)section)->is_on = on;
    return NULL;
}

const command_rec reproxy_config_commands[] = {
    AP_INIT_FLAG("TierReproxy", set_on, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: the application's answers may name the file to send in their place"),
    {NULL}};
