/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_hooks.h"

#include "cache_shm.h"
#include "memcache.h"

#include <apr_strings.h>

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LARGEST_SIZE  ((apr_off_t)64 * 1024 * 1024 * 1024)
#define LONGEST_STALE apr_time_from_sec(365 * 86400)
#define LARGEST_BODY  ((apr_off_t)64 * 1024 * 1024)

void *cache_config_create_server(apr_pool_t *pool, server_rec *server)
{
    cache_server_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
    config->enabled = TIER_UNSET;
    config->quick = TIER_UNSET;
    config->max_size = TIER_UNSET;
    config->size = TIER_UNSET;
    config->timeout = TIER_UNSET;
    config->local_ttl = TIER_UNSET;
    config->waiters = TIER_UNSET;
    config->wait = TIER_UNSET;
    config->stale_while_revalidate = TIER_UNSET;
    config->stale_if_error = TIER_UNSET;
    config->heuristic_percent = TIER_UNSET;
    config->heuristic_longest = TIER_UNSET;
    config->strip_tags = TIER_UNSET;
    config->finish = TIER_UNSET;
    return config;
}

void *cache_config_merge_server(apr_pool_t *pool, void *base_config, void *add_config)
{
    const cache_server_t *base = base_config;
    const cache_server_t *add = add_config;
    cache_server_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, base, add, enabled);
    TIER_MERGE(merged, base, add, quick);
    TIER_MERGE(merged, base, add, max_size);
    TIER_MERGE(merged, base, add, size);
    TIER_MERGE(merged, base, add, timeout);
    TIER_MERGE(merged, base, add, local_ttl);
    TIER_MERGE(merged, base, add, waiters);
    TIER_MERGE(merged, base, add, wait);
    TIER_MERGE(merged, base, add, stale_while_revalidate);
    TIER_MERGE(merged, base, add, stale_if_error);
    TIER_MERGE(merged, base, add, heuristic_percent);
    TIER_MERGE(merged, base, add, heuristic_longest);
    TIER_MERGE(merged, base, add, strip_tags);
    TIER_MERGE(merged, base, add, finish);
    TIER_MERGE_POINTER(merged, base, add, servers);
    TIER_MERGE_POINTER(merged, base, add, key_parts);
    TIER_MERGE_POINTER(merged, base, add, purge_allow);
    TIER_MERGE_POINTER(merged, base, add, tag_fields);
    merged->elsewhere = NULL;
    merged->enabled_below = base->enabled_below | add->enabled_below;
    return merged;
}

const cache_server_t *cache_config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &tier_cache_module);
}

int cache_config_is_enabled(const request_rec *r)
{
    const cache_directory_t *directory = cache_directory_of(r);

    if (directory->enabled != TIER_UNSET)
        return directory->enabled;
    return cache_config_of(r->server)->enabled == 1;
}

apr_off_t cache_config_largest(const server_rec *main_server)
{
    apr_off_t largest = 0;

    for (const server_rec *server = main_server; server; server = server->next) {
        apr_off_t size = TIER_SETTING(cache_config_of(server), max_size, 0);
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* In a directory context cmd->path is set, and directory is that directory's configuration. */
static const char *set_enabled(cmd_parms *cmd, void *directory, int on)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    if (cmd->path) {
        ((cache_directory_t *)directory)->enabled = on;
        config->enabled_below |= on;
    } else {
        config->enabled = on;
    }
    return NULL;
}

static const char *set_quick(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    if (strcasecmp(arg, "on") == 0)
        config->quick = CACHE_QUICK_ON;
    else if (strcasecmp(arg, "off") == 0)
        config->quick = CACHE_QUICK_OFF;
    else if (strcasecmp(arg, "auto") == 0)
        config->quick = CACHE_QUICK_AUTO;
    else
        return apr_psprintf(cmd->pool, "%s \"%s\": on, off and auto are allowed", cmd->cmd->name,
                            arg);
    return NULL;
}

static const char *set_finish(cmd_parms *cmd, void *directory, int on)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    config->finish = on;
    return NULL;
}

static const char *set_max_size(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    return tier_glue_parse_size(cmd, arg, 1, LARGEST_BODY, &config->max_size);
}

