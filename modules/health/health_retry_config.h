/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_CONFIG_H
#define HEALTH_RETRY_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "health_hedge.h"
#include "health_retry_policy.h"

/*
 * The directives about attempts at members. They belong to sections, as <Proxy "balancer://name">
 * is one, but also <Location>: so one path can be tried again and another one not.
 */
typedef struct health_retry_config_t {
    int attempts;                        /* in all; 1: no retry */
    const health_retry_on_t *on;         /* NULL: the defaults */
    apr_interval_time_t attempt_timeout; /* 0: the member's own */
    apr_int64_t hold_size;
    apr_interval_time_t hold_time;
    apr_int64_t body_size;
    int budget_percent;
    int budget_free; /* a second */
    apr_interval_time_t queue_timeout;
    int queue_max;                        /* of a child; 0: half of its threads */
    const health_hedge_settings_t *hedge; /* NULL: nothing is said of it, or it is off */
    int observe; /* 1: what comes of attempts is to be known, even where none is repeated */
} health_retry_config_t;

#define HEALTH_RETRY_ATTEMPTS       3
#define HEALTH_RETRY_HOLD_SIZE      (64 * 1024)
#define HEALTH_RETRY_HOLD_TIME      apr_time_from_msec(50)
#define HEALTH_RETRY_BODY_SIZE      (64 * 1024)
#define HEALTH_RETRY_BUDGET_PERCENT 50
#define HEALTH_RETRY_BUDGET_FREE    10

/* The section configuration's make and merge, as httpd calls them. */
void *health_retry_config_create(apr_pool_t *pool, char *section);
void *health_retry_config_merge(apr_pool_t *pool, void *base, void *add);

/* Says that what comes of attempts in this section is to be known. */
void health_retry_observe(cmd_parms *cmd, void *section, int observe);

/*
 * Fills *config with what holds for r, defaults included; section is one that httpd has not merged
 * into the request, or NULL. Returns 0 when neither retry nor the waiting room, ejection nor
 * the hedge is on, and then nothing is filled. Any thread; from the request's pool.
 */
int health_retry_config_of(const request_rec *r, const ap_conf_vector_t *section,
                           health_retry_config_t *config);

/* Returns how long connecting may take by what a balancer's section says; 0: it says
 * nothing of it. post_config. */
apr_interval_time_t health_retry_config_connect(const ap_conf_vector_t *section);

/* Returns 1 when the hedge is on in a balancer's section, which may be NULL, or, as that says
 * nothing of it, in the server around it. */
int health_retry_config_hedges(const ap_conf_vector_t *server, const ap_conf_vector_t *section);

/* Returns 1 when any section of this configuration switches one of them on. post_config. */
int health_retry_config_used(apr_pool_t *pconf);

/* Says that something in this configuration needs attempts to be followed. */
void health_retry_config_use(cmd_parms *cmd);

/* The directives: each an entry of command_rec.func. */
const char *health_retry_set_attempts(cmd_parms *cmd, void *section, const char *arg);
const char *health_retry_set_on(cmd_parms *cmd, void *section, int argc, char *const argv[]);
const char *health_retry_set_timeout(cmd_parms *cmd, void *section, const char *arg);
const char *health_retry_set_hold(cmd_parms *cmd, void *section, const char *size,
                                  const char *time);
const char *health_retry_set_body(cmd_parms *cmd, void *section, const char *arg);
const char *health_retry_set_budget(cmd_parms *cmd, void *section, const char *share,
                                    const char *free_a_second);
const char *health_retry_set_queue_timeout(cmd_parms *cmd, void *section, const char *arg);
const char *health_retry_set_queue_max(cmd_parms *cmd, void *section, const char *arg);

#endif
