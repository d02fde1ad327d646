/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_hooks.h"

#include <apr_optional.h>
#include <apr_portable.h>
#include <ap_mpm.h>
#include <http_connection.h>
#include <http_core.h>
#include <mpm_common.h>

#include <unistd.h>

#include <glue.h>
#include <segment.h>
#include <status_tree.h>

#include "reproxy_config.h"
#include "reproxy_deliver.h"
#include "reproxy_handed.h"
#include "reproxy_private.h"
#include "reproxy_relay_config.h"
#include "reproxy_relay_path.h"
#include "reproxy_scene.h"

#define SEGMENT_NAME "tier-reproxy-relay"
#define PIPES_MAX    1000 /* 64 KiB each: what fs.pipe-user-pages-soft lets a user have by default */

/* What a connection's record holds while it is processed. */
typedef struct reproxy_relay_conn_t {
    reproxy_relay_carry_t *carry;
    int inside; /* process_connection is being run by this module's own hook */
} reproxy_relay_conn_t;

static reproxy_relay_conn_t *conn_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &tier_reproxy_module);
}

static int mpm_answer(int query)
{
    int answer = 0;

    return ap_mpm_query(query, &answer) == APR_SUCCESS ? answer : 0;
}

/* Only an MPM that waits for a connection without a worker gains anything by the relay: worker and
 * prefork keep a worker for each connection until it is closed. */
static int mpm_can_wait(void)
{
#ifdef AP_MPMQ_CAN_WAITIO
    return mpm_answer(AP_MPMQ_CAN_WAITIO);
#else
    return 0;
#endif
}

/* Offers of deliveries. */

static int wants(request_rec *r, apr_off_t length)
{
    const reproxy_relay_conn_t *conn = conn_of(r->connection);

    if (!conn || !conn->inside ||
        !reproxy_relay_config_allows(&reproxy_config_of(r)->relay, length) ||
        !reproxy_relay_path_is_plain(r, 0)) {
        return 0;
    }
    reproxy_relay_carry_expect(conn->carry, r);
    return 1;
}

static reproxy_failure_e failure_of(reproxy_relay_end_e end)
{
    if (end == REPROXY_RELAY_SOURCE_ENDED) {
        return REPROXY_FAILURE_CUT;
    }
    return end == REPROXY_RELAY_SOURCE_STALLED ? REPROXY_FAILURE_STALL : REPROXY_FAILURE_NONE;
}

/* Makes body what handover offers. */
static apr_status_t fill_body(reproxy_relay_body_t *body, const reproxy_handover_t *handover)
{
    body->head = handover->buffered;
    body->head_size = handover->buffered_size;
    body->length = handover->remaining;
    body->source_stall = handover->stall;
    return apr_os_sock_get(&body->source, handover->storage);
}

static apr_status_t next(void *baton, apr_off_t sent, reproxy_relay_end_e end,
                         reproxy_relay_body_t *body)
{
    const reproxy_handover_t *first = baton;
    reproxy_handover_t another = *first;
    apr_status_t status = first->resume(first->baton, sent, failure_of(end), &another);

    if (status == APR_SUCCESS && another.pull) {
        body->source = -1;
        body->pull = another.pull;
        body->pull_baton = another.baton;
        return APR_SUCCESS;
    }
    return status == APR_SUCCESS ? fill_body(body, &another) : status;
}

static void begun(void *baton, int is_read_up)
{
    const reproxy_handover_t *handover = baton;

    handover->taken(handover->baton, is_read_up);
}

static void ended(void *baton, apr_off_t sent, reproxy_relay_end_e end)
{
    const reproxy_handover_t *handover = baton;

    handover->ended(handover->baton, sent, failure_of(end));
}

static apr_status_t take(const reproxy_handover_t *handover)
{
    request_rec *r = handover->r;
    const reproxy_relay_conn_t *conn = conn_of(r->connection);
    reproxy_relay_body_t body = {.next = next, .begun = begun, .ended = ended};
    apr_status_t status;

    if (!conn || !conn->inside || r->connection->data_in_output_filters ||
        !reproxy_relay_path_is_plain(r, 1)) {
        return APR_ENOTIMPL;
    }
    body.baton = (void *)handover;
    status = fill_body(&body, handover);
    if (status == APR_SUCCESS) {
        reproxy_relay_carry_take(conn->carry, r, &body);
    }
    return status;
}

static const reproxy_relay_t relay = {wants, take};

void reproxy_relay_hooks_post_config(server_rec *main_server)
{
    apr_uint32_t children = (apr_uint32_t)mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS) + 1;
    reproxy_scene_t *scene = reproxy_scene();
    tier_segment_t segment;
    apr_status_t status;

    scene->relay_tally = NULL;
    if (!mpm_can_wait() || scene->relay_max == 0) {
        return;
    }
    status = tier_segment_obtain(&segment, SEGMENT_NAME, REPROXY_RELAY_TALLY_LAYOUT,
                                 reproxy_relay_tally_size(children), main_server->process->pool);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     WTNO(3602) "no shared memory for the counters of the relay: workers send "
                                "every body until the next restart");
        return;
    }
    tier_segment_done(&segment, SEGMENT_NAME, main_server->process->pool);
    scene->relay_tally = segment.base;
    scene->relay_tally->child_count = children;
}

