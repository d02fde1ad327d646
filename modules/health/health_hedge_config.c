/* SPDX-License-Identifier: Apache-2.0 */
#include "health_hedge_config.h"

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>

#include <string.h>
#include <strings.h>

#include <glue.h>

#include "health_eject_config.h"
#include "health_hedge.h"
#include "health_private.h"
#include "health_retry_config.h"
#include "health_retry_scene.h"
#include "health_slots.h"

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

static const char *take(cmd_parms *cmd, void *data, const char *setting, const char *value)
{
    health_hedge_settings_t *settings = data;

    if (strcasecmp(setting, "quantile") == 0)
        return parse_quantile(cmd, value, &settings->quantile);
    if (strcasecmp(setting, "least") == 0)
        return tier_glue_parse_time(cmd, value, "s", apr_time_from_msec(1), apr_time_from_sec(3600),
                                    &settings->least);
    if (strcasecmp(setting, "share") == 0)
        return health_eject_parse_percent(cmd, value, 1, &settings->share);
    return tier_glue_no_setting;
}

const char *health_hedge_set(cmd_parms *cmd, void *section, int argc, char *const argv[])
{
    health_hedge_settings_t *settings = apr_pcalloc(cmd->pool, sizeof(*settings));
    int is_on;
    const char *problem = tier_glue_parse_on(cmd, argc, argv, SETTINGS, &is_on);

    ((health_retry_config_t *)section)->hedge = settings;
    if (!is_on)
        return problem;
    settings->quantile = HEALTH_HEDGE_QUANTILE;
    settings->least = HEALTH_HEDGE_LEAST;
    settings->share = HEALTH_HEDGE_SHARE;
    for (int i = 1; i < argc && !problem; i++)
        problem = tier_glue_take_setting(cmd, argv[i], take, settings, SETTINGS);
    health_retry_config_use(cmd);
    return problem;
}

static const proxy_worker_shared *other_protocol(const proxy_balancer *balancer)
{
    for (int i = 0; i < balancer->workers->nelts; i++) {
        const proxy_worker *worker = APR_ARRAY_IDX(balancer->workers, i, proxy_worker *);

        if (strcmp(worker->s->scheme, "http") != 0)
            return worker->s;
    }
    return NULL;
}

static void check_balancer(const server_rec *server, const proxy_server_conf *conf,
                           const proxy_balancer *balancer)
{
    const ap_conf_vector_t *section = health_scene_section(conf, balancer->s->name);
    const proxy_worker_shared *member = other_protocol(balancer);

    if (member && health_retry_config_hedges(server->lookup_defaults, section))
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, server,
                     WTNO(1046) "TierHealthHedge: requests at %s of %s are not sent to a second "
                                "member, nor others to it: only members with http:// can be asked "
                                "beside one another",
                     member->name_ex, balancer->s->name);
}

/* A balancer of the main server is one of the virtual hosts that inherit it, too. */
static int is_new(apr_hash_t *seen, const proxy_balancer *balancer)
{
    const proxy_balancer_shared *const *shared = (const proxy_balancer_shared *const *)&balancer->s;

    if (apr_hash_get(seen, shared, sizeof(*shared)))
        return 0;
    apr_hash_set(seen, shared, sizeof(*shared), "");
    return 1;
}

void health_hedge_check(const server_rec *main_server, apr_pool_t *ptemp)
{
    apr_hash_t *seen = apr_hash_make(ptemp);

    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = health_slots_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            const proxy_balancer *balancer = health_slots_balancer(conf->balancers, i);

            if (is_new(seen, balancer))
                check_balancer(server, conf, balancer);
        }
    }
}
