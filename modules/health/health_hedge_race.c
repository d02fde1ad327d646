/* SPDX-License-Identifier: Apache-2.0 */
#include "health_hedge_race.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_ssl.h>

#include <sys/socket.h>

#include <clock.h>

#include "health_ejector.h"
#include "health_hedge_second.h"
#include "health_private.h"
#include "health_retry_body.h"
#include "health_retry_choice.h"
#include "health_retry_member.h"

#define FILTER_NAME "TIER_HEALTH_HEDGE"
#define ANSWERED_BY "TIER_HEALTH_HEDGE"
/* An answer of which too little is there to tell what it is is looked at again after this. */
#define LOOK_AGAIN apr_time_from_msec(5)

/* One attempt. Lives in the request's pool; its connections end with that of the answer. */
struct health_hedge_t {
    health_retry_t *retry;
    const proxy_worker *worker; /* the first member */
    proxy_server_conf *conf;
    const char *path;
    conn_rec *origin; /* the connection to it */
    apr_socket_t *socket;
    int fd;
    ap_filter_t *filter; /* NULL: not among the connection's */
    apr_time_t sent_at;
    health_hedge_race_t race;
    health_second_t second;
    health_attempt_e bad; /* how the first one failed; PASSED: it has not */
    int bad_status;
    apr_off_t read;           /* of the second one's body */
    unsigned first_short : 1; /* the beginning of an answer is there, and too little of it */
    unsigned second_short : 1;
    unsigned decided : 1; /* who answers */
    unsigned won : 1;     /* the second */
    unsigned timed : 1;   /* the time to the answer is counted */
};

const proxy_worker *health_hedge_answerer(const health_retry_t *retry, const proxy_worker *worker)
{
    return retry->hedge && retry->hedge->won ? retry->hedge->second.worker : worker;
}

/* What the members have to say. */

/* What look() returns of an answer of which too little has come. */
#define NOT_YET HEALTH_ATTEMPT_KINDS

#define ENDED (POLLRDHUP | POLLHUP | POLLERR)

/* Looks at the beginning of an answer, which stays where it is. Returns what is bad of it, PASSED
 * when it is good, or NOT_YET; *is_short: a part of it is there, so that poll() would not wait. */
static health_attempt_e look(int fd, short events, int *is_short, int *status)
{
    char bytes[HEALTH_BEGINNING_SIZE];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

    *is_short = 0;
    if (size < 0 && !(events & ENDED) && (errno == EAGAIN || errno == EINTR))
        return NOT_YET;
    if (size <= 0)
        return HEALTH_ATTEMPT_EMPTY;
    switch (health_hedge_beginning(bytes, (apr_size_t)size, status)) {
    case HEALTH_BEGINNING_HTTP:
        return HEALTH_ATTEMPT_PASSED;
    case HEALTH_BEGINNING_OTHER:
        return HEALTH_ATTEMPT_MALFORMED;
    case HEALTH_BEGINNING_SHORT:
        break;
    }
    *is_short = !(events & ENDED);
    return events & ENDED ? HEALTH_ATTEMPT_TRUNCATED : NOT_YET;
}

static void log_failed(const health_hedge_t *hedge, const proxy_worker *worker,
                       health_attempt_e bad)
{
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, hedge->retry->r,
                  WTNO(1092) "%s failed (%s) while another member is asked as well",
                  worker->s->name_ex, health_attempt_name(bad));
}

static void see_first(health_hedge_t *hedge, short events)
{
    health_attempt_e bad;
    apr_time_t now;
    int is_short;

    /* Nobody else is asked: a plain read tells as well. */
    if (hedge->race.second == HEALTH_SIDE_NONE) {
        hedge->race.first = HEALTH_SIDE_GOOD;
        return;
    }
    bad = look(hedge->fd, events, &is_short, &hedge->bad_status);
    hedge->first_short = (unsigned)is_short;
    if (bad == NOT_YET)
        return;
    if (bad == HEALTH_ATTEMPT_PASSED &&
        health_retry_on_status(hedge->retry->config.on, hedge->bad_status))
        bad = HEALTH_ATTEMPT_STATUS;
    hedge->bad = bad;
    hedge->race.first = bad == HEALTH_ATTEMPT_PASSED ? HEALTH_SIDE_GOOD : HEALTH_SIDE_BAD;
    if (bad != HEALTH_ATTEMPT_PASSED)
        log_failed(hedge, hedge->worker, bad);
    now = tier_clock_now();
    hedge->race.bad_until = now + (now - hedge->sent_at);
}

