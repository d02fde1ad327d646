/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tier_health: probes the members of mod_proxy's balancers and takes bad ones out of service.
 * This file is hooks only: health_config.c reads the directives, health_balancers.c knows
 * mod_proxy, health_monitor.c and what it uses do the work, in the leading watch of the host.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <apr_general.h>
#include <http_config.h>
#include <http_log.h>

#include <glue.h>
#include <segment.h>
#include <watch.h>
#include <webtier/status_provider.h>

#include "health_action.h"
#include "health_balancers.h"
#include "health_command.h"
#include "health_config.h"
#include "health_event_config.h"
#include "health_hedge_config.h"
#include "health_monitor.h"
#include "health_passive_report.h"
#include "health_report.h"
#include "health_retry.h"
#include "health_state_config.h"
#include "health_state_file.h"
#include "health_retry_backend.h"

#define TABLE_NAME    "tier-health"
#define LEADER_NAME   "tier-health-leader"
#define LEADER_LAYOUT 1
#define ROOM_MIN      1024
#define ACT_TIMEOUT   apr_time_from_sec(1)

module AP_MODULE_DECLARE_DATA tier_health_module;

/* Written in post_config by the parent, when no child runs on this generation; read by its
 * children. */
static struct {
    health_table_t *table; /* NULL: nothing is checked */
    tier_leader_t *leader;
    health_balancers_t *balancers;
    const tier_log_t *log;
    const health_event_config_t *event;
    const char *state_file; /* NULL: there is none */
    health_scene_t *scene;  /* NULL: no request is tried again */
} state;

/* Written in child_init, before there are threads; then the watch's. */
static health_server_t watch_server;

/* An httpd that restarts goes on without checks: that is better than no httpd. */
static void go_without(server_rec *main_server, apr_status_t status)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                 WTNO(1014) "no shared memory for TierHealthCheck, TierHealthEject and "
                            "TierHealthRetry: they have no effect until the next restart");
    state.table = NULL;
    state.scene = NULL;
}

static void take_kept(void *unused, const health_record_t *record)
{
    health_entry_t *entry = health_table_claim(state.table, &record->key, record->member.since);

    (void)unused;
    if (!entry)
        return;
    health_entry_set_member(entry, &record->member);
    entry->told = record->member.transitions;
}

/* Room for twice the members, so that restarts with a longer list find the same segment again. */
static apr_status_t obtain_table(server_rec *main_server, apr_pool_t *ptemp)
{
    apr_pool_t *pool = main_server->process->pool;
    apr_uint32_t room = 2 * health_balancers_room(state.balancers);
    apr_uint32_t capacity = room < ROOM_MIN ? ROOM_MIN : room;
    tier_segment_t segment;
    apr_status_t status = tier_segment_obtain(&segment, TABLE_NAME, HEALTH_TABLE_LAYOUT,
                                              health_table_size(capacity), pool);

    if (status != APR_SUCCESS)
        return status;
    if (segment.fresh)
        health_table_format(segment.base, capacity);
    if (segment.fresh && segment.old_base)
        health_table_adopt(segment.base, segment.old_base);
    state.table = segment.base;
    if (segment.fresh && !segment.old_base && state.state_file)
        health_state_file_load(state.state_file, take_kept, NULL, state.log, ptemp);
    tier_segment_done(&segment, TABLE_NAME, pool);
    return APR_SUCCESS;
}

/* Apart from the table, because a table that grows is another one, and the lock must stay. */
static apr_status_t obtain_leader(server_rec *main_server)
{
    apr_pool_t *pool = main_server->process->pool;
    tier_segment_t segment;
    apr_status_t status =
        tier_segment_obtain(&segment, LEADER_NAME, LEADER_LAYOUT, sizeof(tier_leader_t), pool);

    if (status != APR_SUCCESS)
        return status;
    tier_segment_done(&segment, LEADER_NAME, pool);
    state.leader = segment.base;
    return segment.fresh ? tier_leader_init(state.leader) : APR_SUCCESS;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *main_server)
{
    (void)pconf;
    (void)plog;
    health_hedge_check(main_server, ptemp);
    return health_balancers_check(main_server, ptemp);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *main_server)
{
    apr_status_t status;

    (void)plog;
    memset(&state, 0, sizeof(state));
    if (tier_glue_first_pass(main_server, "mod_tier_health"))
        return OK;
    health_config_settle(main_server, pconf);
    state.log = tier_glue_log(main_server, tier_health_module.module_index, pconf);
    state.state_file = health_state_config_file(pconf);
    state.event = health_event_config_of(pconf);
    state.balancers = health_balancers_find(main_server, pconf);
    if (health_retry_setup(&state.scene, state.balancers, main_server, pconf) != OK)
        return HTTP_INTERNAL_SERVER_ERROR;
    status = obtain_table(main_server, ptemp);
    if (status == APR_SUCCESS)
        status = obtain_leader(main_server);
    if (status != APR_SUCCESS) {
        go_without(main_server, status);
        return OK;
    }
    health_balancers_restore(state.balancers, state.table, main_server, ptemp);
    if (health_balancers_room(state.balancers) == 0) {
        health_table_clear(state.table);
        state.table = NULL;
    }
    return OK;
}

