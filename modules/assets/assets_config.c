/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_hooks.h"

#include "assets_index.h"
#include "assets_url.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define LARGEST_FILE ((apr_off_t)16 * 1024 * 1024 * 1024)
#define LARGEST_SIZE ((apr_off_t)64 * 1024 * 1024 * 1024 * 1024)

void *assets_config_create_server(apr_pool_t *pool, server_rec *server)
{
    assets_server_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
    config->fetch = TIER_UNSET;
    config->fingerprint = TIER_UNSET;
    config->peer_timeout = TIER_UNSET;
    config->hot = TIER_UNSET;
    config->compress = TIER_UNSET;
    config->codings = TIER_UNSET;
    config->max_file = TIER_UNSET;
    config->max_size = TIER_UNSET;
    config->max_age = TIER_UNSET;
    config->not_found = TIER_UNSET;
    config->timeout = TIER_UNSET;
    config->waiters = TIER_UNSET;
    config->patience = TIER_UNSET;
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
    merged->rules = merge_arrays(pool, base->rules, add->rules);
    merged->sources = merge_arrays(pool, base->sources, add->sources);
    merged->live = NULL;
    TIER_MERGE(merged, base, add, fetch);
    TIER_MERGE(merged, base, add, fingerprint);
    TIER_MERGE(merged, base, add, compress);
    TIER_MERGE_POINTER(merged, base, add, peers);
    TIER_MERGE(merged, base, add, peer_timeout);
    TIER_MERGE(merged, base, add, hot);
    TIER_MERGE_POINTER(merged, base, add, versions);
    TIER_MERGE(merged, base, add, codings);
    memcpy(merged->coding, add->codings == TIER_UNSET ? base->coding : add->coding,
           sizeof(merged->coding));
    TIER_MERGE(merged, base, add, max_file);
    TIER_MERGE(merged, base, add, max_size);
    TIER_MERGE(merged, base, add, max_age);
    TIER_MERGE(merged, base, add, not_found);
    TIER_MERGE(merged, base, add, timeout);
    TIER_MERGE(merged, base, add, waiters);
    TIER_MERGE(merged, base, add, patience);
    return merged;
}

void *assets_config_create_directory(apr_pool_t *pool, char *path)
{
    assets_directory_t *config = apr_palloc(pool, sizeof(*config));

    (void)path;
    config->rewrite = TIER_UNSET;
    config->early = TIER_UNSET;
    return config;
}

void *assets_config_merge_directory(apr_pool_t *pool, void *base_config, void *add_config)
{
    const assets_directory_t *base = base_config;
    const assets_directory_t *add = add_config;
    assets_directory_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, base, add, rewrite);
    TIER_MERGE(merged, base, add, early);
    return merged;
}

/* Manifests, and the fingerprints of the asset directories. NULL: neither. */
static const apr_array_header_t *sources_of(const assets_server_t *config, apr_pool_t *pool)
{
    apr_array_header_t *sources;

    if (!config->roots || !TIER_SETTING(config, fingerprint, 0))
        return config->sources;
    sources = config->sources ? apr_array_copy(pool, config->sources)
                              : apr_array_make(pool, 2, sizeof(assets_source_t));
    for (int i = 0; i < config->roots->nelts; i++) {
        const assets_root_t *root = &APR_ARRAY_IDX(config->roots, i, assets_root_t);
        assets_source_t source = {root->prefix, NULL, root->directory};

        source.path = apr_pstrcat(pool, root->directory, "/" ASSETS_INDEX_FILE, NULL);
        APR_ARRAY_PUSH(sources, assets_source_t) = source;
    }
    return sources;
}

void assets_config_read(server_rec *s, apr_pool_t *pconf)
{
    for (; s; s = s->next) {
        const assets_server_t *config = assets_config_of(s);

        for (int i = 0; config->sources && i < config->sources->nelts; i++)
            assets_live_begin(&APR_ARRAY_IDX(config->sources, i, assets_source_t), pconf);
    }
}

