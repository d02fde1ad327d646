/* SPDX-License-Identifier: Apache-2.0 */
/* The directives of purging. */
#include "cache_hooks.h"

#include <apr_strings.h>

#include <string.h>

/* Purging is for a few: "all" would be everybody. */
const char *cache_purge_config_allow(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    if (!config->purge_allow)
        config->purge_allow = tier_access_make(cmd->pool);
    if (strcmp(arg, "all") != 0 && tier_access_admit(config->purge_allow, arg, cmd->pool))
        return NULL;
    return apr_psprintf(cmd->pool,
                        "%s \"%s\": give addresses or networks as for Require ip, or local",
                        cmd->cmd->name, arg);
}

int cache_purge_config_admits(const request_rec *r)
{
    const tier_access_t *access = cache_config_of(r->server)->purge_allow;

    return access && tier_glue_admits(r, access);
}

const char *cache_purge_config_tags(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    if (!cache_text_is_token(cache_text_span(arg)))
        return apr_psprintf(cmd->pool, "%s \"%s\": this is no name of a header field",
                            cmd->cmd->name, arg);
    if (!config->tag_fields)
        config->tag_fields = apr_array_make(cmd->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(config->tag_fields, const char *) = arg;
    return NULL;
}

const char *cache_purge_config_strip(cmd_parms *cmd, void *directory, int on)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    config->strip_tags = on;
    return NULL;
}

int cache_purge_config_is_used(const server_rec *main_server)
{
    for (const server_rec *server = main_server; server; server = server->next) {
        if (cache_config_of(server)->purge_allow)
            return 1;
    }
    return 0;
}
