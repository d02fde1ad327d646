/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tier_linger: a worker waits a moment on a busy keep-alive connection for its next request,
 * which saves the hand-over to the listener thread and back. This file is hooks only:
 * linger_filter.c waits, linger_pace.c knows where it pays, linger_crew.c sees to it that nobody
 * wants for a worker because of it.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <ap_mpm.h>
#include <ap_provider.h>
#include <mpm_common.h>
#include <scoreboard.h>

#include <glue.h>
#include <segment.h>
#include <webtier/status_provider.h>

#include "linger_config.h"
#include "linger_filter.h"
#include "linger_report.h"

#define SEGMENT_NAME   "tier-linger"
#define SEGMENT_LAYOUT 1

module AP_MODULE_DECLARE_DATA tier_linger_module;

/*
 * Written in post_config by the parent, so that each child has its own copy by fork. NULL: nothing
 * lingers. Not made in child_init: connections outlive the pool that httpd hands out there.
 */
static linger_child_t *child;

static int mpm_answer(int query)
{
    int answer = 0;

    return ap_mpm_query(query, &answer) == APR_SUCCESS ? answer : 0;
}

static apr_status_t obtain_tallies(linger_child_t *made, apr_pool_t *process_pool)
{
    tier_segment_t segment;
    apr_size_t slots = (apr_size_t)mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS);
    apr_status_t status = tier_segment_obtain(&segment, SEGMENT_NAME, SEGMENT_LAYOUT,
                                              slots * sizeof(linger_tally_t), process_pool);

    if (status == APR_SUCCESS) {
        tier_segment_done(&segment, SEGMENT_NAME, process_pool);
        made->tallies = segment.base;
        made->tally_count = slots;
    }
    return status;
}

static void make_child(server_rec *main_server, apr_pool_t *pconf)
{
    linger_child_t *made = apr_pcalloc(pconf, sizeof(*made));
    apr_uint32_t workers = (apr_uint32_t)mpm_answer(AP_MPMQ_MAX_THREADS);
    apr_status_t status = obtain_tallies(made, main_server->process->pool);

    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(9001) "no shared memory for the counters of TierLinger: it has no effect "
                                "until the next restart");
        return;
    }
    linger_crew_init(&made->crew, workers, linger_config_max_workers(main_server, workers));
    made->thread_limit = mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS);
    made->max_requests = linger_config_max_requests(main_server);
    child = made;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *main_server)
{
    (void)plog;
    (void)ptemp;
    child = NULL;
    if (!linger_config_is_on(main_server) || tier_glue_first_pass(main_server, "mod_tier_linger")) {
        return OK;
    }
    if (!mpm_answer(AP_MPMQ_IS_ASYNC)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server,
                     WTNO(9002) "TierLinger has no effect with mpm_%s, whose workers wait on their "
                                "connection anyway; it is made for mpm_event",
                     ap_show_mpm());
        return OK;
    }
    make_child(main_server, pconf);
    return OK;
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    (void)graceful;
    if (child) {
        linger_crew_stop(&child->crew);
    }
}

static linger_conn_t *conn_of(conn_rec *c)
{
    return child ? ap_get_module_config(c->conn_config, &tier_linger_module) : NULL;
}

static int pre_connection(conn_rec *c, void *csd)
{
    linger_conn_t *conn;
    apr_os_sock_t socket;

    if (!child || !csd || !c->cs || c->master || c->outgoing ||
        apr_os_sock_get(&socket, csd) != APR_SUCCESS) {
        return DECLINED;
    }
    conn = linger_conn_create(c, socket, child);
    ap_set_module_config(c->conn_config, &tier_linger_module, conn);
    linger_filter_insert(conn);
    return DECLINED;
}

static void resume_connection(conn_rec *c, request_rec *r)
{
    linger_conn_t *conn;

    (void)r;
    if (!child) {
        return;
    }
    linger_crew_take_over(&child->crew);
    conn = conn_of(c);
    if (conn) {
        linger_conn_resumed(conn);
    }
}

static void suspend_connection(conn_rec *c, request_rec *r)
{
    linger_conn_t *conn = conn_of(c);

    (void)r;
    if (conn) {
        linger_conn_suspended(conn);
    }
}

static int pre_close_connection(conn_rec *c)
{
    linger_conn_t *conn = conn_of(c);

    if (conn) {
        linger_conn_closing(conn);
    }
    return OK;
}

static int post_read_request(request_rec *r)
{
    linger_conn_t *conn = conn_of(r->connection);

    if (conn) {
        conn->server = r->server;
    }
    return DECLINED;
}

static void report(tier_status_node_t *root, void *vhost, apr_pool_t *pool)
{
    linger_report(root, vhost, child, pool);
}

static const tier_status_provider_t provider = {report};

static void register_hooks(apr_pool_t *pconf)
{
    linger_filter_register();
    ap_register_provider(pconf, TIER_STATUS_GROUP, "linger", TIER_STATUS_VERSION, &provider);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_resume_connection(resume_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_suspend_connection(suspend_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(pre_close_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(tier_linger) = {STANDARD20_MODULE_STUFF,
                                  NULL,
                                  NULL,
                                  linger_config_create,
                                  linger_config_merge,
                                  linger_config_commands,
                                  register_hooks,
                                  AP_MODULE_FLAG_NONE};
