/* SPDX-License-Identifier: Apache-2.0 */
#include "health_hedge_config.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_eject_config.h"
#include "health_hedge.h"
#include "health_retry_config.h"

#define SETTINGS       "quantile=, least= and share="
#define QUANTILE_LEAST 500

/* "95%" or "99.9%" */
static const char *parse_quantile(cmd_parms *cmd, const char *value, apr_uint32_t *thousandths)
{
    char *end;
    apr_int64_t whole = apr_strtoi64(value, &end, 10);
    apr_int64_t part = 0;

    if (end[0] == '.' && apr_isdigit(end[1])) {
        part = end[1] - '0';
        end += 2;
    }
    if (apr_isdigit(*value) && strcmp(end, "%") == 0 && whole < 100 &&
        whole * 10 + part >= QUANTILE_LEAST) {
        *thousandths = (apr_uint32_t)(whole * 10 + part);
        return NULL;
    }
    return apr_psprintf(cmd->temp_pool,
                        "%s: \"%s\" is not a part of the answers; allowed are 50%% to 99.9%%, with "
                        "one digit behind the point",
                        cmd->cmd->name, value);
}

static const char *set_argument(cmd_parms *cmd, health_hedge_settings_t *settings,
                                const char *argument)
{
    const char *equals = strchr(argument, '=');
    const char *setting =
        equals ? apr_pstrmemdup(cmd->temp_pool, argument, (apr_size_t)(equals - argument))
               : argument;
    const char *problem;

    if (equals && strcasecmp(setting, "quantile") == 0)
        problem = parse_quantile(cmd, equals + 1, &settings->quantile);
    else if (equals && strcasecmp(setting, "least") == 0)
        problem = tier_glue_parse_time(cmd, equals + 1, "s", apr_time_from_msec(1),
                                       apr_time_from_sec(3600), &settings->least);
    else if (equals && strcasecmp(setting, "share") == 0)
        problem = health_eject_parse_percent(cmd, equals + 1, 1, &settings->share);
    else
        return apr_psprintf(cmd->temp_pool,
                            "%s: there is no setting \"%s\"; allowed after on are " SETTINGS,
                            cmd->cmd->name, setting);
    return tier_glue_in_setting(cmd, setting, problem);
}

const char *health_hedge_set(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    health_hedge_settings_t *settings = apr_pcalloc(cmd->pool, sizeof(*settings));
    const char *problem = NULL;

    ((health_retry_config_t *)section)->hedge = settings;
    if (argc == 1 && strcasecmp(argv[0], "off") == 0)
        return NULL;
    if (argc == 0 || strcasecmp(argv[0], "on") != 0)
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is neither off nor on with settings " SETTINGS,
                            cmd->cmd->name, argc ? argv[0] : "");
    settings->quantile = HEALTH_HEDGE_QUANTILE;
    settings->least = HEALTH_HEDGE_LEAST;
    settings->share = HEALTH_HEDGE_SHARE;
    for (int i = 1; i < argc && !problem; i++)
        problem = set_argument(cmd, settings, argv[i]);
    health_retry_config_use(cmd);
    return problem;
}
