/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry.h"

#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include <poll.h>
#include <string.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include <clock.h>

#include "health_private.h"
#include "health_retry_backend.h"
#include "health_retry_body.h"
#include "health_retry_hold.h"
#include "health_retry_member.h"
#include "health_slots.h"

#define BALANCER_URL "proxy:balancer://"
#define TELL_EVERY   apr_time_from_sec(60)

extern module AP_MODULE_DECLARE_DATA tier_health_module;

health_retry_t *health_retry_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &tier_health_module);
}

static const char *balancer_url(const request_rec *r)
{
    const char *url = r->proxyreq ? r->filename : r->handler;

    if (!url || strncasecmp(url, BALANCER_URL, sizeof(BALANCER_URL) - 1) != 0 ||
        (r->proxyreq && r->proxyreq != PROXYREQ_REVERSE))
        return NULL;
    return url + sizeof("proxy:") - 1;
}

/* httpd merges no <Proxy> section into a request that SetHandler gives to a balancer. */
static const ap_conf_vector_t *unmerged_section(const request_rec *r, const char *url)
{
    const proxy_server_conf *conf = r->proxyreq ? NULL : health_slots_conf(r->server);
    apr_size_t scheme = sizeof("balancer://") - 1;

    if (!conf)
        return NULL;
    return health_scene_section(conf,
                                apr_pstrmemdup(r->pool, url, scheme + strcspn(url + scheme, "/")));
}

/* A connection that is to become something else than HTTP cannot be begun twice. */
static int is_plain(const request_rec *r)
{
    return r->method_number != M_CONNECT && !apr_table_get(r->headers_in, "Upgrade");
}

/* Returns a copy of a table, NULL of an empty one: that is cheaper, and the commonest. */
static apr_table_t *keep_table(const request_rec *r, const apr_table_t *table)
{
    return apr_is_empty_table(table) ? NULL : apr_table_copy(r->pool, table);
}

static apr_table_t *table_again(const request_rec *r, const apr_table_t *kept)
{
    return kept ? apr_table_copy(r->pool, kept) : apr_table_make(r->pool, 12);
}

/* Keeps what an attempt changes. */
static const request_rec *remember(const request_rec *r)
{
    request_rec *before = apr_pmemdup(r->pool, r, sizeof(*r));

    before->filename = apr_pstrdup(r->pool, r->filename);
    before->headers_in = keep_table(r, r->headers_in);
    before->headers_out = keep_table(r, r->headers_out);
    before->err_headers_out = keep_table(r, r->err_headers_out);
    return before;
}

static health_retry_t *begin(health_scene_t *scene, request_rec *r,
                             const health_retry_config_t *config)
{
    health_retry_t *retry = apr_pcalloc(r->pool, sizeof(*retry));
    int repeats;

    retry->r = r;
    retry->scene = scene;
    retry->config = *config;
    retry->has_body = (unsigned)ap_request_has_body(r);
    retry->idempotent = (unsigned)health_retry_idempotent(r->method);
    repeats = config->attempts > 1 || config->queue_timeout > 0;
    retry->before = repeats ? remember(r) : NULL;
    retry->held = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_set_module_config(r->request_config, &tier_health_module, retry);
    health_retry_hold_insert(retry);
    if ((repeats || config->hedge) && retry->has_body)
        health_retry_body_insert(retry);
    return retry;
}

static void begin_attempt(health_retry_t *retry)
{
    retry->made++;
    retry->attempt = HEALTH_ATTEMPT_PASSED;
    retry->status = 0;
    retry->answer = HEALTH_ANSWER_NONE;
    retry->granted = retry->refused = retry->sent = retry->heard = retry->headed = 0;
    retry->malformed = retry->cut = retry->timed_out = retry->moved = 0;
    retry->met = NULL;
    retry->hedge = NULL;
    retry->deadline = retry->hold_until = 0;
    retry->worker = retry->chosen = NULL;
    retry->held_size = 0;
    apr_brigade_cleanup(retry->held);
}

