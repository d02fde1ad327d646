/* SPDX-License-Identifier: Apache-2.0 */
#include "health_config.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

#include <glue.h>

#include "health_eject_config.h"
#include "health_retry_config.h"

extern module AP_MODULE_DECLARE_DATA tier_health_module;

#define SCHEME        "balancer://"
#define NAME_MAX_SIZE 96 /* mod_proxy's PROXY_BALANCER_MAX_NAME_SIZE */
#define SCOPE_LIMIT   100

typedef struct health_config_t {
    apr_array_header_t *sections; /* of health_section_t *; a virtual host's own come first */
} health_config_t;

static health_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &tier_health_module);
}

void *health_config_create(apr_pool_t *pool, server_rec *server)
{
    health_config_t *config = apr_palloc(pool, sizeof(*config));

    (void)server;
    config->sections = apr_array_make(pool, 2, sizeof(health_section_t *));
    return config;
}

void *health_config_merge(apr_pool_t *pool, void *base, void *add)
{
    health_config_t *merged = apr_palloc(pool, sizeof(*merged));

    merged->sections = apr_array_append(pool, ((health_config_t *)add)->sections,
                                        ((health_config_t *)base)->sections);
    return merged;
}

health_section_t *health_config_find(const server_rec *server, const char *balancer)
{
    const apr_array_header_t *sections = config_of(server)->sections;

    for (int i = 0; i < sections->nelts; i++) {
        health_section_t *section = APR_ARRAY_IDX(sections, i, health_section_t *);

        if (strcmp(section->balancer, balancer) == 0)
            return section;
    }
    return NULL;
}

apr_array_header_t *health_config_sections(const server_rec *main_server, apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 8, sizeof(health_section_t *));

    for (const server_rec *server = main_server; server; server = server->next) {
        const apr_array_header_t *sections = config_of(server)->sections;

        for (int i = 0; i < sections->nelts; i++) {
            health_section_t *section = APR_ARRAY_IDX(sections, i, health_section_t *);

            if (section->server == server) /* the others are inherited */
                APR_ARRAY_PUSH(all, health_section_t *) = section;
        }
    }
    return all;
}

static const char *server_text(const server_rec *server, apr_pool_t *pool)
{
    const char *name = server->server_hostname ? server->server_hostname : "default";
    apr_port_t port = server->port;
    const char *text;

    if (port == 0 && server->addrs)
        port = server->addrs->host_port;
    text = apr_psprintf(pool, "%s:%u", name, (unsigned)port);
    if (strlen(text) > SCOPE_LIMIT) {
        apr_ssize_t size = APR_HASH_KEY_STRING;

        text = apr_psprintf(pool, "%.80s~%08x", text, apr_hashfunc_default(text, &size));
    }
    return text;
}

/* Two virtual hosts of one name and port are told apart by their order. */
const char *health_config_scope(const server_rec *main_server, const server_rec *wanted,
                                apr_pool_t *pool)
{
    const char *text = server_text(wanted, pool);
    int same = 1;

    if (!wanted->is_virtual)
        return "";
    for (const server_rec *server = main_server->next; server && server != wanted;
         server = server->next) {
        if (strcmp(server_text(server, pool), text) == 0)
            same++;
    }
    return same == 1 ? text : apr_psprintf(pool, "%s#%d", text, same);
}

void health_config_settle(server_rec *main_server, apr_pool_t *pconf)
{
    const apr_array_header_t *sections = health_config_sections(main_server, pconf);

    for (int i = 0; i < sections->nelts; i++) {
        health_section_t *section = APR_ARRAY_IDX(sections, i, health_section_t *);

        section->scope = health_config_scope(main_server, section->server, pconf);
        section->log =
            tier_glue_log((server_rec *)section->server, tier_health_module.module_index, pconf);
    }
}

/* The directive. */

static const char *in_value(cmd_parms *cmd, const char *setting, const char *value,
                            const char *allowed)
{
    if (!allowed)
        return NULL;
    return apr_psprintf(cmd->temp_pool, "%s: %s \"%s\" cannot be used; %s", cmd->cmd->name, setting,
                        value, allowed);
}

static const char *set_time(cmd_parms *cmd, const char *setting, const char *value,
                            apr_interval_time_t min, apr_interval_time_t *field)
{
    return tier_glue_in_setting(
        cmd, setting, tier_glue_parse_time(cmd, value, "s", min, HEALTH_INTERVAL_MAX, field));
}

