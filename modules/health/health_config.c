/* SPDX-License-Identifier: Apache-2.0 */
#include "health_config.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_check_config.h"
#include "health_eject_config.h"
#include "health_event_config.h"
#include "health_hedge_config.h"
#include "health_outlier_config.h"
#include "health_retry_config.h"
#include "health_state_config.h"

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

int health_config_is_balancer(const char *name)
{
    return strncasecmp(name, SCHEME, sizeof(SCHEME) - 1) == 0;
}

/* Returns the balancer's name as mod_proxy spells it, or NULL where the section is not one
 * balancer's. */
static const char *balancer_of(const cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;
    char *name, *slash;

    if (!section || strcasecmp(section->directive, "<Proxy") != 0 || !cmd->path ||
        !health_config_is_balancer(cmd->path) || apr_fnmatch_test(cmd->path))
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

const health_check_t *health_config_check_of(const health_section_t *section, const char *member)
{
    for (int i = 0; section->overrides && i < section->overrides->nelts; i++) {
        const health_override_t *override =
            &APR_ARRAY_IDX(section->overrides, i, health_override_t);

        if (strcasecmp(override->member, member) == 0)
            return override->off ? NULL : &override->check;
    }
    return section->checks ? &section->check : NULL;
}

int health_config_has_agents(const health_section_t *section)
{
    for (int i = 0; section->overrides && i < section->overrides->nelts; i++) {
        if (health_check_weighs(&APR_ARRAY_IDX(section->overrides, i, health_override_t).check))
            return 1;
    }
    return section->checks && health_check_weighs(&section->check);
}

const command_rec health_config_commands[] = {
    AP_INIT_TAKE_ARGV(
        "TierHealthCheck", health_check_config_set, NULL, ACCESS_CONF,
        "a kind of probe (http, https, tcp, ...) or the name of a template, then settings: "
        "uri=/path status=200-399 interval=1s timeout=500ms rise=2 fall=3 member=url ..."),
    AP_INIT_TAKE_ARGV("TierHealthCheckTemplate", health_check_config_template, NULL, RSRC_CONF,
                      "a name, then a kind of probe and settings as TierHealthCheck takes them"),
    AP_INIT_TAKE_ARGV("TierHealthEject", health_eject_set, NULL, ACCESS_CONF,
                      "off, or on, then settings: errors=5 time=10s max=5min share=50%"),
    AP_INIT_TAKE_ARGV("TierHealthOutlier", health_outlier_set, NULL, ACCESS_CONF,
                      "off, or on, then settings: success=1.9 failures=85% latency=off "
                      "requests=100 members=3 window=10s"),
    AP_INIT_TAKE1("TierHealthPanic", health_eject_set_panic, NULL, ACCESS_CONF,
                  "with fewer usable members than this share, all are tried; off"),
    AP_INIT_ITERATE("TierHealthRequires", health_eject_set_requires, NULL, ACCESS_CONF,
                    "balancers that the members need: while one is down, none is taken out"),
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
    AP_INIT_TAKE_ARGV("TierHealthHedge", health_hedge_set, NULL, RSRC_CONF | ACCESS_CONF,
                      "off, or on, then settings: quantile=95% least=5ms share=5%"),
    AP_INIT_TAKE1("TierHealthQueueTimeout", health_retry_set_queue_timeout, NULL,
                  RSRC_CONF | ACCESS_CONF, "how long requests wait for a member when all are down"),
    AP_INIT_TAKE1("TierHealthQueueMax", health_retry_set_queue_max, NULL, RSRC_CONF | ACCESS_CONF,
                  "how many requests of a child may wait at once"),
    AP_INIT_TAKE_ARGV(
        "TierHealthEvent", health_event_config_set, NULL, RSRC_CONF,
        "a program or a URL that is told of each change of a member's state, as JSON"),
    AP_INIT_TAKE1("TierHealthStateFile", health_state_set_file, NULL, RSRC_CONF,
                  "the file that keeps the members' states over a full restart"),
    {NULL}};
