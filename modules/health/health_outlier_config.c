/* SPDX-License-Identifier: Apache-2.0 */
#include "health_outlier_config.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_config.h"
#include "health_eject_config.h"

#define SETTINGS "success=, failures=, latency=, requests=, members= and window="

/* "1.9": a number with one digit behind the point at most, from 0.1 to max; "off" is 0. */
static const char *parse_tenths(cmd_parms *cmd, const char *value, apr_uint32_t max,
                                apr_uint32_t *tenths)
{
    char *end;
    apr_int64_t whole = apr_strtoi64(value, &end, 10);
    apr_int64_t part = 0;

    *tenths = 0;
    if (strcasecmp(value, "off") == 0)
        return NULL;
    if (end[0] == '.' && apr_isdigit(end[1])) {
        part = end[1] - '0';
        end += 2;
    }
    if (apr_isdigit(*value) && *end == '\0' && whole < max && whole * 10 + part >= 1) {
        *tenths = (apr_uint32_t)(whole * 10 + part);
        return NULL;
    }
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is neither off nor a number from 0.1 to %u.9 with one digit "
                        "behind the point",
                        cmd->cmd->name, value, max - 1);
}

static const char *parse_count(cmd_parms *cmd, const char *value, apr_int64_t min, apr_int64_t max,
                               apr_uint32_t *field)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_parse_number(cmd, value, min, max, &number);

    *field = (apr_uint32_t)number;
    return problem;
}

static const char *parse_failures(cmd_parms *cmd, const char *value, apr_uint32_t *failures)
{
    *failures = 0;
    return strcasecmp(value, "off") == 0 ? NULL
                                         : health_eject_parse_percent(cmd, value, 1, failures);
}

static const char *take(cmd_parms *cmd, void *data, const char *setting, const char *value)
{
    health_outlier_settings_t *settings = data;

    if (strcasecmp(setting, "success") == 0)
        return parse_tenths(cmd, value, 100, &settings->success);
    if (strcasecmp(setting, "latency") == 0)
        return parse_tenths(cmd, value, 1000, &settings->latency);
    if (strcasecmp(setting, "failures") == 0)
        return parse_failures(cmd, value, &settings->failures);
    if (strcasecmp(setting, "requests") == 0)
        return parse_count(cmd, value, 1, 1000000, &settings->requests);
    if (strcasecmp(setting, "members") == 0)
        return parse_count(cmd, value, 2, 1000, &settings->members);
    if (strcasecmp(setting, "window") == 0)
        return tier_glue_parse_time(cmd, value, "s", apr_time_from_sec(1), HEALTH_INTERVAL_MAX,
                                    &settings->window);
    return tier_glue_no_setting;
}

const char *health_outlier_set(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    health_section_t *section;
    const char *problem = health_config_section(cmd, &section);
    int is_on;

    (void)config;
    if (problem)
        return problem;
    memset(&section->eject.outlier, 0, sizeof(section->eject.outlier));
    problem = tier_glue_parse_on(cmd, argc, argv, SETTINGS, &is_on);
    if (!is_on)
        return problem;
    health_outlier_defaults(&section->eject.outlier);
    for (int i = 1; i < argc && !problem; i++)
        problem = tier_glue_take_setting(cmd, argv[i], take, &section->eject.outlier, SETTINGS);
    return problem;
}
