/* SPDX-License-Identifier: Apache-2.0 */
#include "status_config.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>

#include "glue.h"
#include "status_route.h"

void *status_config_create(apr_pool_t *pool, char *path)
{
    (void)path;
    return apr_pcalloc(pool, sizeof(status_config_t));
}

void *status_config_merge(apr_pool_t *pool, void *base_baton, void *add_baton)
{
    const status_config_t *base = base_baton, *add = add_baton;
    status_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    TIER_MERGE_POINTER(merged, base, add, access);
    TIER_MERGE_POINTER(merged, base, add, actors);
    return merged;
}

static const char *admit(cmd_parms *cmd, tier_access_t **access, const char *word)
{
    if (!*access)
        *access = tier_access_make(cmd->pool);
    if (tier_access_admit(*access, word, cmd->pool))
        return NULL;
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is not allowed: expected local, all, an IP address or a "
                        "network such as 10.0.0.0/8",
                        cmd->cmd->name, word);
}

static const char *set_allow(cmd_parms *cmd, void *config, const char *word)
{
    return admit(cmd, &((status_config_t *)config)->access, word);
}

static const char *set_actions(cmd_parms *cmd, void *config, const char *word)
{
    tier_access_t **actors = &((status_config_t *)config)->actors;

    if (strcasecmp(word, "off") != 0)
        return admit(cmd, actors, word);
    *actors = tier_access_make(cmd->pool);
    return NULL;
}

const command_rec status_config_directives[] = {
    AP_INIT_ITERATE("TierStatusAllow", set_allow, NULL, RSRC_CONF | ACCESS_CONF,
                    "who may read the status: local, all, IP addresses and networks"),
    AP_INIT_ITERATE("TierStatusActions", set_actions, NULL, RSRC_CONF | ACCESS_CONF,
                    "who may act on the status page: off, local, all, IP addresses and networks"),
    {NULL},
};

static const status_config_t *config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &tier_status_module);
}

static const tier_access_t *or_local(const tier_access_t *access, apr_pool_t *pool)
{
    tier_access_t *local;

    if (access)
        return access;
    local = tier_access_make(pool);
    tier_access_admit(local, "local", pool);
    return local;
}

const tier_access_t *status_config_access(request_rec *r)
{
    return or_local(config_of(r)->access, r->pool);
}

const tier_access_t *status_config_actors(request_rec *r)
{
    return or_local(config_of(r)->actors, r->pool);
}

/* SetHandler's argument is an expression, also when it is a plain word. */
static int sets_our_handler(request_rec *r, const core_dir_config *section)
{
    const char *error = NULL;
    const char *handler = section->handler;

    if (section->expr_handler)
        handler = ap_expr_str_exec(r, section->expr_handler, &error);
    return handler && !error && strcmp(handler, STATUS_HANDLER) == 0;
}

const char *status_config_base(request_rec *r)
{
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    const char *base = NULL;

    for (int i = 0; i < server->sec_url->nelts; i++) {
        const core_dir_config *section =
            ap_get_core_module_config(APR_ARRAY_IDX(server->sec_url, i, ap_conf_vector_t *));

        if (section->r || section->d_is_fnmatch || !status_route_within(r->uri, section->d))
            continue;
        if (sets_our_handler(r, section) && (!base || strlen(section->d) < strlen(base)))
            base = section->d;
    }
    return base;
}
