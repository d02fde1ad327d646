/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_config.h"

#include <http_core.h>

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <glue.h>

#include "reproxy_allow.h"
#include "reproxy_said.h"

#define TIME_MIN     apr_time_from_msec(10)
#define TIME_MAX     apr_time_from_sec(3600)
#define CONNECT_TIME apr_time_from_sec(1)
#define FIRST_TIME   apr_time_from_sec(5)
#define STALL_TIME   apr_time_from_sec(10)
#define HEDGE_MIN    apr_time_from_msec(20)

extern module AP_MODULE_DECLARE_DATA tier_reproxy_module;

static const char *const saying_names[REPROXY_SAYINGS] = {"url", "file", "path", "size", "cache"};

void *reproxy_config_create(apr_pool_t *pool, char *section)
{
    reproxy_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)section;
    mogile_config_init(&config->mogile);
    config->is_on = config->resume = config->redirects = config->hedge = TIER_UNSET;
    config->connect_timeout = config->first_timeout = config->stall_timeout = TIER_UNSET;
    config->hedge_min = TIER_UNSET;
    reproxy_relay_config_init(&config->relay);
    return config;
}

void *reproxy_config_merge(apr_pool_t *pool, void *base_section, void *add_section)
{
    const reproxy_config_t *base = base_section, *add = add_section;
    reproxy_config_t *merged = apr_palloc(pool, sizeof(*merged));

    mogile_config_merge(&merged->mogile, &base->mogile, &add->mogile);
    TIER_MERGE(merged, base, add, is_on);
    for (int i = 0; i < REPROXY_SAYINGS; i++)
        TIER_MERGE_POINTER(merged, base, add, names[i]);
    TIER_MERGE_POINTER(merged, base, add, allow);
    TIER_MERGE_POINTER(merged, base, add, roots);
    TIER_MERGE_POINTER(merged, base, add, map);
    TIER_MERGE_POINTER(merged, base, add, storage_fields);
    TIER_MERGE(merged, base, add, connect_timeout);
    TIER_MERGE(merged, base, add, first_timeout);
    TIER_MERGE(merged, base, add, stall_timeout);
    TIER_MERGE(merged, base, add, resume);
    TIER_MERGE(merged, base, add, redirects);
    TIER_MERGE(merged, base, add, hedge);
    TIER_MERGE(merged, base, add, hedge_min);
    reproxy_relay_config_merge(&merged->relay, &base->relay, &add->relay);
    return merged;
}

const reproxy_config_t *reproxy_config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &tier_reproxy_module);
}

const char *const *reproxy_config_names(const reproxy_config_t *config, reproxy_says_e what,
                                        int *count)
{
    static const char *const standard[REPROXY_SAYINGS] = {
        "X-REPROXY-URL", "X-REPROXY-FILE", NULL, "X-REPROXY-EXPECTED-SIZE", "X-REPROXY-CACHE-FOR"};

    if (config->names[what]) {
        *count = config->names[what]->nelts;
        return (const char *const *)config->names[what]->elts;
    }
    *count = standard[what] != NULL;
    return &standard[what];
}

apr_interval_time_t reproxy_config_connect(const reproxy_config_t *config)
{
    return TIER_SETTING(config, connect_timeout, CONNECT_TIME);
}

apr_interval_time_t reproxy_config_first(const reproxy_config_t *config)
{
    return TIER_SETTING(config, first_timeout, FIRST_TIME);
}

apr_interval_time_t reproxy_config_stall(const reproxy_config_t *config)
{
    return TIER_SETTING(config, stall_timeout, STALL_TIME);
}

apr_interval_time_t reproxy_config_hedge_min(const reproxy_config_t *config)
{
    return TIER_SETTING(config, hedge_min, HEDGE_MIN);
}

reproxy_resume_e reproxy_config_resume(const reproxy_config_t *config)
{
    return (reproxy_resume_e)TIER_SETTING(config, resume, REPROXY_RESUME_VALIDATORS);
}

/* The whole server's. */

typedef struct server_config_t {
    apr_int64_t cache;
} server_config_t;

void *reproxy_config_server_create(apr_pool_t *pool, server_rec *server)
{
    server_config_t *config = apr_palloc(pool, sizeof(*config));

    (void)server;
    config->cache = TIER_UNSET;
    return config;
}

void *reproxy_config_server_merge(apr_pool_t *pool, void *base, void *add)
{
    (void)pool;
    (void)add; /* nothing of it may be set in a virtual host */
    return base;
}

int reproxy_config_cache(const server_rec *main_server)
{
    const server_config_t *config =
        ap_get_module_config(main_server->module_config, &tier_reproxy_module);

    return (int)TIER_SETTING(config, cache, 0);
}

