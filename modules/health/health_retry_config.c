/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_config.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#define USED_KEY    "tier-health-retry-used"
#define TIME_MAX    apr_time_from_sec(3600)
#define SIZE_MAX_16 (16 * 1024 * 1024)

extern module AP_MODULE_DECLARE_DATA tier_health_module;

void *health_retry_config_create(apr_pool_t *pool, char *section)
{
    health_retry_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)section;
    config->attempts = config->budget_percent = config->budget_free = TIER_UNSET;
    config->queue_max = config->observe = TIER_UNSET;
    config->attempt_timeout = config->hold_time = config->queue_timeout = TIER_UNSET;
    config->hold_size = config->body_size = TIER_UNSET;
    return config;
}

void *health_retry_config_merge(apr_pool_t *pool, void *base_section, void *add_section)
{
    const health_retry_config_t *base = base_section, *add = add_section;
    health_retry_config_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, base, add, attempts);
    TIER_MERGE_POINTER(merged, base, add, on);
    TIER_MERGE(merged, base, add, attempt_timeout);
    TIER_MERGE(merged, base, add, hold_size);
    TIER_MERGE(merged, base, add, hold_time);
    TIER_MERGE(merged, base, add, body_size);
    TIER_MERGE(merged, base, add, budget_percent);
    TIER_MERGE(merged, base, add, budget_free);
    TIER_MERGE(merged, base, add, queue_timeout);
    TIER_MERGE(merged, base, add, queue_max);
    TIER_MERGE(merged, base, add, observe);
    TIER_MERGE_POINTER(merged, base, add, hedge);
    return merged;
}

static const health_retry_config_t *merged_for(const request_rec *r,
                                               const ap_conf_vector_t *section)
{
    void *here = ap_get_module_config(r->per_dir_config, &tier_health_module);
    void *below = section ? ap_get_module_config(section, &tier_health_module) : NULL;

    return here && below ? health_retry_config_merge(r->pool, below, here) : here ? here : below;
}

int health_retry_config_of(const request_rec *r, const ap_conf_vector_t *section,
                           health_retry_config_t *config)
{
    const health_retry_config_t *set = merged_for(r, section);

    if (!set || (set->attempts <= 1 && set->queue_timeout <= 0 && set->observe <= 0 &&
                 !(set->hedge && set->hedge->quantile)))
        return 0;
    config->attempts = TIER_SETTING(set, attempts, 1);
    config->on = set->on ? set->on : &health_retry_on_default;
    config->attempt_timeout = TIER_SETTING(set, attempt_timeout, 0);
    config->hold_size = TIER_SETTING(set, hold_size, HEALTH_RETRY_HOLD_SIZE);
    config->hold_time = TIER_SETTING(set, hold_time, HEALTH_RETRY_HOLD_TIME);
    config->body_size = TIER_SETTING(set, body_size, HEALTH_RETRY_BODY_SIZE);
    config->budget_percent = TIER_SETTING(set, budget_percent, HEALTH_RETRY_BUDGET_PERCENT);
    config->budget_free = TIER_SETTING(set, budget_free, HEALTH_RETRY_BUDGET_FREE);
    config->queue_timeout = TIER_SETTING(set, queue_timeout, 0);
    config->queue_max = TIER_SETTING(set, queue_max, 0);
    config->observe = TIER_SETTING(set, observe, 0);
    config->hedge = set->hedge && set->hedge->quantile ? set->hedge : NULL;
    return 1;
}

apr_interval_time_t health_retry_config_connect(const ap_conf_vector_t *section)
{
    const health_retry_config_t *set = ap_get_module_config(section, &tier_health_module);

    return set && set->attempts > 1 ? TIER_SETTING(set, attempt_timeout, 0) : 0;
}

static const health_hedge_settings_t *hedge_in(const ap_conf_vector_t *section)
{
    const health_retry_config_t *set =
        section ? ap_get_module_config(section, &tier_health_module) : NULL;

    return set ? set->hedge : NULL;
}

int health_retry_config_hedges(const ap_conf_vector_t *server, const ap_conf_vector_t *section)
{
    const health_hedge_settings_t *hedge = hedge_in(section);

    if (!hedge)
        hedge = hedge_in(server);
    return hedge && hedge->quantile;
}

int health_retry_config_used(apr_pool_t *pconf)
{
    void *used = NULL;

    apr_pool_userdata_get(&used, USED_KEY, pconf);
    return used != NULL;
}

