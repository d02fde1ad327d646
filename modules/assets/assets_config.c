/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_hooks.h"

#include <apr_strings.h>

#include <string.h>

#define LARGEST_FILE ((apr_off_t)16 * 1024 * 1024 * 1024)
#define LARGEST_SIZE ((apr_off_t)64 * 1024 * 1024 * 1024 * 1024)

void *assets_config_create_server(apr_pool_t *pool, server_rec *server)
{
    assets_server_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
    config->fetch = TIER_UNSET;
    config->max_file = TIER_UNSET;
    config->max_size = TIER_UNSET;
    config->max_age = TIER_UNSET;
    config->not_found = TIER_UNSET;
    config->timeout = TIER_UNSET;
    return config;
}

/* Lines of a virtual host come before those of the main server: of two equal prefixes, the first is
 * used. */
static apr_array_header_t *merge_arrays(apr_pool_t *pool, apr_array_header_t *base,
                                        apr_array_header_t *add)
{
    if (!base || !add)
        return add ? add : base;
    return apr_array_append(pool, add, base);
}

void *assets_config_merge_server(apr_pool_t *pool, void *base_config, void *add_config)
{
    const assets_server_t *base = base_config;
    const assets_server_t *add = add_config;
    assets_server_t *merged = apr_palloc(pool, sizeof(*merged));

    merged->roots = merge_arrays(pool, base->roots, add->roots);
    TIER_MERGE(merged, base, add, fetch);
    TIER_MERGE(merged, base, add, max_file);
    TIER_MERGE(merged, base, add, max_size);
    TIER_MERGE(merged, base, add, max_age);
    TIER_MERGE(merged, base, add, not_found);
    TIER_MERGE(merged, base, add, timeout);
    return merged;
}

const assets_server_t *assets_config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &tier_assets_module);
}

const assets_root_t *assets_config_root(const assets_server_t *config, const char *uri)
{
    const assets_root_t *found = NULL;

    for (int i = 0; config->roots && i < config->roots->nelts; i++) {
        const assets_root_t *root = &APR_ARRAY_IDX(config->roots, i, assets_root_t);

        if ((!found || root->prefix_size > found->prefix_size) &&
            strncmp(uri, root->prefix, root->prefix_size) == 0)
            found = root;
    }
    return found;
}

static assets_server_t *config_for(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &tier_assets_module);
}

static const char *add_root(cmd_parms *cmd, void *unused, const char *prefix, const char *directory)
{
    assets_server_t *config = config_for(cmd);
    apr_size_t size = strlen(prefix);
    assets_root_t root;
    char *path;

    (void)unused;
    if (prefix[0] != '/')
        return apr_psprintf(cmd->pool,
                            "TierAssets: \"%s\" is no path of a URL; give one that begins with /",
                            prefix);
    root.prefix = prefix[size - 1] == '/' ? prefix : apr_pstrcat(cmd->pool, prefix, "/", NULL);
    root.prefix_size = strlen(root.prefix);
    path = ap_server_root_relative(cmd->pool, directory);
    if (!path)
        return apr_psprintf(cmd->pool, "TierAssets: \"%s\" is no path of a directory", directory);
    size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        path[--size] = '\0';
    root.directory = path;
    if (!config->roots)
        config->roots = apr_array_make(cmd->pool, 2, sizeof(assets_root_t));
    APR_ARRAY_PUSH(config->roots, assets_root_t) = root;
    return NULL;
}

static const char *set_fetch(cmd_parms *cmd, void *unused, int on)
{
    (void)unused;
    config_for(cmd)->fetch = on;
    return NULL;
}

static const char *set_max_file(cmd_parms *cmd, void *unused, const char *arg)
{
    (void)unused;
    return tier_glue_parse_size(cmd, arg, 1, LARGEST_FILE, &config_for(cmd)->max_file);
}

static const char *set_max_size(cmd_parms *cmd, void *unused, const char *arg)
{
    (void)unused;
    return tier_glue_parse_size(cmd, arg, 1024 * 1024, LARGEST_SIZE, &config_for(cmd)->max_size);
}

static const char *set_max_age(cmd_parms *cmd, void *unused, const char *arg)
{
    (void)unused;
    return tier_glue_parse_time(cmd, arg, "s", 0, apr_time_from_sec(365 * 86400),
                                &config_for(cmd)->max_age);
}

static const char *set_not_found(cmd_parms *cmd, void *unused, const char *arg)
{
    (void)unused;
    return tier_glue_parse_time(cmd, arg, "s", 0, apr_time_from_sec(3600),
                                &config_for(cmd)->not_found);
}

static const char *set_timeout(cmd_parms *cmd, void *unused, const char *arg)
{
    (void)unused;
    return tier_glue_parse_time(cmd, arg, "s", apr_time_from_msec(100), apr_time_from_sec(3600),
                                &config_for(cmd)->timeout);
}

const command_rec assets_config_commands[] = {
    AP_INIT_TAKE2("TierAssets", add_root, NULL, RSRC_CONF,
                  "the beginning of a URL's path, and the directory its files are in"),
    AP_INIT_FLAG("TierAssetsFetch", set_fetch, NULL, RSRC_CONF,
                 "off: files that are missing are not fetched from the application and stored"),
    AP_INIT_TAKE1("TierAssetsMaxFile", set_max_file, NULL, RSRC_CONF,
                  "the largest file that is stored"),
    AP_INIT_TAKE1("TierAssetsMaxSize", set_max_size, NULL, RSRC_CONF,
                  "how much all fetched files of a directory may take"),
    AP_INIT_TAKE1("TierAssetsMaxAge", set_max_age, NULL, RSRC_CONF,
                  "how long a fetched file is used where the application does not say"),
    AP_INIT_TAKE1("TierAssetsNotFound", set_not_found, NULL, RSRC_CONF,
                  "how long it is remembered that the application has no such file; 0: not at all"),
    AP_INIT_TAKE1("TierAssetsTimeout", set_timeout, NULL, RSRC_CONF,
                  "the longest that a fetch may take"),
    {NULL}};