static const char *set_count(cmd_parms *cmd, const char *setting, const char *value,
                             apr_uint32_t *field)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_in_setting(
        cmd, setting, tier_glue_parse_number(cmd, value, 1, HEALTH_COUNT_MAX, &number));

    *field = (apr_uint32_t)number;
    return problem;
}

/* One setting=value of an HTTP probe. */
static const char *set_http(cmd_parms *cmd, health_check_t *check, const char *setting,
                            const char *value)
{
    if (strcasecmp(setting, "uri") == 0) {
        check->uri = value;
        return in_value(cmd, setting, value, health_check_uri_error(value));
    }
    if (strcasecmp(setting, "method") == 0) {
        check->method = value;
        return in_value(cmd, setting, value, health_check_method_error(value));
    }
    if (strcasecmp(setting, "host") == 0) {
        check->host = value;
        return in_value(cmd, setting, value, health_check_host_error(value));
    }
    if (strcasecmp(setting, "status") == 0)
        return in_value(cmd, setting, value, health_check_parse_statuses(&check->statuses, value));
    return apr_psprintf(
        cmd->temp_pool,
        "%s: there is no setting \"%s\"; allowed are uri, method, host, status, interval, "
        "timeout, rise and fall",
        cmd->cmd->name, setting);
}

static const char *refuse_with_tcp(cmd_parms *cmd, const char *setting, const char *value)
{
    static const char *const of_http[] = {"uri", "method", "host", "status"};

    for (size_t i = 0; i < sizeof(of_http) / sizeof(of_http[0]); i++) {
        if (strcasecmp(setting, of_http[i]) == 0)
            return apr_psprintf(cmd->temp_pool,
                                "%s: %s \"%s\" has no meaning with tcp; it goes with http",
                                cmd->cmd->name, setting, value);
    }
    return apr_psprintf(
        cmd->temp_pool,
        "%s: there is no setting \"%s\"; allowed with tcp are interval, timeout, rise and fall",
        cmd->cmd->name, setting);
}

static const char *set_one(cmd_parms *cmd, health_check_t *check, const char *setting,
                           const char *value)
{
    if (strcasecmp(setting, "interval") == 0)
        return set_time(cmd, setting, value, HEALTH_INTERVAL_MIN, &check->interval);
    if (strcasecmp(setting, "timeout") == 0)
        return set_time(cmd, setting, value, HEALTH_TIMEOUT_MIN, &check->timeout);
    if (strcasecmp(setting, "rise") == 0)
        return set_count(cmd, setting, value, &check->rise);
    if (strcasecmp(setting, "fall") == 0)
        return set_count(cmd, setting, value, &check->fall);
    if (check->kind == HEALTH_KIND_TCP)
        return refuse_with_tcp(cmd, setting, value);
    return set_http(cmd, check, setting, value);
}

static const char *set_argument(cmd_parms *cmd, health_check_t *check, const char *argument)
{
    const char *equals = strchr(argument, '=');

    if (!equals)
        return apr_psprintf(
            cmd->temp_pool,
            "%s: \"%s\" is neither http nor tcp at the first place nor a setting=value",
            cmd->cmd->name, argument);
    return set_one(cmd, check,
                   apr_pstrmemdup(cmd->temp_pool, argument, (apr_size_t)(equals - argument)),
                   apr_pstrdup(cmd->pool, equals + 1));
}

static const char *set_arguments(cmd_parms *cmd, health_check_t *check, int argc,
                                 char *const argv[])
{
    const char *problem = NULL;
    int first = 0;

    if (argc > 0 && strcasecmp(argv[0], "tcp") == 0)
        check->kind = HEALTH_KIND_TCP;
    if (argc > 0 && (strcasecmp(argv[0], "tcp") == 0 || strcasecmp(argv[0], "http") == 0))
        first = 1;
    for (int i = first; i < argc && !problem; i++)
        problem = set_argument(cmd, check, argv[i]);
    if (problem)
        return problem;
    problem = health_check_settle(check, cmd->temp_pool);
    return problem ? apr_psprintf(cmd->temp_pool, "%s: %s", cmd->cmd->name, problem) : NULL;
}

/* Returns the balancer's name as mod_proxy spells it, or NULL where the section is not one
 * balancer's. */