static const char *set_size(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)directory;
    if (problem)
        return problem;
    return tier_glue_parse_size(cmd, arg, (apr_off_t)CACHE_SHM_SMALLEST, LARGEST_SIZE,
                                &config->size);
}

static const char *set_timeout(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)directory;
    if (problem)
        return problem;
    return tier_glue_parse_time(cmd, arg, "s", apr_time_from_msec(1), apr_time_from_sec(10),
                                &config->timeout);
}

static const char *set_local_ttl(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)directory;
    if (problem)
        return problem;
    return tier_glue_parse_time(cmd, arg, "s", 0, apr_time_from_sec(60), &config->local_ttl);
}

static const char *set_wait(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    return tier_glue_parse_time(cmd, arg, "s", 0, apr_time_from_sec(60), &config->wait);
}

static const char *set_stale_while_revalidate(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    return tier_glue_parse_time(cmd, arg, "s", 0, LONGEST_STALE, &config->stale_while_revalidate);
}

static const char *set_stale_if_error(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);

    (void)directory;
    return tier_glue_parse_time(cmd, arg, "s", 0, LONGEST_STALE, &config->stale_if_error);
}

static const char *set_heuristic(cmd_parms *cmd, void *directory, const char *percent,
                                 const char *longest)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = tier_glue_parse_number(cmd, percent, 0, 100, &config->heuristic_percent);

    (void)directory;
    config->heuristic_longest = CACHE_DEFAULT_LONGEST;
    if (problem || !longest)
        return problem;
    return tier_glue_parse_time(cmd, longest, "s", apr_time_from_sec(1), LONGEST_STALE,
                                &config->heuristic_longest);
}

static const char *set_waiters(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)directory;
    if (problem)
        return problem;
    return tier_glue_parse_number(cmd, arg, 0, 100000, &config->waiters);
}

static int has_server(const apr_array_header_t *servers, const char *server)
{
    for (int i = 0; i < servers->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(servers, i, const char *), server) == 0)
            return 1;
    }
    return 0;
}

/* Called once for each of the directive's arguments. */
static const char *add_server(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)directory;
    if (problem)
        return problem;
    problem = tier_memcache_check_server(arg, cmd->temp_pool);
    if (problem)
        return apr_psprintf(cmd->pool, "%s \"%s\": %s", cmd->cmd->name, arg, problem);
    if (!config->servers)
        config->servers = apr_array_make(cmd->pool, 4, sizeof(const char *));
    if (has_server(config->servers, arg))
        return apr_psprintf(cmd->pool,
                            "%s \"%s\": this server is named already; each may be named once",
                            cmd->cmd->name, arg);
    if (config->servers->nelts == TIER_MEMCACHE_MAX_SERVERS)
        return apr_psprintf(cmd->pool,
                            "%s \"%s\": that is one server too many; up to %d are allowed",
                            cmd->cmd->name, arg, TIER_MEMCACHE_MAX_SERVERS);
    APR_ARRAY_PUSH(config->servers, const char *) = apr_pstrdup(cmd->pool, arg);
    return NULL;
}

#define FIELD(name) ((void *)offsetof(cache_directory_t, name))