/* mod_proxy's words about the attempt would be taken for those about the next one. */
static void forget_notes(request_rec *r)
{
    static const char *const notes[] = {"proxy_timedout", "proxy-error-override",
                                        "proxy-status",   "proxy-source-port",
                                        "error-notes",    "verbose-error-to"};

    for (apr_size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        apr_table_unset(r->notes, notes[i]);
}

/* Makes the request what it was before the attempt. */
static void restore(health_retry_t *retry)
{
    request_rec *r = retry->r;
    const request_rec *before = retry->before;

    r->filename = apr_pstrdup(r->pool, before->filename);
    r->path_info = before->path_info;
    r->args = before->args;
    r->handler = before->handler;
    r->proxyreq = before->proxyreq;
    r->status = before->status;
    r->status_line = before->status_line;
    r->headers_in = table_again(r, before->headers_in);
    r->headers_out = table_again(r, before->headers_out);
    r->err_headers_out = table_again(r, before->err_headers_out);
    r->trailers_out = apr_table_make(r->pool, 5);
    r->content_type = before->content_type;
    r->content_encoding = before->content_encoding;
    r->content_languages = before->content_languages;
    r->no_cache = before->no_cache;
    r->no_local_copy = before->no_local_copy;
    r->mtime = before->mtime;
    r->clength = before->clength;
    r->chunked = before->chunked;
    r->sent_bodyct = before->sent_bodyct;
    r->bytes_sent = before->bytes_sent;
    r->eos_sent = before->eos_sent;
    forget_notes(r);
}

/* What came of an attempt of which the hold filter has seen nothing. */
static health_attempt_e classify(const health_retry_t *retry, int result)
{
    if (result < HTTP_INTERNAL_SERVER_ERROR)
        return HEALTH_ATTEMPT_PASSED;
    if (apr_table_get(retry->r->notes, "proxy-error-override"))
        return HEALTH_ATTEMPT_STATUS;
    if (retry->timed_out || apr_table_get(retry->r->notes, "proxy_timedout"))
        return HEALTH_ATTEMPT_TIMEOUT;
    if (!retry->sent && result == HTTP_SERVICE_UNAVAILABLE)
        return HEALTH_ATTEMPT_CONNECT;
    if (result == HTTP_INTERNAL_SERVER_ERROR)
        return HEALTH_ATTEMPT_STATUS;
    if (retry->headed)
        return HEALTH_ATTEMPT_TRUNCATED;
    return retry->heard ? HEALTH_ATTEMPT_MALFORMED : HEALTH_ATTEMPT_EMPTY;
}

int health_retry_client_gone(const health_retry_t *retry)
{
    conn_rec *c = retry->r->connection;
    apr_socket_t *socket;
    struct pollfd client = {.fd = -1};

    /* A stream of HTTP/2 has no socket of its own. */
    if (c->aborted || c->master || !(socket = ap_get_conn_socket(c)))
        return c->aborted;
    /* A client that has only shut down its sending side still wants the answer. */
    if (apr_os_sock_get(&client.fd, socket) != APR_SUCCESS || client.fd < 0 ||
        poll(&client, 1, 0) <= 0)
        return 0;
    return (client.revents & (POLLERR | POLLHUP)) != 0;
}

static int session_is_bound(const health_retry_t *retry)
{
    return retry->balancer && retry->balancer->s->sticky_force &&
           apr_table_get(retry->r->notes, "session-route");
}

static int may_be_sent(const health_retry_t *retry)
{
    return retry->sent || (retry->worker && !health_retry_member_is_http(retry->worker));
}

static health_retry_verdict_e judge(const health_retry_t *retry, health_attempt_e attempt,
                                    int status)
{
    const health_retry_case_t bad = {.attempt = attempt,
                                     .status = status,
                                     .made = retry->made,
                                     .allowed = (apr_uint32_t)retry->config.attempts,
                                     .idempotent = retry->idempotent,
                                     .sent = (unsigned)may_be_sent(retry),
                                     .body_lost = retry->body_lost,
                                     .answered = retry->answer == HEALTH_ANSWER_GIVEN,
                                     .aborted = (unsigned)health_retry_client_gone(retry),
                                     .bound = (unsigned)session_is_bound(retry)};

    return health_retry_judge(&bad, retry->config.on);
}

static int pay(const health_retry_t *retry)
{
    health_passive_t *entry = health_retry_balancer_entry(retry);
    apr_time_t now = tier_clock_now();

    if (!entry || health_budget_pay(&entry->budget, (apr_uint32_t)retry->config.budget_free, now))
        return 1;
    health_passive_count(entry, HEALTH_COUNT_NO_BUDGET);
    if (health_passive_may_tell(entry, TELL_EVERY, now))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, retry->r,
                      WTNO(1041) "%s: more requests fail than TierHealthRetryBudget lets be tried "
                                 "again; clients see failures",
                      entry->key.balancer);
    return 0;
}