static apr_status_t stop_carrying(void *data)
{
    reproxy_relay_child_state_t *child = data;

    reproxy_relay_carry_stop(child);
    if (child->place) {
        tier_atomic_store(&child->place->pid, 0);
    }
    reproxy_scene()->relay_child = NULL;
    reproxy_scene()->relay = NULL;
    return APR_SUCCESS;
}

static apr_status_t start(reproxy_relay_child_state_t *child, apr_pool_t *pool, server_rec *server)
{
    reproxy_relay_engine_spec_t spec = {(apr_uint32_t)reproxy_scene()->relay_max, PIPES_MAX, NULL};
    apr_status_t status = apr_thread_mutex_create(&child->lock, APR_THREAD_MUTEX_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    spec.log = tier_glue_log(server, APLOG_MODULE_INDEX, pool);
    /* Before the relay's own, so that it is called after it: pre-cleanups run backwards. */
    apr_pool_pre_cleanup_register(pool, child, stop_carrying);
    return reproxy_relay_engine_start(&child->engine, &spec, pool);
}

static void child_init(apr_pool_t *pool, server_rec *server)
{
    reproxy_scene_t *scene = reproxy_scene();
    reproxy_relay_child_state_t *child;
    apr_status_t status;

    scene->relay_child = NULL;
    scene->relay = NULL;
    if (!scene->relay_tally) {
        return;
    }
    child = apr_pcalloc(pool, sizeof(*child));
    child->tally = scene->relay_tally;
    child->place = reproxy_relay_tally_join(child->tally, (apr_uint32_t)getpid());
    child->count_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_out);
    status = start(child, pool, server);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     WTNO(3603) "the relay of this child cannot start; workers send every body");
        return;
    }
    scene->relay_child = child;
    scene->relay = &relay;
}

static int may_be_relayed(const conn_rec *c)
{
    return reproxy_scene()->relay_child && c->cs && !c->master && !c->outgoing;
}

/* Between the hooks of a connection. */
static char between;

/*
 * Runs the hook again within itself, so that it gets control when the request was processed: the
 * protocol's own hook is the last, and nothing comes after it.
 */
static int process(conn_rec *c)
{
    reproxy_relay_conn_t *conn = conn_of(c);
    int result = OK;

    if (!conn) {
        if (!may_be_relayed(c)) {
            return DECLINED;
        }
        conn = apr_pcalloc(c->pool, sizeof(*conn));
        conn->carry = reproxy_relay_carry_create(c, reproxy_scene()->relay_child);
        ap_set_module_config(c->conn_config, &tier_reproxy_module, conn);
    }
    if (conn->inside) {
        return DECLINED;
    }
    if (!reproxy_relay_carry_is_busy(conn->carry)) {
        conn->inside = 1;
        result = ap_run_process_connection(c);
        conn->inside = 0;
    }
    return reproxy_relay_carry_is_busy(conn->carry) ? reproxy_relay_carry_go_on(conn->carry)
                                                    : result;
}

static int process_connection(conn_rec *c)
{
    int result;

    REPROXY_HANDED_ON(&between);
    result = process(c);
    REPROXY_HANDED_OVER(&between);
    return result;
}

/* The MPM has given up waiting, as no worker was free for long: the relay goes on all the same. */
static void resume_connection(conn_rec *c, request_rec *r)
{
    reproxy_relay_conn_t *conn;

    (void)r;
    REPROXY_HANDED_ON(&between);
    conn = conn_of(c);
    if (conn && c->sbh && reproxy_relay_carry_is_busy(conn->carry)) {
        c->cs->state = CONN_STATE_PROCESSING;
    }
    REPROXY_HANDED_OVER(&between);
}

static int pre_close_connection(conn_rec *c)
{
    reproxy_relay_conn_t *conn;

    REPROXY_HANDED_ON(&between);
    conn = conn_of(c);
    if (conn) {
        reproxy_relay_carry_abort(conn->carry);
    }
    REPROXY_HANDED_OVER(&between);
    return OK;
}

void reproxy_relay_hooks_report(tier_status_node_t *root, apr_pool_t *pool)
{
    const reproxy_relay_tally_t *tally = reproxy_scene()->relay_tally;
    tier_status_node_t *node = tier_status_object(root, "relay", pool);

    tier_status_string(node, "state", tally ? "on" : "off", pool);
    if (tally) {
        reproxy_relay_tally_report(tally, node, pool);
    }
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    reproxy_scene()->relay_max = REPROXY_RELAY_MAX_DEFAULT;
    return OK;
}

void reproxy_relay_hooks_register(void)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    reproxy_relay_carry_register();
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_resume_connection(resume_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_close_connection(pre_close_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