const command_rec cache_config_commands[] = {
    AP_INIT_FLAG("TierCache", set_enabled, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: answers are stored and served from the cache as HTTP allows"),
    AP_INIT_TAKE1("TierCacheQuick", set_quick, NULL, RSRC_CONF,
                  "on: hits are served before access control and everything else about the URL is "
                  "looked at; auto: where that makes no difference"),
    AP_INIT_FLAG("TierCacheFinish", set_finish, NULL, RSRC_CONF,
                 "off: an answer that is to be stored is given up when its client goes away"),
    AP_INIT_TAKE1("TierCacheMaxSize", set_max_size, NULL, RSRC_CONF,
                  "the largest body that is stored"),
    AP_INIT_TAKE1("TierCacheSize", set_size, NULL, RSRC_CONF,
                  "shared memory for answers, before memcached or in its place"),
    AP_INIT_TAKE1("TierCacheTimeout", set_timeout, NULL, RSRC_CONF,
                  "the longest wait for one answer of memcached"),
    AP_INIT_TAKE1("TierCacheLocalTTL", set_local_ttl, NULL, RSRC_CONF,
                  "how long an answer of memcached is used from shared memory; 0: not at all"),
    AP_INIT_TAKE1("TierCacheWait", set_wait, NULL, RSRC_CONF,
                  "how long requests wait for another one's answer to the same URL; 0: not at all"),
    AP_INIT_TAKE1("TierCacheWaiters", set_waiters, NULL, RSRC_CONF,
                  "how many requests of one process may wait so"),
    AP_INIT_TAKE1("TierCacheStaleWhileRevalidate", set_stale_while_revalidate, NULL, RSRC_CONF,
                  "how long past their freshness answers are used while they are revalidated"),
    AP_INIT_TAKE1("TierCacheStaleIfError", set_stale_if_error, NULL, RSRC_CONF,
                  "how long past their freshness answers are used when the origin fails"),
    AP_INIT_TAKE12(
        "TierCacheHeuristic", set_heuristic, NULL, RSRC_CONF,
        "how much of the time since Last-Modified an answer without a lifetime is fresh, "
        "in percent, and for how long at most"),
    AP_INIT_TAKE1("TierCacheDefault", cache_directory_set_time, FIELD(fallback),
                  RSRC_CONF | ACCESS_CONF,
                  "how long answers are fresh that say nothing of it; off: they are not stored"),
    AP_INIT_TAKE1("TierCacheMinTTL", cache_directory_set_time, FIELD(shortest),
                  RSRC_CONF | ACCESS_CONF,
                  "how long answers are fresh at least that say for how long; off: as they say"),
    AP_INIT_TAKE1("TierCacheMaxTTL", cache_directory_set_time, FIELD(longest),
                  RSRC_CONF | ACCESS_CONF,
                  "how long answers are fresh at most that say for how long; off: as they say"),
    AP_INIT_TAKE1("TierCacheBypass", cache_directory_add_expression, FIELD(bypass),
                  RSRC_CONF | ACCESS_CONF,
                  "an expression: where it is true, the request passes the cache by"),
    AP_INIT_TAKE1("TierCacheNoStore", cache_directory_add_expression, FIELD(no_store),
                  RSRC_CONF | ACCESS_CONF,
                  "an expression: where it is true, the answer is not stored"),
    AP_INIT_FLAG("TierCacheFragments", cache_directory_set_fragments, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: pages of mod_include are stored before, and their parts each by itself"),
    AP_INIT_FLAG("TierCacheIgnoreClient", cache_directory_set_ignore_client, NULL,
                 RSRC_CONF | ACCESS_CONF,
                 "on: what a client wants of freshness (no-cache, max-age) means nothing"),
    AP_INIT_ITERATE(
        "TierCacheIgnoreSetCookie", cache_directory_add_cookie, NULL, RSRC_CONF | ACCESS_CONF,
        "names of cookies (* for any characters) that keep no answer from being stored"),
    AP_INIT_TAKE1("TierCacheKey", cache_key_add_part, NULL, RSRC_CONF,
                  "a text with expressions: answers are kept apart by what it comes to"),
    AP_INIT_TAKE_ARGV("TierCacheQuery", cache_key_set_query, NULL, RSRC_CONF | ACCESS_CONF,
                      "sort, keep name ... or drop name ...: what is made of queries"),
    AP_INIT_ITERATE("TierCachePurgeAllow", cache_purge_config_allow, NULL, RSRC_CONF,
                    "addresses and networks that PURGE is taken from; local: this machine"),
    AP_INIT_ITERATE("TierCacheTags", cache_purge_config_tags, NULL, RSRC_CONF,
                    "fields of answers that name the tags they can be purged by"),
    AP_INIT_FLAG("TierCacheTagsStrip", cache_purge_config_strip, NULL, RSRC_CONF,
                 "on: clients are not told these fields"),
    AP_INIT_ITERATE("TierCacheServer", add_server, NULL, RSRC_CONF,
                    "a memcached server: host[:port]"),
    {NULL}};
