/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After each response httpd looks for pipelined data: a speculative, non-blocking read of one byte.
 * When there is none the connection goes to the listener thread, and comes back with the next
 * request. The input filter here makes the worker wait a moment in that read instead.
 */
#include "linger_filter.h"

#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include <clock.h>

#include "linger_config.h"
#include "linger_wait.h"

static const char filter_name[] = "TIER_LINGER";

/*
 * How soon a lingering worker sees that it is wanted elsewhere. Waiting on a second descriptor that
 * wakes it at once was tried: it cost each wait 0.2 to 0.7 us on a busy machine.
 */
#define SLICE apr_time_from_msec(4)

/* Times the linger time: a longer gap is not httpd's own delay, the client is far. */
#define STRETCH 8

/* For how long a worker lingers at most that nobody misses, unless TierLinger is longer. */
#define STRETCHED_MAX apr_time_from_msec(16)

/*
 * httpd's look for the next request. Filters below may hold what was read from the socket already,
 * as mod_ssl does when the client pipelines, and only a read tells. But through TLS a read in vain
 * costs much of what lingering saves. So a worker waits without one for a client that has waited
 * for its answers so far, and looks late: when it has waited for a slice.
 */
typedef struct look_t {
    ap_filter_t *below;
    apr_bucket_brigade *brigade; /* for what the read finds */
    apr_off_t wanted;
    apr_status_t status; /* of the read */
    unsigned int done : 1;
    unsigned int found : 1;
} look_t;

static void look(look_t *at)
{
    at->done = 1;
    at->status =
        ap_get_brigade(at->below, at->brigade, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ, at->wanted);
    at->found = (at->status != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(at->status)) ||
                !APR_BRIGADE_EMPTY(at->brigade);
}

/* The connection's protocol may have changed since the filters were put on it. */
static int is_http1(conn_rec *c)
{
    return !c->clogging_input_filters && !strcmp(ap_get_protocol(c), AP_PROTOCOL_HTTP1);
}

/*
 * Sends what httpd holds back of the response, as the event MPM does it: without blocking, by the
 * core's own filter, the last one. Returns 1 when nothing is left to send.
 */
static int send_all(conn_rec *c)
{
    ap_filter_t *last = c->output_filters;

    if (!c->data_in_output_filters) {
        return 1;
    }
    while (last->next) {
        last = last->next;
    }
    return last->frec->filter_func.out_func(last, NULL) == APR_SUCCESS &&
           !c->data_in_output_filters;
}

/* The listener takes no new connections while it has no idle worker, or too many connections. */
static int is_accepting(const process_score *score)
{
    return !__atomic_load_n(&score->not_accepting, __ATOMIC_RELAXED);
}

static linger_outcome_e ask_to_linger(linger_conn_t *conn)
{
    const linger_child_t *child = conn->child;

    if (!linger_pace_pays(&conn->pace, conn->far) || !is_http1(conn->c)) {
        return LINGER_REFUSED_GAP;
    }
    if (child->max_requests && conn->turn >= child->max_requests) {
        return LINGER_REFUSED_TURN;
    }
    return linger_crew_enter(&conn->child->crew, conn->answered, is_accepting(conn->score));
}

/* Whoever waits without having looked does so for one slice at most. */
static linger_outcome_e wait_for_request(linger_conn_t *conn, look_t *late)
{
    apr_time_t now = conn->answered;
    apr_time_t due = now + conn->limit;

    if (!conn->coarse) {
        conn->coarse = 1;
        linger_wait_be_coarse();
    }
    while (now < due) {
        apr_interval_time_t slice = due - now < SLICE ? due - now : SLICE;
        linger_wait_e came = linger_wait(conn->socket, slice);

        if (came == LINGER_WAIT_READABLE) {
            linger_pace_hit(&conn->pace);
            return LINGER_HIT;
        }
        if (came == LINGER_WAIT_CLOSED) {
            return LINGER_CLOSED;
        }
        if (!late->done) {
            look(late);
        }
        if (late->found) {
            return LINGER_HIT;
        }
        now = tier_clock_now();
        if (linger_crew_wanted(&conn->child->crew, now)) {
            return LINGER_RELEASED;
        }
    }
    linger_pace_missed(&conn->pace);
    return LINGER_TIMEOUT;
}

static linger_outcome_e linger(linger_conn_t *conn, look_t *late)
{
    linger_outcome_e outcome = ask_to_linger(conn);

    if (outcome != LINGER_ADMITTED) {
        return outcome;
    }
    if (send_all(conn->c)) {
        ap_update_child_status(conn->c->sbh, SERVER_BUSY_KEEPALIVE, NULL);
        outcome = wait_for_request(conn, late);
    } else {
        outcome = LINGER_REFUSED_UNSENT;
    }
    linger_crew_leave(&conn->child->crew);
    return outcome;
}

/*
 * Tells httpd that something waits to be read. httpd looks only whether it is a blank line; what it
 * really is gets read by the next request, exactly as if the listener had found the socket
 * readable. Reading it here too would be counted twice by mod_logio.
 */
static void announce_data(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    apr_bucket *mark = apr_bucket_immortal_create("?", 1, filter->c->bucket_alloc);

    APR_BRIGADE_INSERT_TAIL(brigade, mark);
}