apr_status_t assets_config_start(server_rec *s, apr_pool_t *pool)
{
    for (; s; s = s->next) {
        assets_server_t *config = ap_get_module_config(s->module_config, &tier_assets_module);
        const apr_array_header_t *sources = sources_of(config, pool);
        apr_status_t rv;

        config->live = NULL;
        if (!config->rules && !sources)
            continue;
        rv = assets_live_create(&config->live, config->rules, sources,
                                tier_glue_log(s, tier_assets_module.module_index, pool), pool);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
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

static const char *set_fingerprint(cmd_parms *cmd, void *unused, int on)
{
    (void)unused;
    config_for(cmd)->fingerprint = on;
    return NULL;
}

static const char *set_compress(cmd_parms *cmd, void *unused, int on)
{
    (void)unused;
    config_for(cmd)->compress = on;
    return NULL;
}

static const char *set_versions(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    assets_server_t *config = config_for(cmd);

    (void)unused;
    if (argc == 0)
        return "TierAssetsVersions: give off, or names of parameters";
    config->versions = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 0; i < argc; i++) {
        if (argc == 1 && strcasecmp(argv[i], "off") == 0)
            return NULL;
        if (!argv[i][0] || strpbrk(argv[i], "&=?#"))
            return apr_psprintf(cmd->pool,
                                "TierAssetsVersions: \"%s\" is no name of a parameter of a query",
                                argv[i]);
        APR_ARRAY_PUSH(config->versions, const char *) = argv[i];
    }
    return NULL;
}

static const char *add_coding(cmd_parms *cmd, assets_server_t *config, const char *name)
{
    for (int i = 0; i < ASSETS_CODINGS; i++) {
        if (strcmp(name, assets_accept_name((assets_coding_e)i)) != 0)
            continue;
        for (int j = 0; j < config->codings; j++) {
            if ((int)config->coding[j] == i)
                return apr_psprintf(cmd->pool, "TierAssetsVariants: \"%s\" is named twice", name);
        }
        config->coding[config->codings++] = (assets_coding_e)i;
        return NULL;
    }
    return apr_psprintf(cmd->pool,
                        "TierAssetsVariants: \"%s\" is no coding; give off, or some of br, zstd "
                        "and gzip, the best first",
                        name);
}

static const char *set_variants(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    assets_server_t *config = config_for(cmd);
    const char *problem = argc == 0 ? "TierAssetsVariants: give off, or codings" : NULL;

    (void)unused;
    config->codings = 0;
    if (argc == 1 && strcasecmp(argv[0], "off") == 0)
        return NULL;
    for (int i = 0; i < argc && !problem; i++)
        problem = add_coding(cmd, config, argv[i]);
    return problem;
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

static const char *set_hot(cmd_parms *cmd, void *unused, const char *arg)
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)unused;
    if (problem)
        return problem;
    if (strcasecmp(arg, "off") == 0) {
        config_for(cmd)->hot = 0;
        return NULL;
    }
    return tier_glue_parse_size(cmd, arg, 1024 * 1024, LARGEST_FILE, &config_for(cmd)->hot);
}

static const char *add_peer(cmd_parms *cmd, assets_server_t *config, const char *url)
{
    assets_peer_t *peer = apr_pcalloc(cmd->pool, sizeof(*peer));
    apr_port_t port;

    if (!assets_peer_read(url, &peer->name, &port, cmd->pool))
        return apr_psprintf(cmd->pool,
                            "TierAssetsPeers: \"%s\" is no web box; give http://host or "
                            "http://host:port",
                            url);
    if (apr_sockaddr_info_get(&peer->address, peer->name, APR_UNSPEC, port, 0, cmd->pool) !=
        APR_SUCCESS)
        return apr_psprintf(cmd->pool, "TierAssetsPeers: the host of \"%s\" is not known", url);
    peer->name = apr_psprintf(cmd->pool, "%s:%d", peer->name, port);
    APR_ARRAY_PUSH(config->peers, assets_peer_t *) = peer;
    return NULL;
}

static const char *set_peers(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    assets_server_t *config = config_for(cmd);
    const char *problem = argc == 0 ? "TierAssetsPeers: give off, or URLs of web boxes" : NULL;

    (void)unused;
    config->peers = apr_array_make(cmd->pool, 4, sizeof(assets_peer_t *));
    if (argc == 1 && strcasecmp(argv[0], "off") == 0)
        return NULL;
    for (int i = 0; i < argc && !problem; i++) {
        if (strncmp(argv[i], "timeout=", 8) == 0) {
            problem = tier_glue_in_setting(
                cmd, "timeout",
                tier_glue_parse_time(cmd, argv[i] + 8, "s", apr_time_from_msec(10),
                                     apr_time_from_sec(10), &config->peer_timeout));
        } else {
            problem = add_peer(cmd, config, argv[i]);
        }
    }
    return problem;
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

static const char *set_waiters(cmd_parms *cmd, void *unused, const char *number, const char *time)
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)unused;
    if (!problem)
        problem = tier_glue_parse_number(cmd, number, 1, 100000, &config_for(cmd)->waiters);
    if (!problem && time)
        problem = tier_glue_parse_time(cmd, time, "s", apr_time_from_msec(10),
                                       apr_time_from_sec(60), &config_for(cmd)->patience);
    return problem;
}

static const char *set_rewrite(cmd_parms *cmd, void *directory, int on)
{
    (void)cmd;
    ((assets_directory_t *)directory)->rewrite = on;
    return NULL;
}

