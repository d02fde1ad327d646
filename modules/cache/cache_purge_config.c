/* SPDX-License-Identifier: Apache-2.0 */
/* The directives of purging. */
#include "cache_hooks.h"

#include <apr_strings.h>

#include <string.h>

static int add_network(apr_array_header_t **networks, const char *arg, apr_pool_t *pool)
{
    char *address = apr_pstrdup(pool, arg);
    char *mask = strchr(address, '/');
    apr_ipsubnet_t *network;

    if (mask)
        *mask++ = '\0';
    if (apr_ipsubnet_create(&network, address, mask, pool) != APR_SUCCESS)
        return 0;
    if (!*networks)
        *networks = apr_array_make(pool, 4, sizeof(apr_ipsubnet_t *));
    APR_ARRAY_PUSH(*networks, apr_ipsubnet_t *) = network;
    return 1;
}

const char *cache_purge_config_allow(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    int is_local = strcmp(arg, "local") == 0;

    (void)directory;
    if (is_local ? add_network(&config->purge_local, "127.0.0.0/8", cmd->pool) &&
                       add_network(&config->purge_local, "::1", cmd->pool)
                 : add_network(&config->purge_allow, arg, cmd->pool))
        return NULL;
    return apr_psprintf(cmd->pool,
                        "%s \"%s\": give addresses or networks as for Require ip, or local",
                        cmd->cmd->name, arg);
}

static int is_in(const apr_array_header_t *networks, apr_sockaddr_t *address)
{
    for (int i = 0; networks && i < networks->nelts; i++) {
        if (apr_ipsubnet_test(APR_ARRAY_IDX(networks, i, apr_ipsubnet_t *), address))
            return 1;
    }
    return 0;
}

/* A proxy on this machine does not make everybody it serves local. */
static int is_forwarded(const request_rec *r)
{
    static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (apr_table_get(r->headers_in, names[i]))
            return 1;
    }
    return 0;
}

static int admits(const request_rec *r, apr_sockaddr_t *address)
{
    const cache_server_t *config = cache_config_of(r->server);

    return is_in(config->purge_allow, address) ||
           (is_in(config->purge_local, address) && !is_forwarded(r));
}

/* Who opened the connection, and who mod_remoteip says stands behind it. */
int cache_purge_config_admits(const request_rec *r)
{
    return admits(r, r->connection->client_addr) && admits(r, r->useragent_addr);
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
        if (cache_config_of(server)->purge_allow || cache_config_of(server)->purge_local)
            return 1;
    }
    return 0;
}
