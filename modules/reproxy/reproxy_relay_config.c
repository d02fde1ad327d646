/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_config.h"

#include <glue.h>

#include "reproxy_config.h"
#include "reproxy_scene.h"

#define MIN_DEFAULT  (32 * 1024)
#define MAX_LIMIT    100000
#define SMALLEST_MIN 1

void reproxy_relay_config_init(reproxy_relay_config_t *config)
{
    config->is_on = TIER_UNSET;
    config->min = TIER_UNSET;
}

void reproxy_relay_config_merge(reproxy_relay_config_t *merged, const reproxy_relay_config_t *base,
                                const reproxy_relay_config_t *add)
{
    TIER_MERGE(merged, base, add, is_on);
    TIER_MERGE(merged, base, add, min);
}

int reproxy_relay_config_allows(const reproxy_relay_config_t *config, apr_off_t length)
{
    return TIER_SETTING(config, is_on, 1) && length >= TIER_SETTING(config, min, MIN_DEFAULT);
}

const char *reproxy_relay_config_set_on(cmd_parms *cmd, void *section, int on)
{
    (void)cmd;
    ((reproxy_config_t *)section)->relay.is_on = on;
    return NULL;
}

const char *reproxy_relay_config_set_min(cmd_parms *cmd, void *section, const char *arg)
{
    return tier_glue_parse_size(cmd, arg, SMALLEST_MIN, APR_INT64_MAX,
                                &((reproxy_config_t *)section)->relay.min);
}

const char *reproxy_relay_config_set_max(cmd_parms *cmd, void *section, const char *arg)
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)section;
    return problem ? problem
                   : tier_glue_parse_number(cmd, arg, 0, MAX_LIMIT, &reproxy_scene()->relay_max);
}