void health_retry_config_use(cmd_parms *cmd)
{
    apr_pool_userdata_setn("", USED_KEY, NULL, cmd->pool);
}

void health_retry_observe(cmd_parms *cmd, void *section, int observe)
{
    ((health_retry_config_t *)section)->observe = observe;
    if (observe)
        health_retry_config_use(cmd);
}

const char *health_retry_set_attempts(cmd_parms *cmd, void *section, const char *arg)
{
    health_retry_config_t *config = section;
    apr_int64_t attempts = HEALTH_RETRY_ATTEMPTS;

    if (strcasecmp(arg, "off") == 0) {
        config->attempts = 1;
        return NULL;
    }
    if (strcasecmp(arg, "on") != 0 &&
        tier_glue_parse_number(cmd, arg, 2, HEALTH_RETRY_MAX, &attempts))
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is neither on nor off nor a number of attempts in all "
                            "from 2 to %d",
                            cmd->cmd->name, arg, HEALTH_RETRY_MAX);
    config->attempts = (int)attempts;
    health_retry_config_use(cmd);
    return NULL;
}

const char *health_retry_set_on(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    health_retry_on_t *on = apr_pcalloc(cmd->pool, sizeof(*on));

    if (argc == 0)
        return apr_psprintf(cmd->temp_pool, "%s: names nothing; %s", cmd->cmd->name,
                            health_retry_on_add(on, ""));
    for (int i = 0; i < argc; i++) {
        const char *allowed = health_retry_on_add(on, argv[i]);

        if (allowed)
            return apr_psprintf(cmd->temp_pool, "%s: \"%s\" cannot be used; %s", cmd->cmd->name,
                                argv[i], allowed);
    }
    ((health_retry_config_t *)section)->on = on;
    return NULL;
}

const char *health_retry_set_timeout(cmd_parms *cmd, void *section, const char *arg)
{
    health_retry_config_t *config = section;

    if (strcasecmp(arg, "off") == 0) {
        config->attempt_timeout = 0;
        return NULL;
    }
    return tier_glue_parse_time(cmd, arg, "s", apr_time_from_msec(10), TIME_MAX,
                                &config->attempt_timeout);
}

const char *health_retry_set_hold(cmd_parms *cmd, void *section, const char *size, const char *time)
{
    health_retry_config_t *config = section;
    apr_off_t bytes = 0;
    const char *problem = tier_glue_parse_size(cmd, size, 0, SIZE_MAX_16, &bytes);

    config->hold_size = bytes;
    if (problem || !time)
        return problem;
    return tier_glue_parse_time(cmd, time, "s", 0, TIME_MAX, &config->hold_time);
}

const char *health_retry_set_body(cmd_parms *cmd, void *section, const char *arg)
{
    apr_off_t bytes = 0;
    const char *problem = tier_glue_parse_size(cmd, arg, 0, SIZE_MAX_16, &bytes);

    ((health_retry_config_t *)section)->body_size = bytes;
    return problem;
}

const char *health_retry_set_budget(cmd_parms *cmd, void *section, const char *share,
                                    const char *free_a_second)
{
    health_retry_config_t *config = section;
    apr_size_t size = strlen(share);
    apr_int64_t number = 0;
    const char *problem;

    if (size < 2 || share[size - 1] != '%')
        return apr_psprintf(cmd->temp_pool,
                            "%s: \"%s\" is not a share of the requests; allowed are 0%% to 1000%%",
                            cmd->cmd->name, share);
    problem = tier_glue_parse_number(cmd, apr_pstrmemdup(cmd->temp_pool, share, size - 1), 0, 1000,
                                     &number);
    config->budget_percent = (int)number;
    if (problem || !free_a_second)
        return problem;
    problem = tier_glue_parse_number(cmd, free_a_second, 0, 100000, &number);
    config->budget_free = (int)number;
    return problem;
}

const char *health_retry_set_queue_timeout(cmd_parms *cmd, void *section, const char *arg)
{
    health_retry_config_t *config = section;
    const char *problem =
        tier_glue_parse_time(cmd, arg, "s", 0, apr_time_from_sec(300), &config->queue_timeout);

    if (!problem && config->queue_timeout > 0)
        health_retry_config_use(cmd);
    return problem;
}

const char *health_retry_set_queue_max(cmd_parms *cmd, void *section, const char *arg)
{
    apr_int64_t number = 0;
    const char *problem = tier_glue_parse_number(cmd, arg, 1, 100000, &number);

    ((health_retry_config_t *)section)->queue_max = (int)number;
    return problem;
}