static const char *set_cache(cmd_parms *cmd, void *unused, const char *arg)
{
    server_config_t *config =
        ap_get_module_config(cmd->server->module_config, &tier_reproxy_module);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)unused;
    if (problem)
        return problem;
    config->cache = 0;
    if (strcasecmp(arg, "off") == 0)
        return NULL;
    problem = tier_glue_parse_number(cmd, arg, 1, 1000000, &config->cache);
    return problem ? apr_pstrcat(cmd->pool, problem, ", or off", NULL) : NULL;
}

/* Sections. */

static const char *set_on(cmd_parms *cmd, void *section, int on)
{
    (void)cmd;
    ((reproxy_config_t *)section)->is_on = on;
    return NULL;
}

static int is_field_name(const char *name)
{
    const char *c;

    for (c = name; *c; c++)
        if (!apr_isalnum(*c) && !strchr("!#$%&'*+-.^_`|~", *c))
            return 0;
    return c != name;
}

/* Reads the names of fields; "none" alone is no field. */
static const char *read_names(cmd_parms *cmd, apr_array_header_t *names, int argc,
                              char *const argv[])
{
    if (argc == 1 && strcasecmp(argv[0], "none") == 0)
        return NULL;
    if (argc == 0)
        return apr_psprintf(cmd->temp_pool, "%s: names no field; allowed are names, or none",
                            cmd->cmd->name);
    for (int i = 0; i < argc; i++) {
        if (!is_field_name(argv[i]))
            return apr_psprintf(cmd->temp_pool, "%s: \"%s\" cannot be the name of a field",
                                cmd->cmd->name, argv[i]);
        APR_ARRAY_PUSH(names, const char *) = argv[i];
    }
    return NULL;
}

static const char *set_header(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    apr_array_header_t *names = apr_array_make(cmd->pool, 2, sizeof(const char *));

    for (int i = 0; argc > 0 && i < REPROXY_SAYINGS; i++)
        if (strcasecmp(argv[0], saying_names[i]) == 0) {
            ((reproxy_config_t *)section)->names[i] = names;
            return read_names(cmd, names, argc - 1, argv + 1);
        }
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is nothing a field can say; allowed are url, file, path, size "
                        "and cache",
                        cmd->cmd->name, argc > 0 ? argv[0] : "");
}

static const char *set_storage_fields(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    static const char *const never[] = {
        "Set-Cookie",         "Location",         "Connection",    "Keep-Alive",
        "Transfer-Encoding",  "Trailer",          "Upgrade",       "TE",
        "Proxy-Authenticate", "WWW-Authenticate", "Content-Length"};
    apr_array_header_t *names = apr_array_make(cmd->pool, 4, sizeof(const char *));
    const char *problem = read_names(cmd, names, argc, argv);

    for (int i = 0; !problem && i < argc; i++)
        for (apr_size_t j = 0; j < sizeof(never) / sizeof(never[0]); j++)
            if (strcasecmp(argv[i], never[j]) == 0)
                return apr_psprintf(cmd->temp_pool, "%s: %s is never passed on from storage",
                                    cmd->cmd->name, never[j]);
    ((reproxy_config_t *)section)->storage_fields = names;
    return problem;
}

static const char *set_allow(cmd_parms *cmd, void *section, const char *arg)
{
    reproxy_config_t *config = section;
    const char *allowed;

    if (!config->allow)
        config->allow = apr_array_make(cmd->pool, 4, sizeof(reproxy_allow_entry_t));
    if (strcasecmp(arg, "none") == 0)
        return NULL;
    allowed = reproxy_allow_add(config->allow, arg, cmd->pool);
    return allowed ? apr_psprintf(cmd->temp_pool, "%s: \"%s\" cannot be used; %s, or none",
                                  cmd->cmd->name, arg, allowed)
                   : NULL;
}

static const char *set_root(cmd_parms *cmd, void *section, const char *arg)
{
    reproxy_config_t *config = section;
    const char *path;

    if (!config->roots)
        config->roots = apr_array_make(cmd->pool, 2, sizeof(const char *));
    if (strcasecmp(arg, "none") == 0)
        return NULL;
    path = ap_server_root_relative(cmd->pool, arg);
    if (!path)
        return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is not a path", cmd->cmd->name, arg);
    APR_ARRAY_PUSH(config->roots, const char *) = path;
    return NULL;
}

static const char *with_slash(const char *text, apr_pool_t *pool)
{
    apr_size_t size = strlen(text);

    return size > 0 && text[size - 1] == '/' ? text : apr_pstrcat(pool, text, "/", NULL);
}

static const char *set_map(cmd_parms *cmd, void *section, const char *prefix, const char *target)
{
    reproxy_config_t *config = section;
    reproxy_map_t entry;
    reproxy_url_t url;

    entry.is_url = strstr(target, "://") != NULL;
    if (*prefix != '/')
        return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is no path that begins with /",
                            cmd->cmd->name, prefix);
    if (entry.is_url ? reproxy_url_parse(&url, target, cmd->temp_pool) != NULL : *target != '/')
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is neither a directory's path nor an http:// or https:// "
                            "URL",
                            cmd->cmd->name, target);
    entry.prefix = with_slash(prefix, cmd->pool);
    entry.target = with_slash(target, cmd->pool);
    if (!config->map)
        config->map = apr_array_make(cmd->pool, 2, sizeof(reproxy_map_t));
    APR_ARRAY_PUSH(config->map, reproxy_map_t) = entry;
    return NULL;
}

