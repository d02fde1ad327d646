/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check_config.h"

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_check_settings.h"
#include "health_config.h"
#include "health_mysql.h"
#include "health_ssl_proxy.h"

#define TEMPLATES "webtier-health-templates"

/* A TierHealthCheck while it is read. */
typedef struct reading_t {
    health_check_t check;
    const char *member; /* member=, or NULL */
    int off;            /* "off" instead of a kind */
    int is_template;
} reading_t;

/* Returns the templates of this configuration, by name: they go with its pool. */
static apr_hash_t *templates_of(cmd_parms *cmd)
{
    void *found = NULL;

    apr_pool_userdata_get(&found, TEMPLATES, cmd->pool);
    if (!found) {
        found = apr_hash_make(cmd->pool);
        apr_pool_userdata_setn(found, TEMPLATES, apr_pool_cleanup_null, cmd->pool);
    }
    return found;
}

static void begin(reading_t *reading, int is_template)
{
    memset(reading, 0, sizeof(*reading));
    reading->is_template = is_template;
    health_check_defaults(&reading->check);
    reading->check.tls.chain = reading->check.tls.name = reading->check.tls.expiry = TIER_UNSET;
}

static const char *no_kind(cmd_parms *cmd, const char *argument)
{
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is neither a kind of probe (%s) or the name of a "
                        "TierHealthCheckTemplate before this line, at the first place, nor a "
                        "setting=value",
                        cmd->cmd->name, argument, health_check_settings_kinds(cmd->temp_pool));
}

/* Takes the first argument where it is a word. Returns how many arguments were taken. */
static int take_word(cmd_parms *cmd, reading_t *reading, const char *word)
{
    const health_check_t *known = apr_hash_get(templates_of(cmd), word, APR_HASH_KEY_STRING);

    if (health_check_kind_of(word, &reading->check.kind))
        return 1;
    reading->off = !reading->is_template && strcasecmp(word, "off") == 0;
    if (known)
        reading->check = *known;
    return reading->off || known;
}

static const char *take_setting(cmd_parms *cmd, reading_t *reading, const char *argument)
{
    const char *equals = strchr(argument, '=');
    const char *setting, *value;

    if (!equals)
        return no_kind(cmd, argument);
    setting = apr_pstrmemdup(cmd->temp_pool, argument, (apr_size_t)(equals - argument));
    value = apr_pstrdup(cmd->pool, equals + 1);
    if (strcasecmp(setting, "member") == 0 && !reading->is_template) {
        reading->member = value;
        return NULL;
    }
    if (reading->off)
        return apr_psprintf(cmd->temp_pool, "%s: off goes with member= only", cmd->cmd->name);
    return health_check_settings_take(cmd, &reading->check, setting, value);
}

static const char *read_arguments(cmd_parms *cmd, reading_t *reading, int argc, char *const argv[])
{
    const char *problem = NULL;
    int first = argc > 0 ? take_word(cmd, reading, argv[0]) : 0;

    for (int i = first; i < argc && !problem; i++)
        problem = take_setting(cmd, reading, argv[i]);
    return problem;
}

static const char *in_directive(cmd_parms *cmd, const char *problem)
{
    return problem ? apr_psprintf(cmd->temp_pool, "%s: %s", cmd->cmd->name, problem) : NULL;
}

/* What a template leaves open is settled where it is used. */
static const char *settle(cmd_parms *cmd, health_check_t *check)
{
    const char *problem = in_directive(cmd, health_check_settle(check, cmd->temp_pool));

    if (!problem && check->kind == HEALTH_KIND_MYSQL && !health_mysql_prepare())
        problem = in_directive(cmd, "MariaDB Connector/C cannot be used");
    if (problem || (check->kind != HEALTH_KIND_HTTPS && check->kind != HEALTH_KIND_TLS))
        return problem;
    health_ssl_proxy_fill(cmd, &check->tls);
    return in_directive(cmd,
                        health_tls_context_create(&check->tls_context, &check->tls, cmd->pool));
}

static const char *set_override(cmd_parms *cmd, health_section_t *section, const reading_t *reading)
{
    health_override_t *made;

    if (!section->overrides)
        section->overrides = apr_array_make(cmd->pool, 2, sizeof(health_override_t));
    for (int i = 0; i < section->overrides->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(section->overrides, i, health_override_t).member,
                       reading->member) == 0)
            return apr_psprintf(cmd->temp_pool, "%s: member %s of %s has one already",
                                cmd->cmd->name, reading->member, section->balancer);
    }
    made = apr_array_push(section->overrides);
    made->member = reading->member;
    made->off = reading->off;
    made->check = reading->check;
    return NULL;
}

static const char *set_for_all(cmd_parms *cmd, health_section_t *section, const reading_t *reading)
{
    if (reading->off)
        return apr_psprintf(cmd->temp_pool, "%s: off goes with member= only", cmd->cmd->name);
    if (section->checks)
        return apr_psprintf(cmd->temp_pool,
                            "%s: %s has one already; each balancer takes one for all members, and "
                            "one for each member that is named by member=",
                            cmd->cmd->name, section->balancer);
    section->checks = 1;
    section->check = reading->check;
    return NULL;
}

const char *health_check_config_set(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);
    reading_t reading;

    (void)unused;
    if (problem)
        return problem;
    section->where =
        apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
    begin(&reading, 0);
    problem = read_arguments(cmd, &reading, argc, argv);
    if (!problem && !reading.off)
        problem = settle(cmd, &reading.check);
    if (problem)
        return problem;
    return reading.member ? set_override(cmd, section, &reading)
                          : set_for_all(cmd, section, &reading);
}

static int is_name(const char *name)
{
    apr_size_t size = strlen(name);

    for (const char *c = name; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '_')
            return 0;
    }
    return size > 0 && size <= 64;
}

const char *health_check_config_service(cmd_parms *cmd, const char *name,
                                        const health_service_t **service)
{
    const health_check_t *known = apr_hash_get(templates_of(cmd), name, APR_HASH_KEY_STRING);
    health_service_t *made = apr_palloc(cmd->pool, sizeof(*made));
    health_check_t *check;
    const char *problem;

    if (!known)
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is neither a balancer, written balancer://name, nor the "
                            "name of a TierHealthCheckTemplate before this line",
                            cmd->cmd->name, name);
    check = apr_pmemdup(cmd->pool, known, sizeof(*known));
    problem = settle(cmd, check);
    *service = made;
    return problem ? problem
                   : in_directive(cmd, health_service_make(made, apr_pstrdup(cmd->pool, name),
                                                           check, cmd->pool));
}

const char *health_check_config_template(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    const char *name = argc > 0 ? argv[0] : "";
    health_kind_e kind;
    reading_t reading;
    const char *problem;

    (void)unused;
    if (!is_name(name) || health_check_kind_of(name, &kind) || strcasecmp(name, "off") == 0)
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" cannot be a name; allowed are up to 64 letters, digits, - "
                            "and _ that are neither a kind of probe nor off",
                            cmd->cmd->name, name);
    if (apr_hash_get(templates_of(cmd), name, APR_HASH_KEY_STRING))
        return apr_psprintf(cmd->temp_pool, "%s: there is a template \"%s\" already",
                            cmd->cmd->name, name);
    begin(&reading, 1);
    problem = read_arguments(cmd, &reading, argc - 1, argv + 1);
    if (problem)
        return problem;
    apr_hash_set(templates_of(cmd), apr_pstrdup(cmd->pool, name), APR_HASH_KEY_STRING,
                 apr_pmemdup(cmd->pool, &reading.check, sizeof(reading.check)));
    return NULL;
}