static const char *set_early(cmd_parms *cmd, void *directory, const char *arg)
{
    static const char *const names[] = {"off", "http2", "on"};

    for (int i = ASSETS_EARLY_OFF; i <= ASSETS_EARLY_ON; i++) {
        if (strcasecmp(arg, names[i]) == 0) {
            ((assets_directory_t *)directory)->early = i;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "TierAssetsEarlyHints: \"%s\" is not off, http2 or on", arg);
}

/* A path, or an URL of http or https, or one without scheme; of characters that mean nothing where
 * references stand. */
static int is_good_end(const char *text)
{
    static const char others[] = "-._~:/?#[]@!$&()*+;=%";
    apr_size_t origin = assets_url_origin_size(text, strlen(text));

    if (text[0] != '/' && origin == 0)
        return 0;
    for (const char *p = text; *p; p++) {
        if (!apr_isalnum(*p) && !strchr(others, *p))
            return 0;
    }
    return origin == 0 || text[origin] == '/';
}

static const char *add_rule(cmd_parms *cmd, void *unused, const char *from, const char *to)
{
    assets_server_t *config = config_for(cmd);
    assets_rule_t rule = {from, to};
    const char *wrong = is_good_end(from) ? to : from;

    (void)unused;
    if (!is_good_end(from) || !is_good_end(to))
        return apr_psprintf(cmd->pool,
                            "TierAssetsMap: \"%s\" is neither a path nor an URL; give /path, "
                            "//host/path or https://host/path of the characters of URLs",
                            wrong);
    if ((from[strlen(from) - 1] == '/') != (to[strlen(to) - 1] == '/'))
        return apr_psprintf(cmd->pool,
                            "TierAssetsMap: \"%s\" and \"%s\" must both end with a slash (all "
                            "below), or neither (this one file)",
                            from, to);
    if (!config->rules)
        config->rules = apr_array_make(cmd->pool, 4, sizeof(assets_rule_t));
    APR_ARRAY_PUSH(config->rules, assets_rule_t) = rule;
    return NULL;
}

static const char *add_source(cmd_parms *cmd, void *unused, const char *prefix, const char *path)
{
    assets_server_t *config = config_for(cmd);
    assets_source_t source = {prefix, ap_server_root_relative(cmd->pool, path), NULL};

    (void)unused;
    if (!is_good_end(prefix) || prefix[strlen(prefix) - 1] != '/')
        return apr_psprintf(cmd->pool,
                            "TierAssetsManifest: \"%s\" is no beginning of references; give a "
                            "path or an URL that ends with a slash",
                            prefix);
    if (!source.path)
        return apr_psprintf(cmd->pool, "TierAssetsManifest: \"%s\" is no path of a file", path);
    if (!config->sources)
        config->sources = apr_array_make(cmd->pool, 2, sizeof(assets_source_t));
    APR_ARRAY_PUSH(config->sources, assets_source_t) = source;
    return NULL;
}

const command_rec assets_config_commands[] = {
    AP_INIT_TAKE2("TierAssets", add_root, NULL, RSRC_CONF,
                  "the beginning of a URL's path, and the directory its files are in"),
    AP_INIT_FLAG("TierAssetsFetch", set_fetch, NULL, RSRC_CONF,
                 "off: files that are missing are not fetched from the application and stored"),
    AP_INIT_FLAG("TierAssetsFingerprint", set_fingerprint, NULL, RSRC_CONF,
                 "on: names with fingerprints of the content are made up for all files"),
    AP_INIT_TAKE_ARGV("TierAssetsVersions", set_versions, NULL, RSRC_CONF,
                      "off, or which parameters of queries name versions of files: ver, v"),
    AP_INIT_FLAG("TierAssetsRewrite", set_rewrite, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: references in pages and style sheets are rewritten as TierAssetsMap says"),
    AP_INIT_TAKE1("TierAssetsEarlyHints", set_early, NULL, RSRC_CONF | ACCESS_CONF,
                  "off, http2 or on: which clients get 103 with what a page's head has them load"),
    AP_INIT_TAKE2("TierAssetsMap", add_rule, NULL, RSRC_CONF,
                  "the beginning of references, and what takes its place"),
    AP_INIT_TAKE2("TierAssetsManifest", add_source, NULL, RSRC_CONF,
                  "the beginning of references, and the manifest.json that names what is below"),
    AP_INIT_TAKE_ARGV("TierAssetsVariants", set_variants, NULL, RSRC_CONF,
                      "off, or which compressed files beside others are sent: br, zstd, gzip"),
    AP_INIT_FLAG("TierAssetsCompress", set_compress, NULL, RSRC_CONF,
                 "on: variants of TierAssetsVariants that are missing are made in the background"),
    AP_INIT_TAKE_ARGV("TierAssetsPeers", set_peers, NULL, RSRC_CONF,
                      "off, or the URLs of web boxes that are asked for missing files first"),
    AP_INIT_TAKE1("TierAssetsHot", set_hot, NULL, RSRC_CONF,
                  "off, or how much of its memory each process takes for files"),
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
    AP_INIT_TAKE12("TierAssetsWaiters", set_waiters, NULL, RSRC_CONF,
                   "how many requests of a process may wait for fetches, and how long more may"),
    {NULL}};