static apr_uint32_t random_bits(void *unused)
{
    apr_uint32_t bits = 0;

    (void)unused;
    apr_generate_random_bytes((unsigned char *)&bits, sizeof(bits));
    return bits;
}

static apr_status_t lead(tier_loop_t *loop, void *unused, apr_pool_t *pool)
{
    const health_monitor_options_t options = {.table = state.table,
                                              .server = &watch_server,
                                              .log = state.log,
                                              .event_command = state.event->command,
                                              .event_url = state.event->url,
                                              .state_file = state.state_file,
                                              .random = random_bits};

    (void)unused;
    return health_monitor_start(loop, &options, pool);
}

static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    tier_watch_spec_t spec = {.name = "tier-health",
                              .leader = state.leader,
                              .log = state.log,
                              .lead = lead,
                              .retired = tier_glue_retired};
    tier_watch_t *watch;
    apr_status_t status;

    if (state.scene && health_scene_child(state.scene, pchild) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server,
                     WTNO(1045) "TierHealthAttemptTimeout does not bound TLS handshakes in this "
                                "child: no key of threads is left");
    if (!state.table)
        return;
    health_balancers_serve(state.balancers, &watch_server);
    spec.max_sockets = health_table_capacity(state.table) + HEALTH_COMMANDS + 1; /* an event's */
    status = tier_watch_start(&watch, &spec, pchild);
    if (status != APR_SUCCESS)
        ap_log_error(
            APLOG_MARK, APLOG_ERR, status, main_server,
            WTNO(1015) "this child cannot take part in health checks: its watch did not start");
}

static void report(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    health_passive_report_t traffic = {.root = root, .pool = pool};

    (void)vhost;
    if (state.table && state.event->command)
        health_report_events(root, state.table, pool);
    if (state.table)
        health_report(root, state.table, state.leader, pool);
    if (state.scene)
        health_scene_each(state.scene, health_passive_report, &traffic);
}

static tier_status_outcome_e act(const char *action, const char *target, const char **text,
                                 void *vhost, apr_pool_t *pool)
{
    health_action_e wanted = health_action_of(action);
    health_acted_e acted;
    health_entry_t *entry;
    health_key_t key;

    (void)vhost;
    (void)pool;
    *text = "there is no such action";
    if (wanted == HEALTH_ACTION_NONE)
        return TIER_STATUS_NO_ACTION;
    *text = "there is no such member";
    if (!state.table || !health_action_key(&key, target) ||
        !(entry = health_table_find(state.table, &key)))
        return TIER_STATUS_NO_TARGET;
    acted = health_action_ask(entry, wanted, ACT_TIMEOUT);
    *text = health_action_text(acted);
    return acted == HEALTH_ACTED ? TIER_STATUS_DONE : TIER_STATUS_NOT_NOW;
}

static int retry_handler(request_rec *r)
{
    return state.scene ? health_retry_handler(state.scene, r) : DECLINED;
}

static int pre_connection(conn_rec *c, void *socket)
{
    return state.scene ? health_retry_backend_connection(state.scene, c, socket) : DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const proxy[] = {"mod_proxy.c", NULL};
    static const char *const after[] = {"mod_proxy.c", "mod_proxy_balancer.c", NULL};
    static const char *const ssl[] = {"mod_ssl.c", NULL};
    static const tier_status_provider_t provider = {report, act};

    ap_hook_check_config(check_config, after, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, after, NULL, APR_HOOK_LAST);
    ap_hook_child_init(child_init, after, NULL, APR_HOOK_LAST);
    ap_hook_handler(retry_handler, NULL, proxy, APR_HOOK_FIRST);
    ap_hook_pre_connection(pre_connection, ssl, NULL, APR_HOOK_LAST);
    health_retry_register();
    ap_register_provider(pool, TIER_STATUS_GROUP, "health", TIER_STATUS_VERSION, &provider);
}

AP_DECLARE_MODULE(tier_health) = {
    STANDARD20_MODULE_STUFF, health_retry_config_create, health_retry_config_merge,
    health_config_create,    health_config_merge,        health_config_commands,
    register_hooks};
