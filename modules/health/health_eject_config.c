/* SPDX-License-Identifier: Apache-2.0 */
#include "health_eject_config.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_check_config.h"
#include "health_config.h"
#include "health_retry_config.h"

#define SETTINGS              "errors=, time=, max= and share="
#define HEALTH_SLOW_START_MIN apr_time_from_msec(100)

const char *health_eject_parse_percent(cmd_parms *cmd, const char *value, apr_int64_t min,
                                       apr_uint32_t *field)
{
    apr_size_t size = strlen(value);
    apr_int64_t number = 0;
    const char *problem;

    if (size < 2 || value[size - 1] != '%')
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is not a share of the members; allowed are "
                            "%" APR_INT64_T_FMT "%% to 100%%",
                            cmd->cmd->name, value, min);
    problem = tier_glue_parse_number(cmd, apr_pstrmemdup(cmd->temp_pool, value, size - 1), min, 100,
                                     &number);
    *field = (apr_uint32_t)number;
    return problem;
}

static const char *parse_errors(cmd_parms *cmd, const char *value, apr_uint32_t *errors)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_parse_number(cmd, value, 1, HEALTH_COUNT_MAX, &number);

    *errors = (apr_uint32_t)number;
    return problem;
}

static const char *take(cmd_parms *cmd, void *data, const char *setting, const char *value)
{
    health_eject_settings_t *settings = data;

    if (strcasecmp(setting, "errors") == 0)
        return parse_errors(cmd, value, &settings->errors);
    if (strcasecmp(setting, "time") == 0)
        return tier_glue_parse_time(cmd, value, "s", HEALTH_EJECT_TIME_MIN, HEALTH_INTERVAL_MAX,
                                    &settings->time);
    if (strcasecmp(setting, "max") == 0)
        return tier_glue_parse_time(cmd, value, "s", HEALTH_EJECT_TIME_MIN,
                                    24 * HEALTH_INTERVAL_MAX, &settings->max);
    if (strcasecmp(setting, "share") == 0)
        return health_eject_parse_percent(cmd, value, 1, &settings->share);
    return tier_glue_no_setting;
}

static const char *set_arguments(cmd_parms *cmd, health_eject_settings_t *settings, int argc,
                                 char *const argv[])
{
    const char *problem = NULL;

    health_eject_defaults(settings);
    for (int i = 1; i < argc && !problem; i++)
        problem = tier_glue_take_setting(cmd, argv[i], take, settings, SETTINGS);
    if (!problem && settings->max < settings->time)
        problem = apr_psprintf(cmd->temp_pool,
                               "%s: max is less than time; max is the longest ejection and may be "
                               "from time to 24h",
                               cmd->cmd->name);
    return problem;
}

const char *health_eject_set(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);
    int is_on = 0;

    if (!problem)
        problem = tier_glue_parse_on(cmd, argc, argv, SETTINGS, &is_on);
    if (problem)
        return problem;
    section->ejects = is_on;
    health_retry_observe(cmd, config, is_on);
    if (!is_on)
        return NULL;
    return set_arguments(cmd, &section->eject, argc, argv);
}

const char *health_eject_set_panic(cmd_parms *cmd, void *config, const char *arg)
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);

    (void)config;
    if (problem)
        return problem;
    if (strcmp(arg, "0") == 0 || strcasecmp(arg, "off") == 0)
        arg = "0%";
    return health_eject_parse_percent(cmd, arg, 0, &section->panic);
}

const char *health_eject_set_slow_start(cmd_parms *cmd, void *config, const char *arg)
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);

    (void)config;
    if (problem)
        return problem;
    section->slow_start = 0;
    if (strcasecmp(arg, "off") == 0)
        return NULL;
    return tier_glue_parse_time(cmd, arg, "s", HEALTH_SLOW_START_MIN, HEALTH_INTERVAL_MAX,
                                &section->slow_start);
}

static void require(cmd_parms *cmd, health_section_t *section, const char *name)
{
    if (!section->requires)
    section->requires = apr_array_make(cmd->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(section->requires, const char *) = name;
}

static const char *require_balancer(cmd_parms *cmd, health_section_t *section, const char *arg)
{
    char *name = apr_pstrdup(cmd->pool, arg);
    const char *host = strchr(name, '/') + 2;

    ap_str_tolower(name);
    if (!*host || strchr(host, '/'))
        return apr_psprintf(cmd->temp_pool, "%s: \"%s\" is no balancer; write balancer://name",
                            cmd->cmd->name, arg);
    if (strcmp(name, section->balancer) == 0)
        return apr_psprintf(cmd->temp_pool, "%s: %s cannot require itself", cmd->cmd->name, name);
    require(cmd, section, name);
    return NULL;
}

static const char *require_service(cmd_parms *cmd, health_section_t *section, const char *arg)
{
    const health_service_t *service;
    const char *problem = health_check_config_service(cmd, arg, &service);

    if (problem)
        return problem;
    if (!section->services)
        section->services = apr_array_make(cmd->pool, 2, sizeof(const health_service_t *));
    APR_ARRAY_PUSH(section->services, const health_service_t *) = service;
    require(cmd, section, service->name);
    return NULL;
}

const char *health_eject_set_requires(cmd_parms *cmd, void *config, const char *arg)
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);

    (void)config;
    if (problem)
        return problem;
    return health_config_is_balancer(arg) ? require_balancer(cmd, section, arg)
                                          : require_service(cmd, section, arg);
}
