/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_config.h"

#include <string.h>
#include <strings.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <glue.h>

#include "reproxy_config.h"
#include "reproxy_private.h"

#define USED_KEY      "tier-mogile-used"
#define TIME_LEAST    apr_time_from_msec(1)
#define TIME_MOST     apr_time_from_sec(300)
#define KEEP_MOST     apr_time_from_sec(86400)
#define CACHE_MOST    ((apr_off_t)16 * 1024 * 1024 * 1024)
#define PASSWORD_MOST 1024

void mogile_config_init(mogile_config_t *config)
{
    memset(config, 0, sizeof(*config));
    config->methods = config->verify = TIER_UNSET;
    config->fresh = config->negative = TIER_UNSET;
}

void mogile_config_merge(mogile_config_t *merged, const mogile_config_t *base,
                         const mogile_config_t *add)
{
    const mogile_config_t *key = add->key_expr || add->key_regex ? add : base;

    TIER_MERGE_POINTER(merged, base, add, settings);
    TIER_MERGE_POINTER(merged, base, add, domain);
    TIER_MERGE_POINTER(merged, base, add, zone);
    TIER_MERGE_POINTER(merged, base, add, class_name);
    TIER_MERGE(merged, base, add, methods);
    TIER_MERGE(merged, base, add, verify);
    TIER_MERGE(merged, base, add, fresh);
    TIER_MERGE(merged, base, add, negative);
    merged->key_expr = key->key_expr;
    merged->key_regex = key->key_regex;
    merged->key_substitute = key->key_substitute;
}

const mogile_config_t *mogile_config_of(const request_rec *r)
{
    const mogile_config_t *config = &reproxy_config_of(r)->mogile;

    return config->settings && config->domain && *config->domain ? config : NULL;
}

mogile_settings_t *mogile_config_settings(const server_rec *main_server)
{
    const reproxy_config_t *config =
        ap_get_module_config(main_server->lookup_defaults, &tier_reproxy_module);

    return config ? config->mogile.settings : NULL;
}

static mogile_config_t *config_in(void *section)
{
    return &((reproxy_config_t *)section)->mogile;
}

/* The directives of the whole server: the main server's section has them, and all inherit it. */
static const char *settings_in(cmd_parms *cmd, void *section, mogile_settings_t **settings)
{
    mogile_config_t *config = config_in(section);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (problem)
        return problem;
    if (!config->settings) {
        config->settings = apr_palloc(cmd->pool, sizeof(*config->settings));
        mogile_settings_init(config->settings);
    }
    *settings = config->settings;
    return NULL;
}

const char *mogile_config_check(const server_rec *main_server, apr_pool_t *pconf, apr_pool_t *pool)
{
    mogile_settings_t *settings = mogile_config_settings(main_server);
    void *domain = NULL;

    apr_pool_userdata_get(&domain, USED_KEY, pconf);
    if (domain && (!settings || (!settings->trackers && !settings->database)))
        return apr_psprintf(pool,
                            "TierMogileDomain %s: needs TierMogileTrackers, or TierMogileDatabase, "
                            "in the server configuration",
                            (const char *)domain);
    if (settings)
        settings->probe_domain = domain ? domain : "default";
    return NULL;
}

const char *mogile_config_key(const mogile_config_t *config, request_rec *r)
{
    ap_regmatch_t matches[AP_MAX_REG_MATCH];
    const char *key = r->uri, *problem = NULL;

    if (config->key_regex) {
        if (ap_regexec(config->key_regex, r->uri, AP_MAX_REG_MATCH, matches, 0) != 0)
            return NULL;
        key = ap_pregsub(r->pool, config->key_substitute, r->uri, AP_MAX_REG_MATCH, matches);
    } else if (config->key_expr) {
        key = ap_expr_str_exec(r, config->key_expr, &problem);
        if (problem)
            return NULL;
    }
    return key && *key ? key : NULL;
}

static const char *none_given(cmd_parms *cmd)
{
    return apr_psprintf(cmd->temp_pool, "%s: names nothing", cmd->cmd->name);
}

static const char *wrong(cmd_parms *cmd, const char *value, const char *allowed)
{
    return apr_psprintf(cmd->temp_pool, "%s: \"%s\" cannot be used; %s", cmd->cmd->name, value,
                        allowed);
}