int health_retry_grant(health_retry_t *retry, health_attempt_e attempt, int status)
{
    health_retry_verdict_e verdict;

    if (retry->granted)
        return 1;
    verdict = judge(retry, attempt, status);
    if (verdict != HEALTH_RETRY_YES) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, retry->r, WTNO(1042) "not tried again (%s): %s",
                      health_attempt_name(attempt), health_retry_verdict_text(verdict));
        return 0;
    }
    if (!health_retry_member_left(retry)) {
        health_passive_count(health_retry_balancer_entry(retry), HEALTH_COUNT_NO_MEMBER);
        return 0;
    }
    if (!pay(retry))
        return 0;
    retry->granted = 1;
    return 1;
}

/* A request that no member has had may wait for one to return, however often it was tried; so may
 * one that could be tried again if there were a member. */
static int may_wait(const health_retry_t *retry)
{
    health_retry_verdict_e verdict;

    if (retry->body_lost || !health_retry_member_may_wait(retry) ||
        health_retry_member_left(retry) || health_retry_client_gone(retry))
        return 0;
    if (retry->attempt == HEALTH_ATTEMPT_CONNECT)
        return retry->idempotent || !may_be_sent(retry);
    verdict = judge(retry, retry->attempt, retry->status);
    return retry->config.attempts > 1 && retry->attempt != HEALTH_ATTEMPT_STATUS &&
           (verdict == HEALTH_RETRY_YES || verdict == HEALTH_RETRY_USED_UP);
}

/* Returns 1 when the attempt is to be followed by another one. */
static int end_attempt(health_retry_t *retry, int result)
{
    int wait = 0;

    if (retry->answer == HEALTH_ANSWER_NONE && !retry->granted) {
        retry->attempt = classify(retry, result);
        retry->status = result;
        if (retry->attempt != HEALTH_ATTEMPT_PASSED && retry->worker) {
            wait = may_wait(retry);
            if (!wait)
                health_retry_grant(retry, retry->attempt, result);
        }
    }
    health_retry_member_done(retry);
    return (retry->granted || wait) && !retry->r->connection->aborted;
}

static void tell(const health_retry_t *retry)
{
    if (retry->made == 1 || retry->attempt != HEALTH_ATTEMPT_PASSED)
        return;
    health_passive_count(health_retry_balancer_entry(retry), HEALTH_COUNT_RESCUED);
    apr_table_setn(retry->r->subprocess_env, "TIER_HEALTH_ATTEMPTS",
                   apr_itoa(retry->r->pool, (int)retry->made));
}

/* Nothing was sent: this was no attempt. */
static void move(health_retry_t *retry)
{
    retry->made--;
    health_retry_member_leave(retry);
    restore(retry);
    health_retry_body_rewind(retry);
}

static int run(health_retry_t *retry)
{
    void *outer = health_scene_running(retry->scene);
    int result;

    health_scene_run(retry->scene, retry);
    for (;;) {
        begin_attempt(retry);
        result = ap_run_handler(retry->r);
        health_retry_backend_shaken(retry);
        if (retry->moved) {
            move(retry);
            continue;
        }
        if (!end_attempt(retry, result))
            break;
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, retry->r,
                      WTNO(1040) "attempt %u at %s failed (%s), trying another member", retry->made,
                      retry->worker ? retry->worker->s->name_ex : "no member",
                      health_attempt_name(retry->attempt));
        health_passive_count(health_retry_balancer_entry(retry), HEALTH_COUNT_RETRIES);
        restore(retry);
        health_retry_body_rewind(retry);
    }
    health_scene_run(retry->scene, outer);
    if (retry->answer == HEALTH_ANSWER_HELD)
        (void)health_retry_hold_release(retry, 0);
    tell(retry);
    if (retry->refused) {
        restore(retry);
        return HTTP_BAD_GATEWAY;
    }
    return result;
}

int health_retry_handler(health_scene_t *scene, request_rec *r)
{
    health_retry_config_t config;
    const char *url = balancer_url(r);

    if (!url || health_retry_of(r) ||
        !health_retry_config_of(r, unmerged_section(r, url), &config) || !is_plain(r))
        return DECLINED;
    return run(begin(scene, r, &config));
}