/* Counts what came of an attempt whose answer is not given to anybody. */
static void count_failed(const health_hedge_t *hedge, const proxy_worker *worker,
                         health_attempt_e bad, int status)
{
    const health_retry_t *retry = hedge->retry;
    const health_ejector_case_t ended = {bad, status, 0};

    health_passive_attempt(health_scene_member(retry->scene, retry->followed, worker->s), bad);
    health_ejector_attempt(retry->scene->balancers, retry->balancer, worker->s, &ended, retry->r);
}

static void lose_second(health_hedge_t *hedge, health_attempt_e bad, int status)
{
    health_second_end(&hedge->second);
    hedge->race.second = HEALTH_SIDE_NONE;
    log_failed(hedge, hedge->second.worker, bad);
    count_failed(hedge, hedge->second.worker, bad, status);
}

/* An error of the second member is worth less than the silence of the first; mod_proxy would hold
 * one of failonstatus= against the first. */
static int is_error(const health_retry_t *retry, int status)
{
    const apr_array_header_t *bad = retry->balancer->errstatuses;

    for (int i = 0; bad && i < bad->nelts; i++) {
        if (APR_ARRAY_IDX(bad, i, int) == status)
            return 1;
    }
    return status >= HTTP_INTERNAL_SERVER_ERROR || status == HTTP_SWITCHING_PROTOCOLS ||
           health_retry_on_status(retry->config.on, status);
}

static void see_second(health_hedge_t *hedge, short events)
{
    health_second_t *second = &hedge->second;
    apr_status_t status = health_second_go_on(second, events);
    health_attempt_e bad;
    int is_short, answer = 0;

    if (status != APR_SUCCESS) {
        lose_second(hedge, second->sent ? HEALTH_ATTEMPT_EMPTY : HEALTH_ATTEMPT_CONNECT, 0);
        return;
    }
    if (second->connecting || !second->sent)
        return;
    bad = look(second->fd, events, &is_short, &answer);
    hedge->second_short = (unsigned)is_short;
    if (bad == NOT_YET)
        return;
    if (bad == HEALTH_ATTEMPT_PASSED && is_error(hedge->retry, answer))
        bad = HEALTH_ATTEMPT_STATUS;
    if (bad == HEALTH_ATTEMPT_PASSED)
        hedge->race.second = HEALTH_SIDE_GOOD;
    else
        lose_second(hedge, bad, answer);
}

/* The race. */

static void count(const health_hedge_t *hedge, health_count_e what)
{
    health_passive_count(health_retry_balancer_entry(hedge->retry), what);
}

static void begin_second(health_hedge_t *hedge)
{
    health_retry_t *retry = hedge->retry;
    health_budget_t *budget = &health_retry_balancer_entry(retry)->hedges;

    hedge->race.second_at = 0;
    if (!health_budget_pay(budget, 0, tier_clock_now())) {
        count(hedge, HEALTH_COUNT_HEDGES_OVER_BUDGET);
        return;
    }
    if (retry->tried_count == HEALTH_TRIED_MAX ||
        !health_second_begin(&hedge->second, retry, hedge->worker, hedge->conf, hedge->path)) {
        health_budget_earn(budget, 100);
        count(hedge, HEALTH_COUNT_HEDGES_WITHOUT_MEMBER);
        return;
    }
    count(hedge, HEALTH_COUNT_HEDGED);
    retry->tried[retry->tried_count++] = hedge->second.worker->s;
    hedge->race.second = HEALTH_SIDE_SILENT;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, retry->r,
                  WTNO(1090) "no answer from %s after %" APR_TIME_T_FMT " ms, asking %s as well",
                  hedge->worker->s->name_ex, apr_time_as_msec(tier_clock_now() - hedge->sent_at),
                  hedge->second.worker->s->name_ex);
    see_second(hedge, 0);
}

/* Returns milliseconds, rounded up; -1: as long as it takes. */
static int patience(const health_hedge_t *hedge, apr_time_t now, apr_time_t wake_at)
{
    apr_interval_time_t left = wake_at - now;

    if (hedge->first_short || hedge->second_short)
        left = wake_at && left < LOOK_AGAIN ? left : LOOK_AGAIN;
    else if (wake_at == 0)
        return -1;
    return (int)((left + 999) / 1000);
}