const char *mogile_config_set_trackers(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    mogile_settings_t *settings;
    const char *problem = settings_in(cmd, section, &settings);

    if (problem || argc == 0)
        return problem ? problem : none_given(cmd);
    if (argc > MOGILE_TRACKERS_MOST)
        return wrong(cmd, argv[MOGILE_TRACKERS_MOST], "31 trackers are the most");
    settings->trackers = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 0; i < argc; i++) {
        const char *allowed = mogile_service_check_server(argv[i], 1, cmd->temp_pool);

        if (allowed)
            return wrong(cmd, argv[i], allowed);
        APR_ARRAY_PUSH(settings->trackers, const char *) = apr_pstrdup(cmd->pool, argv[i]);
    }
    return NULL;
}

const char *mogile_config_set_timeout(cmd_parms *cmd, void *section, const char *lookup,
                                      const char *upload)
{
    mogile_settings_t *settings;
    const char *problem = settings_in(cmd, section, &settings);

    if (!problem)
        problem = tier_glue_parse_time(cmd, lookup, "s", TIME_LEAST, TIME_MOST, &settings->timeout);
    if (problem || !upload)
        return problem;
    return tier_glue_parse_time(cmd, upload, "s", TIME_LEAST, TIME_MOST, &settings->timeout_write);
}

/* The password is read while httpd is still root, so that its file need not be readable to it. */
static const char *read_password(cmd_parms *cmd, const char *name, const char **password)
{
    const char *path = ap_server_root_relative(cmd->temp_pool, name);
    char text[PASSWORD_MOST];
    apr_size_t size = sizeof(text) - 1;
    apr_file_t *file;
    apr_status_t status =
        path ? apr_file_open(&file, path, APR_READ, 0, cmd->temp_pool) : APR_EBADPATH;

    if (status == APR_SUCCESS) {
        status = apr_file_read_full(file, text, size, &size);
        apr_file_close(file);
    }
    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status)) {
        char reason[120];

        return apr_psprintf(cmd->temp_pool, "%s: password-file %s cannot be read: %s",
                            cmd->cmd->name, name, apr_strerror(status, reason, sizeof(reason)));
    }
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *password = apr_pstrdup(cmd->pool, text);
    return NULL;
}

static const char *set_connections(cmd_parms *cmd, mogile_settings_t *settings, const char *value)
{
    apr_int64_t number = 0;
    const char *problem =
        tier_glue_parse_number(cmd, value, 1, MOGILE_DATABASE_CONNECTIONS_MOST, &number);

    settings->database_connections = (int)number;
    return tier_glue_in_setting(cmd, "connections", problem);
}

static const char *set_database_option(cmd_parms *cmd, mogile_settings_t *settings,
                                       const char *option)
{
    const char *equals = strchr(option, '=');
    const char *value = equals ? equals + 1 : "";
    apr_size_t size = equals ? (apr_size_t)(equals - option) : 0;

    if (size == 4 && *value && strncasecmp(option, "name", size) == 0)
        settings->database_name = apr_pstrdup(cmd->pool, value);
    else if (size == 4 && *value && strncasecmp(option, "user", size) == 0)
        settings->database_user = apr_pstrdup(cmd->pool, value);
    else if (size == 13 && strncasecmp(option, "password-file", size) == 0)
        return read_password(cmd, value, &settings->database_password);
    else if (size == 11 && strncasecmp(option, "connections", size) == 0)
        return set_connections(cmd, settings, value);
    else if (strcasecmp(option, "use=first") == 0)
        settings->database_first = 1;
    else if (strcasecmp(option, "use=fallback") == 0)
        settings->database_first = 0;
    else
        return wrong(cmd, option,
                     "allowed are name=, user=, password-file=, connections=, use=fallback and "
                     "use=first");
    return NULL;
}

const char *mogile_config_set_database(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    mogile_settings_t *settings;
    const char *problem = settings_in(cmd, section, &settings);

    if (problem || argc == 0)
        return problem ? problem : none_given(cmd);
    problem = mogile_service_check_server(argv[0], 0, cmd->temp_pool);
    if (problem)
        return wrong(cmd, argv[0], problem);
    settings->database = apr_pstrdup(cmd->pool, argv[0]);
    for (int i = 1; i < argc && !problem; i++)
        problem = set_database_option(cmd, settings, argv[i]);
    return problem;
}