static const char *set_timeout(cmd_parms *cmd, void *section, const char *arg)
{
    reproxy_config_t *config = section;
    const struct {
        const char *name;
        apr_interval_time_t *value;
    } settings[] = {{"connect", &config->connect_timeout},
                    {"first", &config->first_timeout},
                    {"stall", &config->stall_timeout}};

    for (apr_size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        apr_size_t size = strlen(settings[i].name);

        if (strncasecmp(arg, settings[i].name, size) == 0 && arg[size] == '=')
            return tier_glue_in_setting(cmd, settings[i].name,
                                        tier_glue_parse_time(cmd, arg + size + 1, "s", TIME_MIN,
                                                             TIME_MAX, settings[i].value));
    }
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is no setting; allowed are connect=time, first=time and "
                        "stall=time",
                        cmd->cmd->name, arg);
}

static const char *set_hedge(cmd_parms *cmd, void *section, const char *arg)
{
    reproxy_config_t *config = section;
    const char *problem = NULL;

    config->hedge = strcasecmp(arg, "off") != 0;
    if (config->hedge && strcasecmp(arg, "on") != 0)
        problem = tier_glue_parse_time(cmd, arg, "ms", apr_time_from_msec(1), apr_time_from_sec(60),
                                       &config->hedge_min);
    return problem ? apr_pstrcat(cmd->pool, problem, ", or on, or off", NULL) : NULL;
}

static const char *set_redirects(cmd_parms *cmd, void *section, const char *arg)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_parse_number(cmd, arg, 0, 5, &number);

    ((reproxy_config_t *)section)->redirects = (int)number;
    return problem;
}

static const char *set_resume(cmd_parms *cmd, void *section, const char *arg)
{
    reproxy_config_t *config = section;

    if (strcasecmp(arg, "off") == 0)
        config->resume = REPROXY_RESUME_OFF;
    else if (strcasecmp(arg, "size") == 0)
        config->resume = REPROXY_RESUME_SIZE;
    else if (strcasecmp(arg, "validators") == 0)
        config->resume = REPROXY_RESUME_VALIDATORS;
    else
        return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is none of validators, size and off",
                            cmd->cmd->name, arg);
    return NULL;
}

const command_rec reproxy_config_commands[] = {
    AP_INIT_FLAG("TierReproxy", set_on, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: the application's answers may name the file to send in their place"),
    AP_INIT_TAKE_ARGV("TierReproxyHeader", set_header, NULL, RSRC_CONF | ACCESS_CONF,
                      "url, file, path, size or cache, and the fields of an answer that say it"),
    AP_INIT_ITERATE("TierReproxyAllow", set_allow, NULL, RSRC_CONF | ACCESS_CONF,
                    "hosts and networks that storage URLs may lead to, or none"),
    AP_INIT_ITERATE("TierReproxyFileRoot", set_root, NULL, RSRC_CONF | ACCESS_CONF,
                    "directories that files may lie in, or none"),
    AP_INIT_TAKE2("TierReproxyMap", set_map, NULL, RSRC_CONF | ACCESS_CONF,
                  "a prefix of X-Accel-Redirect's paths, and the directory or URL it stands for"),
    AP_INIT_ITERATE("TierReproxyTimeout", set_timeout, NULL, RSRC_CONF | ACCESS_CONF,
                    "connect=, first= and stall= and how long a storage node may take for it"),
    AP_INIT_TAKE1("TierReproxyHedge", set_hedge, NULL, RSRC_CONF | ACCESS_CONF,
                  "on, off, or the least time after which a second copy is asked when the first is "
                  "slow"),
    AP_INIT_TAKE1("TierReproxyResume", set_resume, NULL, RSRC_CONF | ACCESS_CONF,
                  "validators, size or off: what another copy must share to continue a body"),
    AP_INIT_TAKE1("TierReproxyRedirects", set_redirects, NULL, RSRC_CONF | ACCESS_CONF,
                  "how many redirects of storage are followed"),
    AP_INIT_TAKE_ARGV("TierReproxyStorageFields", set_storage_fields, NULL, RSRC_CONF | ACCESS_CONF,
                      "fields that storage may add to the application's, or none"),
    AP_INIT_TAKE1("TierReproxyCache", set_cache, NULL, RSRC_CONF,
                  "off, or how many answers of the application a child remembers"),
    MOGILE_COMMANDS,
    REPROXY_RELAY_COMMANDS,
    {NULL}};