static void await(health_hedge_t *hedge, apr_time_t now, apr_time_t wake_at)
{
    struct pollfd members[2] = {{.fd = -1}, {.fd = -1}};

    if (hedge->race.first == HEALTH_SIDE_SILENT) {
        members[0].fd = hedge->fd;
        members[0].events = POLLIN | POLLRDHUP;
    }
    if (hedge->race.second == HEALTH_SIDE_SILENT) {
        members[1].fd = hedge->second.fd;
        members[1].events = health_second_events(&hedge->second);
    }
    if (hedge->first_short)
        members[0].events &= ~POLLIN;
    if (hedge->second_short)
        members[1].events &= ~POLLIN;
    if (poll(members, 2, patience(hedge, now, wake_at)) < 0)
        return;
    if (hedge->race.first == HEALTH_SIDE_SILENT && (members[0].revents || hedge->first_short))
        see_first(hedge, members[0].revents);
    if (hedge->race.second == HEALTH_SIDE_SILENT && (members[1].revents || hedge->second_short))
        see_second(hedge, members[1].revents);
}

/* The second was asked in vain and may be asked again. */
static void give_up_second(health_hedge_t *hedge)
{
    health_retry_t *retry = hedge->retry;

    if (hedge->race.second == HEALTH_SIDE_NONE)
        return;
    health_second_end(&hedge->second);
    hedge->race.second = HEALTH_SIDE_NONE;
    /* Nobody is added while the first attempt runs. */
    retry->tried_count--;
}

static void take_first(health_hedge_t *hedge)
{
    hedge->decided = 1;
    if (!hedge->second.worker)
        return;
    give_up_second(hedge);
    apr_table_setn(hedge->retry->r->subprocess_env, ANSWERED_BY, "first");
}

/* To the first member it looks as if the client had gone. */
static void leave_first(health_hedge_t *hedge)
{
    health_retry_t *retry = hedge->retry;

    apr_socket_shutdown(hedge->socket, APR_SHUTDOWN_READWRITE);
    if (hedge->race.first != HEALTH_SIDE_BAD)
        return;
    count_failed(hedge, hedge->worker, hedge->bad, hedge->bad_status);
    if (retry->tried_count < HEALTH_TRIED_MAX)
        retry->tried[retry->tried_count++] = hedge->worker->s;
}

static void take_second(health_hedge_t *hedge)
{
    health_retry_t *retry = hedge->retry;
    const health_second_t *second = &hedge->second;
    request_rec *r = retry->r;

    hedge->decided = hedge->won = 1;
    leave_first(hedge);
    count(hedge, HEALTH_COUNT_HEDGES_WON);
    health_choice_name(r, retry->balancer, second->worker);
    apr_table_setn(r->subprocess_env, ANSWERED_BY, "second");
    apr_table_setn(r->notes, "proxy-source-port",
                   apr_psprintf(r->pool, "%hu", second->conn->connection->local_addr->port));
    retry->met = health_scene_member(retry->scene, retry->followed, second->worker->s);
    retry->met_at = second->began;
    retry->answered = 0;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, WTNO(1091) "%s has answered before %s",
                  second->worker->s->name_ex, hedge->worker->s->name_ex);
}

/* Waits as long as a read of the first member's connection may. */
static apr_status_t decide(health_hedge_t *hedge)
{
    apr_time_t now = tier_clock_now();
    apr_interval_time_t timeout = -1;

    apr_socket_timeout_get(hedge->socket, &timeout);
    hedge->race.until = timeout < 0 ? 0 : now + timeout;
    for (;; now = tier_clock_now()) {
        apr_time_t wake_at = 0;

        switch (health_hedge_next(&hedge->race, now, &wake_at)) {
        case HEALTH_HEDGE_WAIT:
            await(hedge, now, wake_at);
            break;
        case HEALTH_HEDGE_BEGIN:
            begin_second(hedge);
            break;
        case HEALTH_HEDGE_FIRST:
            take_first(hedge);
            return APR_SUCCESS;
        case HEALTH_HEDGE_SECOND:
            take_second(hedge);
            return APR_SUCCESS;
        case HEALTH_HEDGE_OVER:
            return APR_TIMEUP;
        }
    }
}

/* The filter, and where it comes in. */

static void count_time(health_hedge_t *hedge)
{
    apr_time_t now = tier_clock_now();

    hedge->timed = 1;
    health_latency_add(&health_retry_balancer_entry(hedge->retry)->latency, now - hedge->sent_at,
                       now);
}

static apr_status_t read_second(health_hedge_t *hedge, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t bytes)
{
    apr_interval_time_t timeout = -1;
    apr_off_t size = 0;
    apr_status_t status;

    apr_socket_timeout_get(hedge->socket, &timeout);
    status = health_second_read(&hedge->second, bb, mode, block, bytes, timeout);
    if (status == APR_SUCCESS && mode == AP_MODE_READBYTES)
        apr_brigade_length(bb, 0, &size);
    hedge->read += size;
    return status;
}

