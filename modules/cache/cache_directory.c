/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_hooks.h"
#include "cache_private.h"

#include <ap_expr.h>

#include <apr_strings.h>

#include <stddef.h>
#include <string.h>

#define LONGEST_LIFE apr_time_from_sec(365 * 86400)

void *cache_directory_create(apr_pool_t *pool, char *path)
{
    cache_directory_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)path;
    config->enabled = TIER_UNSET;
    config->ignore_client = TIER_UNSET;
    config->fragments = TIER_UNSET;
    config->query_sort = TIER_UNSET;
    config->fallback = TIER_UNSET;
    config->shortest = TIER_UNSET;
    config->longest = TIER_UNSET;
    return config;
}

/* The lists of a directory say what holds besides what holds above it. */
static apr_array_header_t *both(apr_pool_t *pool, const apr_array_header_t *base,
                                const apr_array_header_t *add)
{
    if (!base || !add)
        return (apr_array_header_t *)(add ? add : base);
    return apr_array_append(pool, base, add);
}

void *cache_directory_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    const cache_directory_t *base = base_config;
    const cache_directory_t *add = add_config;
    cache_directory_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, base, add, enabled);
    TIER_MERGE(merged, base, add, ignore_client);
    TIER_MERGE(merged, base, add, fragments);
    TIER_MERGE(merged, base, add, query_sort);
    TIER_MERGE_POINTER(merged, base, add, query_keep);
    merged->query_drop = both(pool, base->query_drop, add->query_drop);
    TIER_MERGE(merged, base, add, fallback);
    TIER_MERGE(merged, base, add, shortest);
    TIER_MERGE(merged, base, add, longest);
    merged->cookies = both(pool, base->cookies, add->cookies);
    merged->bypass = both(pool, base->bypass, add->bypass);
    merged->no_store = both(pool, base->no_store, add->no_store);
    return merged;
}

const cache_directory_t *cache_directory_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &tier_cache_module);
}

/* cmd->info: which field of cache_directory_t. */
static void *field_of(const cmd_parms *cmd, void *directory)
{
    return (char *)directory + (apr_size_t)cmd->info;
}

const char *cache_directory_set_time(cmd_parms *cmd, void *directory, const char *arg)
{
    apr_interval_time_t *time = field_of(cmd, directory);

    if (ap_cstr_casecmp(arg, "off") == 0) {
        *time = 0;
        return NULL;
    }
    return tier_glue_parse_time(cmd, arg, "s", apr_time_from_sec(1), LONGEST_LIFE, time);
}

const char *cache_directory_set_ignore_client(cmd_parms *cmd, void *directory, int on)
{
    (void)cmd;
    ((cache_directory_t *)directory)->ignore_client = on;
    return NULL;
}

const char *cache_directory_set_fragments(cmd_parms *cmd, void *directory, int on)
{
    (void)cmd;
    ((cache_directory_t *)directory)->fragments = on;
    return NULL;
}

static void *push(apr_array_header_t **list, apr_pool_t *pool)
{
    if (!*list)
        *list = apr_array_make(pool, 4, sizeof(void *));
    return apr_array_push(*list);
}

const char *cache_directory_add_cookie(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_directory_t *config = directory;

    *(const char **)push(&config->cookies, cmd->pool) = arg;
    return NULL;
}

/*
 * ap_expr would add what it looks at to Vary, which would make a variant of each cookie; the
 * administrator has said what it means for the cache.
 */
const char *cache_directory_add_expression(cmd_parms *cmd, void *directory, const char *arg)
{
    const char *problem = NULL;
    ap_expr_info_t *expression =
        ap_expr_parse_cmd(cmd, arg, AP_EXPR_FLAG_DONT_VARY, &problem, NULL);

    if (problem)
        return apr_psprintf(cmd->pool, "%s \"%s\": this is no expression of httpd: %s",
                            cmd->cmd->name, arg, problem);
    *(ap_expr_info_t **)push(field_of(cmd, directory), cmd->pool) = expression;
    return NULL;
}
