/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_config.h"

#include <apr_strings.h>
#include <http_core.h>

#include <glue.h>

extern module AP_MODULE_DECLARE_DATA tier_linger_module;

#define TIME_DEFAULT         apr_time_from_msec(2)
#define TIME_MIN             apr_time_from_msec(1)
#define TIME_MAX             apr_time_from_sec(1)
#define MAX_WORKERS_LIMIT    100000 /* as many threads as the event MPM lets a child have */
#define MAX_PERCENT_DEFAULT  50
#define MAX_PERCENT_LIMIT    90
#define MAX_REQUESTS_DEFAULT 100
#define MAX_REQUESTS_LIMIT   1000000

typedef struct linger_config_t {
    apr_int64_t time;         /* microseconds; 0 is off */
    apr_int64_t max_workers;  /* of a child; UNSET where max_percent holds */
    apr_int64_t max_percent;  /* of a child's workers */
    apr_int64_t max_requests; /* 0 is no limit */
} linger_config_t;

static linger_config_t *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &tier_linger_module);
}

void *linger_config_create(apr_pool_t *pool, server_rec *server)
{
    linger_config_t *config = apr_palloc(pool, sizeof(*config));

    (void)server;
    *config = (linger_config_t){TIER_UNSET, TIER_UNSET, TIER_UNSET, TIER_UNSET};
    return config;
}

void *linger_config_merge(apr_pool_t *pool, void *base, void *add)
{
    linger_config_t *from = base;
    linger_config_t *over = add;
    linger_config_t *merged = apr_palloc(pool, sizeof(*merged));

    TIER_MERGE(merged, from, over, time);
    TIER_MERGE(merged, from, over, max_workers);
    TIER_MERGE(merged, from, over, max_percent);
    TIER_MERGE(merged, from, over, max_requests);
    return merged;
}

apr_interval_time_t linger_config_time(const server_rec *server)
{
    return TIER_SETTING(config_of(server), time, 0);
}

int linger_config_is_on(const server_rec *main_server)
{
    const server_rec *server;

    for (server = main_server; server; server = server->next) {
        if (linger_config_time(server) > 0) {
            return 1;
        }
    }
    return 0;
}

apr_uint32_t linger_config_max_workers(const server_rec *main_server, apr_uint32_t workers)
{
    const linger_config_t *config = config_of(main_server);
    apr_int64_t percent = TIER_SETTING(config, max_percent, MAX_PERCENT_DEFAULT);

    return (apr_uint32_t)TIER_SETTING(config, max_workers, workers * percent / 100);
}

apr_uint32_t linger_config_max_requests(const server_rec *main_server)
{
    return (apr_uint32_t)TIER_SETTING(config_of(main_server), max_requests, MAX_REQUESTS_DEFAULT);
}

static const char *set_time(cmd_parms *cmd, void *unused, const char *arg)
{
    linger_config_t *config = config_of(cmd->server);
    apr_interval_time_t value = 0;
    const char *problem = NULL;

    (void)unused;
    if (!strcasecmp(arg, "on")) {
        value = TIME_DEFAULT;
    } else if (strcasecmp(arg, "off") != 0) {
        problem = tier_glue_parse_time(cmd, arg, "ms", TIME_MIN, TIME_MAX, &value);
    }
    if (problem) {
        return apr_pstrcat(cmd->pool, problem, ", or on, or off", NULL);
    }
    config->time = value;
    return NULL;
}

static const char *set_max_workers(cmd_parms *cmd, void *unused, const char *arg)
{
    linger_config_t *config = config_of(cmd->server);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_size_t length = strlen(arg);

    (void)unused;
    if (problem) {
        return problem;
    }
    if (length > 0 && arg[length - 1] == '%') {
        const char *digits = apr_pstrndup(cmd->temp_pool, arg, length - 1);

        config->max_workers = TIER_UNSET;
        problem = tier_glue_parse_number(cmd, digits, 1, MAX_PERCENT_LIMIT, &config->max_percent);
        return problem ? apr_pstrcat(cmd->pool, problem, " (percent of ThreadsPerChild)", NULL)
                       : NULL;
    }
    problem = tier_glue_parse_number(cmd, arg, 1, MAX_WORKERS_LIMIT, &config->max_workers);
    return problem ? apr_pstrcat(cmd->pool, problem, ", or a share from 1% to 90%", NULL) : NULL;
}

static const char *set_max_requests(cmd_parms *cmd, void *unused, const char *arg)
{
    linger_config_t *config = config_of(cmd->server);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)unused;
    return problem ? problem
                   : tier_glue_parse_number(cmd, arg, 0, MAX_REQUESTS_LIMIT, &config->max_requests);
}

const command_rec linger_config_commands[] = {
    AP_INIT_TAKE1("TierLinger", set_time, NULL, RSRC_CONF,
                  "off, on, or how long a worker waits on a connection for its next request"),
    AP_INIT_TAKE1("TierLingerMaxWorkers", set_max_workers, NULL, RSRC_CONF,
                  "how many workers of a child may wait at once, or a percentage of them"),
    AP_INIT_TAKE1("TierLingerMaxRequests", set_max_requests, NULL, RSRC_CONF,
                  "after how many requests in a row a connection gives its worker back"),
    {NULL}};