static apr_status_t hedge_answer(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                 apr_read_type_e block, apr_off_t bytes)
{
    health_hedge_t *hedge = f->ctx;
    apr_status_t status = APR_SUCCESS;

    if (!hedge->decided && block == APR_BLOCK_READ)
        status = decide(hedge);
    if (status != APR_SUCCESS)
        return status;
    status = hedge->won ? read_second(hedge, bb, mode, block, bytes)
                        : ap_get_brigade(f->next, bb, mode, block, bytes);
    if (!hedge->timed && status == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb)) {
        hedge->decided = 1;
        count_time(hedge);
    }
    if (hedge->timed && !hedge->won) {
        hedge->filter = NULL;
        ap_remove_input_filter(f);
    }
    return status;
}

/* mod_proxy has counted the second one's bytes for the first. */
static void move_count(const health_hedge_t *hedge)
{
    __atomic_fetch_sub(&hedge->worker->s->read, hedge->read, __ATOMIC_RELAXED);
    __atomic_fetch_add(&hedge->second.worker->s->read, hedge->read, __ATOMIC_RELAXED);
}

static apr_status_t let_go(void *data)
{
    health_hedge_t *hedge = data;

    if (hedge->filter)
        ap_remove_input_filter(hedge->filter);
    if (!hedge->timed && hedge->retry->timed_out)
        count_time(hedge);
    if (hedge->won) {
        hedge->origin->keepalive = AP_CONN_CLOSE;
        move_count(hedge);
    }
    health_second_end(&hedge->second);
    return APR_SUCCESS;
}

/* Two at once must do no harm: of two DELETE one finds nothing, and may be the first to say so. A
 * session's request is another one at another member. */
static int may_be_hedged(const health_retry_t *retry, const proxy_worker *worker)
{
    const request_rec *r = retry->r;

    return retry->made == 1 && (r->method_number == M_GET || r->method_number == M_OPTIONS) &&
           strcmp(worker->s->scheme, "http") == 0 && health_retry_balancer_entry(retry) &&
           !apr_table_get(r->notes, "session-route") &&
           !apr_table_get(r->subprocess_env, "force-proxy-request-1.0") && health_second_possible();
}

void health_hedge_meet(health_retry_t *retry, proxy_worker *worker, proxy_server_conf *conf,
                       const char *url)
{
    const char *path = health_hedge_path(url, worker->s->name_ex);

    retry->hedge = NULL;
    if (!path || !may_be_hedged(retry, worker))
        return;
    retry->hedge = apr_pcalloc(retry->r->pool, sizeof(*retry->hedge));
    retry->hedge->retry = retry;
    retry->hedge->worker = worker;
    retry->hedge->conf = conf;
    retry->hedge->path = path;
}

/* Not before it is known how long answers take. */
static void set_time(health_hedge_t *hedge)
{
    const health_hedge_settings_t *settings = hedge->retry->config.hedge;
    health_passive_t *entry = health_retry_balancer_entry(hedge->retry);
    apr_interval_time_t usual = health_latency_quantile(&entry->latency, settings->quantile);

    health_budget_earn(&entry->hedges, settings->share);
    hedge->sent_at = tier_clock_now();
    hedge->race.first = HEALTH_SIDE_SILENT;
    if (usual > 0)
        hedge->race.second_at =
            hedge->sent_at + (usual > settings->least ? usual : settings->least);
}

void health_hedge_watch(health_hedge_t *hedge, request_rec *rp)
{
    const health_retry_t *retry = hedge->retry;

    hedge->origin = rp->connection;
    hedge->socket = ap_get_conn_socket(hedge->origin);
    if (ap_ssl_conn_is_ssl(hedge->origin) || (retry->has_body && !health_retry_body_kept(retry)) ||
        apr_table_get(retry->r->notes, "proxy-100-continue") ||
        apr_os_sock_get(&hedge->fd, hedge->socket) != APR_SUCCESS)
        return;
    set_time(hedge);
    /* rp's first filter stays the one that watches the time, which is further above. */
    hedge->filter = ap_add_input_filter(FILTER_NAME, hedge, NULL, hedge->origin);
    apr_pool_cleanup_register(rp->pool, hedge, let_go, apr_pool_cleanup_null);
}

void health_hedge_register(void)
{
    /* Just above the connection itself. */
    ap_register_input_filter(FILTER_NAME, hedge_answer, NULL, AP_FTYPE_NETWORK - 1);
}