static const char *balancer_of(const cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;
    char *name, *slash;

    if (!section || strcasecmp(section->directive, "<Proxy") != 0 || !cmd->path ||
        strncasecmp(cmd->path, SCHEME, sizeof(SCHEME) - 1) != 0 || apr_fnmatch_test(cmd->path))
        return NULL;
    name = apr_pstrdup(cmd->pool, cmd->path);
    slash = strchr(name + sizeof(SCHEME) - 1, '/');
    if (slash)
        *slash = '\0';
    ap_str_tolower(name);
    return name[sizeof(SCHEME) - 1] && strlen(name) < NAME_MAX_SIZE ? name : NULL;
}

const char *health_config_section(cmd_parms *cmd, health_section_t **section)
{
    const char *balancer = balancer_of(cmd);

    if (!balancer)
        return apr_psprintf(
            cmd->temp_pool,
            "%s: allowed only directly in a section of one balancer, <Proxy \"balancer://name\">",
            cmd->cmd->name);
    *section = health_config_find(cmd->server, balancer);
    if (*section)
        return NULL;
    *section = apr_pcalloc(cmd->pool, sizeof(**section));
    (*section)->server = cmd->server;
    (*section)->balancer = balancer;
    (*section)->where =
        apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
    APR_ARRAY_PUSH(config_of(cmd->server)->sections, health_section_t *) = *section;
    return NULL;
}

static const char *set_check(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);

    (void)unused;
    if (problem)
        return problem;
    if (section->checks)
        return apr_psprintf(cmd->temp_pool, "%s: %s has one already; each balancer takes one",
                            cmd->cmd->name, section->balancer);
    section->checks = 1;
    section->where =
        apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
    health_check_defaults(&section->check);
    return set_arguments(cmd, &section->check, argc, argv);
}

const command_rec health_config_commands[] = {
    AP_INIT_TAKE_ARGV(
        "TierHealthCheck", set_check, NULL, ACCESS_CONF,
        "http or tcp, then settings: uri=/path method=GET|HEAD|OPTIONS host=name status=200-399 "
        "interval=1s timeout=500ms rise=2 fall=3"),
    AP_INIT_TAKE_ARGV("TierHealthEject", health_eject_set, NULL, ACCESS_CONF,
                      "off, or on, then settings: errors=5 time=10s max=5min share=50%"),
    AP_INIT_TAKE1("TierHealthPanic", health_eject_set_panic, NULL, ACCESS_CONF,
                  "with fewer usable members than this share, all are tried; off"),
    AP_INIT_TAKE1("TierHealthSlowStart", health_eject_set_slow_start, NULL, ACCESS_CONF,
                  "how long a member that is back takes to its whole load factor, or off"),
    AP_INIT_TAKE1("TierHealthRetry", health_retry_set_attempts, NULL, RSRC_CONF | ACCESS_CONF,
                  "on, off, or how many attempts a request gets in all"),
    AP_INIT_TAKE_ARGV("TierHealthRetryOn", health_retry_set_on, NULL, RSRC_CONF | ACCESS_CONF,
                      "what is tried again: connect timeout empty malformed truncated 502 503 504"),
    AP_INIT_TAKE1("TierHealthAttemptTimeout", health_retry_set_timeout, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "how long an attempt may take that another one can follow, or off"),
    AP_INIT_TAKE12("TierHealthHold", health_retry_set_hold, NULL, RSRC_CONF | ACCESS_CONF,
                   "how many bytes of an answer are held back at most, and how long"),
    AP_INIT_TAKE1("TierHealthRetryBody", health_retry_set_body, NULL, RSRC_CONF | ACCESS_CONF,
                  "how many bytes of a request's body are kept to be sent again"),
    AP_INIT_TAKE12("TierHealthRetryBudget", health_retry_set_budget, NULL, RSRC_CONF | ACCESS_CONF,
                   "the share of the requests that may be tried again, and how many a second in "
                   "any case"),
    AP_INIT_TAKE1("TierHealthQueueTimeout", health_retry_set_queue_timeout, NULL,
                  RSRC_CONF | ACCESS_CONF, "how long requests wait for a member when all are down"),
    AP_INIT_TAKE1("TierHealthQueueMax", health_retry_set_queue_max, NULL, RSRC_CONF | ACCESS_CONF,
                  "how many requests of a child may wait at once"),
    {NULL}};