/* Where nobody misses the worker it may wait for longer: for all who are not far. */
static void set_limits(linger_conn_t *conn, apr_interval_time_t time)
{
    apr_interval_time_t alive = linger_conn_alive(conn);
    apr_interval_time_t most;

    conn->far = time * STRETCH;
    most = conn->far < STRETCHED_MAX ? conn->far : STRETCHED_MAX;
    if (time < most && linger_crew_is_roomy(&conn->child->crew)) {
        time = most;
    }
    conn->limit = time < alive ? time : alive;
}

/* Returns 1 when a worker lingered and there is something to read now. */
static int after_response(linger_conn_t *conn, look_t *late)
{
    apr_interval_time_t time = linger_config_time(conn->server);
    linger_outcome_e outcome;

    conn->armed = 0;
    conn->answered = 0;
    if (time <= 0 || conn->c->keepalive != AP_CONN_KEEPALIVE || conn->c->aborted) {
        return 0;
    }
    conn->answered = tier_clock_now();
    set_limits(conn, time);
    outcome = linger(conn, late);
    linger_tally_add(conn->tally, outcome);
    if (outcome == LINGER_TIMEOUT && conn->limit >= linger_conn_alive(conn)) {
        conn->c->keepalive = AP_CONN_CLOSE; /* KeepAliveTimeout has passed */
    }
    if (outcome != LINGER_HIT && outcome != LINGER_CLOSED) {
        return 0;
    }
    conn->turn++;
    return 1;
}

/* Returns 1 when the core's input filter has read nothing that it did not hand out yet. */
static int is_core_empty(const core_net_rec *net)
{
    const apr_bucket *bucket;

    if (!net->in_ctx) {
        return 0;
    }
    bucket = APR_BRIGADE_FIRST(net->in_ctx->b);
    while (bucket != APR_BRIGADE_SENTINEL(net->in_ctx->b) && bucket->length == 0) {
        bucket = APR_BUCKET_NEXT(bucket);
    }
    return bucket != APR_BRIGADE_SENTINEL(net->in_ctx->b) && APR_BUCKET_IS_SOCKET(bucket);
}

/*
 * Returns 1 when there is no use in a look before waiting. Where there are only the core's filter
 * below, and those that keep nothing back between two requests, the socket alone says whether there
 * is something to read; elsewhere it is likely to, once the client has waited for its answers.
 */
static int may_wait_blindly(const linger_conn_t *conn, const ap_filter_t *below)
{
    while (below->next && (!strcmp(below->frec->name, "reqtimeout") ||
                           !strcmp(below->frec->name, "log_input_output"))) {
        below = below->next;
    }
    if (below->frec == ap_core_input_filter_handle) {
        return is_core_empty(below->ctx);
    }
    return conn->waits && !conn->pipelines;
}

/* httpd looks for the next request after a response. Not inlined: all other reads are to be cheap.
 */
static __attribute__((noinline)) apr_status_t
look_ahead(ap_filter_t *filter, apr_bucket_brigade *brigade, apr_off_t wanted)
{
    linger_conn_t *conn = filter->ctx;
    look_t late = {.below = filter->next, .brigade = brigade, .wanted = wanted};

    if (!may_wait_blindly(conn, filter->next)) {
        look(&late);
    }
    if (!late.found && after_response(conn, &late) && !late.found) {
        conn->waits = 1;
        announce_data(filter, brigade);
        return APR_SUCCESS;
    }
    conn->pipelines |= late.found;
    if (!late.done) {
        look(&late);
    }
    return late.status;
}

static apr_status_t read_input(ap_filter_t *filter, apr_bucket_brigade *brigade,
                               ap_input_mode_t mode, apr_read_type_e block, apr_off_t wanted)
{
    linger_conn_t *conn = filter->ctx;

    if (conn->armed) {
        if (mode == AP_MODE_SPECULATIVE && block == APR_NONBLOCK_READ) {
            return look_ahead(filter, brigade, wanted);
        }
        conn->armed = mode == AP_MODE_READBYTES; /* a blank line is being skipped */
    }
    return ap_get_brigade(filter->next, brigade, mode, block, wanted);
}

/* The end-of-request bucket follows the last byte of a response. */
static apr_status_t watch_output(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    if (!APR_BRIGADE_EMPTY(brigade) && AP_BUCKET_IS_EOR(APR_BRIGADE_LAST(brigade))) {
        linger_conn_t *conn = filter->ctx;

        conn->armed = 1;
    }
    return ap_pass_brigade(filter->next, brigade);
}

void linger_filter_register(void)
{
    /* Above TLS (AP_FTYPE_CONNECTION + 5): what is decrypted already is found by the read below us.
     */
    ap_register_input_filter(filter_name, read_input, NULL, AP_FTYPE_CONNECTION);
    ap_register_output_filter(filter_name, watch_output, NULL, AP_FTYPE_CONNECTION);
}

void linger_filter_insert(linger_conn_t *conn)
{
    ap_add_input_filter(filter_name, conn, NULL, conn->c);
    ap_add_output_filter(filter_name, conn, NULL, conn->c);
}