const char *mogile_config_set_cache_size(cmd_parms *cmd, void *section, const char *arg)
{
    mogile_settings_t *settings;
    const char *problem = settings_in(cmd, section, &settings);
    apr_off_t size = 0;

    if (!problem && strcmp(arg, "0") != 0)
        problem = tier_glue_parse_size(cmd, arg, MOGILE_CACHE_SMALLEST, CACHE_MOST, &size);
    if (!problem)
        settings->cache_size = size;
    return problem;
}

const char *mogile_config_set_cache_servers(cmd_parms *cmd, void *section, int argc,
                                            char *const argv[])
{
    mogile_settings_t *settings;
    const char *problem = settings_in(cmd, section, &settings);

    if (problem || argc == 0)
        return problem ? problem : none_given(cmd);
    if (argc > TIER_MEMCACHE_MAX_SERVERS)
        return wrong(cmd, argv[TIER_MEMCACHE_MAX_SERVERS], "64 servers are the most");
    settings->cache_servers = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 0; i < argc; i++) {
        const char *allowed = tier_memcache_check_server(argv[i], cmd->temp_pool);

        if (allowed)
            return wrong(cmd, argv[i], allowed);
        APR_ARRAY_PUSH(settings->cache_servers, const char *) = apr_pstrdup(cmd->pool, argv[i]);
    }
    return NULL;
}

const char *mogile_config_set_cache_time(cmd_parms *cmd, void *section, const char *fresh,
                                         const char *negative)
{
    mogile_config_t *config = config_in(section);
    const char *problem = tier_glue_parse_time(cmd, fresh, "s", 0, KEEP_MOST, &config->fresh);

    if (problem || !negative)
        return problem;
    return tier_glue_parse_time(cmd, negative, "s", 0, KEEP_MOST, &config->negative);
}

const char *mogile_config_set_domain(cmd_parms *cmd, void *section, const char *arg)
{
    if (!*arg)
        return none_given(cmd);
    if (strcasecmp(arg, "off") == 0) {
        config_in(section)->domain = "";
        return NULL;
    }
    config_in(section)->domain = arg;
    apr_pool_userdata_setn(arg, USED_KEY, NULL, cmd->pool);
    return NULL;
}

const char *mogile_config_set_key(cmd_parms *cmd, void *section, const char *pattern,
                                  const char *substitute)
{
    mogile_config_t *config = config_in(section);
    const char *problem = NULL;

    config->key_expr = NULL;
    config->key_regex = NULL;
    if (!substitute) {
        config->key_expr =
            ap_expr_parse_cmd(cmd, pattern, AP_EXPR_FLAG_STRING_RESULT, &problem, NULL);
        return problem ? wrong(cmd, pattern, problem) : NULL;
    }
    config->key_substitute = substitute;
    config->key_regex = ap_pregcomp(cmd->pool, pattern, AP_REG_EXTENDED);
    return config->key_regex ? NULL : wrong(cmd, pattern, "it is no regular expression");
}

const char *mogile_config_set_zone(cmd_parms *cmd, void *section, const char *arg)
{
    if (!*arg)
        return none_given(cmd);
    config_in(section)->zone = arg;
    return NULL;
}

const char *mogile_config_set_class(cmd_parms *cmd, void *section, const char *arg)
{
    if (!*arg)
        return none_given(cmd);
    config_in(section)->class_name = arg;
    return NULL;
}

const char *mogile_config_set_methods(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    int methods = 0;

    if (argc == 0)
        return none_given(cmd);
    for (int i = 0; i < argc; i++) {
        if (strcasecmp(argv[i], "PUT") == 0)
            methods |= MOGILE_PUT;
        else if (strcasecmp(argv[i], "DELETE") == 0)
            methods |= MOGILE_DELETE;
        else if (strcasecmp(argv[i], "none") != 0 || argc > 1)
            return wrong(cmd, argv[i], "allowed are PUT, DELETE, both, or none alone");
    }
    config_in(section)->methods = methods;
    return NULL;
}

const char *mogile_config_set_verify(cmd_parms *cmd, void *section, const char *arg)
{
    mogile_config_t *config = config_in(section);

    if (strcasecmp(arg, "off") == 0)
        config->verify = MOGILE_VERIFY_OFF;
    else if (strcasecmp(arg, "size") == 0)
        config->verify = MOGILE_VERIFY_SIZE;
    else if (strcasecmp(arg, "checksum") == 0)
        config->verify = MOGILE_VERIFY_CHECKSUM;
    else
        return wrong(cmd, arg, "allowed are off, size and checksum");
    return NULL;
}
