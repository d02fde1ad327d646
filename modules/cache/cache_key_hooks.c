/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators make of keys: TierCacheQuery and TierCacheKey. */
#include "cache_hooks.h"
#include "cache_private.h"
#include "cache_query.h"

#include <ap_expr.h>

#include <apr_strings.h>

#include <string.h>

/* Of a reverse proxy told not to look at the URL, the query is part of what it will ask for. */
static void replace_in_filename(request_rec *r, const char *before, const char *after)
{
    const char *query = r->filename ? strchr(r->filename, '?') : NULL;

    if (r->proxyreq && query && strcmp(query + 1, before) == 0)
        r->filename = apr_pstrcat(
            r->pool, apr_pstrmemdup(r->pool, r->filename, (apr_size_t)(query - r->filename)),
            *after ? "?" : "", after, NULL);
}

/*
 * The application sees what the key has: what it does not see it cannot answer by. Before mod_proxy
 * makes its URL of the request.
 */
void cache_key_normalise_query(request_rec *r)
{
    const cache_directory_t *directory = cache_directory_of(r);
    cache_query_rules_t rules = {TIER_SETTING(directory, query_sort, 0), directory->query_keep,
                                 directory->query_drop};
    const char *before = r->args;
    const char *after;

    if (!before || (r->method_number != M_GET))
        return;
    after = cache_query_normalise(&rules, before, r->pool);
    if (after == before)
        return;
    replace_in_filename(r, before, after);
    r->unparsed_uri = apr_pstrcat(
        r->pool, apr_pstrmemdup(r->pool, r->unparsed_uri, strcspn(r->unparsed_uri, "?")),
        *after ? "?" : "", after, NULL);
    r->args = *after ? apr_pstrdup(r->pool, after) : NULL;
    r->parsed_uri.query = r->args;
}

int cache_key_fixup(request_rec *r)
{
    if (r->prev == NULL && cache_config_is_enabled(r))
        cache_key_normalise_query(r);
    return DECLINED;
}

/* Lengths in front of the parts: no value can imitate those of two. */
int cache_key_read_parts(request_rec *r, const char **parts)
{
    const apr_array_header_t *expressions = cache_config_of(r->server)->key_parts;

    *parts = NULL;
    for (int i = 0; expressions && i < expressions->nelts; i++) {
        const char *problem = NULL;
        const char *value =
            ap_expr_str_exec(r, APR_ARRAY_IDX(expressions, i, const ap_expr_info_t *), &problem);

        if (problem || !value) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          WTNO(2021) "a part of the key could not be worked out: %s",
                          problem ? problem : "it has no value");
            return 0;
        }
        *parts = apr_psprintf(r->pool, "%s%" APR_SIZE_T_FMT ":%s", *parts ? *parts : "",
                              strlen(value), value);
    }
    return 1;
}

/* The directives. */

const char *cache_key_add_part(cmd_parms *cmd, void *directory, const char *arg)
{
    cache_server_t *config = ap_get_module_config(cmd->server->module_config, &tier_cache_module);
    const char *problem = NULL;
    ap_expr_info_t *part = ap_expr_parse_cmd(
        cmd, arg, AP_EXPR_FLAG_STRING_RESULT | AP_EXPR_FLAG_DONT_VARY, &problem, NULL);

    (void)directory;
    if (problem)
        return apr_psprintf(cmd->pool, "%s \"%s\": this is no text with expressions of httpd: %s",
                            cmd->cmd->name, arg, problem);
    if (!config->key_parts)
        config->key_parts = apr_array_make(cmd->pool, 2, sizeof(ap_expr_info_t *));
    APR_ARRAY_PUSH(config->key_parts, ap_expr_info_t *) = part;
    return NULL;
}

/* sort | keep name ... | drop name ... */
const char *cache_key_set_query(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    cache_directory_t *directory = config;
    apr_array_header_t **names = NULL;

    if (argc == 1 && strcmp(argv[0], "sort") == 0) {
        directory->query_sort = 1;
        return NULL;
    }
    if (argc > 1 && strcmp(argv[0], "keep") == 0)
        names = &directory->query_keep;
    if (argc > 1 && strcmp(argv[0], "drop") == 0)
        names = &directory->query_drop;
    if (!names)
        return apr_psprintf(cmd->pool,
                            "%s \"%s\": give sort, keep and names, or drop and names, each in a "
                            "directive of its own",
                            cmd->cmd->name, argc ? argv[0] : "");
    if (!*names)
        *names = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 1; i < argc; i++)
        APR_ARRAY_PUSH(*names, const char *) = argv[i];
    return NULL;
}
