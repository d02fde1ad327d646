/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_member.h"

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

#include <clock.h>

#include "health_config.h"
#include "health_ejector.h"
#include "health_hedge_race.h"
#include "health_private.h"
#include "health_retry_body.h"
#include "health_retry_choice.h"
#include "health_slots.h"

/* This module loads without mod_proxy; the symbols are looked for when it is loaded. */
#pragma weak proxy_hook_pre_request
#pragma weak proxy_hook_post_request
#pragma weak ap_proxy_get_balancer
#pragma weak proxy_hook_scheme_handler
#pragma weak ap_proxy_sync_balancer
#pragma weak ap_proxy_balancer_get_best_worker

int health_retry_member_possible(void)
{
    return proxy_hook_pre_request && proxy_hook_post_request && proxy_hook_scheme_handler &&
           ap_proxy_get_balancer && ap_proxy_sync_balancer && ap_proxy_balancer_get_best_worker;
}

/* The members of one request. */

/* The member that mod_proxy_balancer chose names itself in the environment. */
static int is_current(const health_retry_t *retry, const proxy_worker_shared *member)
{
    const char *name = apr_table_get(retry->r->subprocess_env, "BALANCER_WORKER_NAME");

    return name && (strcmp(name, member->name_ex) == 0 || strcmp(name, member->name) == 0);
}

/* mod_proxy takes a member in error again when its time is over. */
static int can_be_asked(const proxy_worker_shared *member)
{
    unsigned int status = __atomic_load_n(&member->status, __ATOMIC_RELAXED);

    if (!(status & PROXY_WORKER_INITIALIZED) ||
        (status & PROXY_WORKER_NOT_USABLE_BITMAP & ~(unsigned)PROXY_WORKER_IN_ERROR))
        return 0;
    return !(status & PROXY_WORKER_IN_ERROR) || apr_time_now() > member->error_time + member->retry;
}

/* Looks at the shared records, without the lock that mod_proxy holds while it chooses: every
 * request that may wait comes by here. */
static int is_left(const health_retry_t *retry, int untried)
{
    for (int i = 0; i < retry->balancer->max_workers; i++) {
        const proxy_worker_shared *member = health_slots_at(retry->balancer, i);

        if (health_slots_is_complete(member) && can_be_asked(member) &&
            (!untried || (!health_choice_is_tried(retry, member) && !is_current(retry, member))))
            return 1;
    }
    return 0;
}

int health_retry_member_left(const health_retry_t *retry)
{
    return retry->balancer && is_left(retry, 1);
}

health_passive_t *health_retry_balancer_entry(const health_retry_t *retry)
{
    return retry->followed ? retry->followed->entry : NULL;
}

static void leave_out(health_retry_t *retry, const proxy_worker *worker)
{
    if (!health_choice_is_tried(retry, worker->s) && retry->tried_count < HEALTH_TRIED_MAX)
        retry->tried[retry->tried_count++] = worker->s;
}

void health_retry_member_leave(health_retry_t *retry)
{
    if (retry->worker)
        leave_out(retry, retry->worker);
}

static void alarm_balancer(const health_retry_t *retry)
{
    health_passive_t *entry = health_retry_balancer_entry(retry);

    if (entry && !tier_atomic_load(&entry->alarm))
        tier_atomic_store(&entry->alarm, 1);
}

static void tell_late(const health_retry_t *retry)
{
    if (!retry->met)
        return;
    health_suspect_late(&retry->met->suspect, tier_clock_now());
    alarm_balancer(retry);
}

/* A body that is slow to come makes the answer late, which is no fault of the member. */
void health_retry_member_answered(health_retry_t *retry)
{
    if (retry->answered || !retry->met)
        return;
    retry->answered = 1;
    retry->took = tier_clock_now() - retry->met_at;
    if (retry->has_body)
        health_suspect_clear(&retry->met->suspect);
    else
        health_suspect_answered(&retry->met->suspect, retry->took);
}

/* What a client does that goes away says nothing of the member. */
static void tell_attempt(const health_retry_t *retry, const proxy_worker *worker,
                         health_attempt_e attempt)
{
    const health_ejector_case_t ended = {attempt, retry->status, retry->took};

    health_passive_attempt(health_scene_member(retry->scene, retry->followed, worker->s), attempt);
    if (retry->r->connection->aborted)
        return;
    if (attempt == HEALTH_ATTEMPT_TIMEOUT)
        tell_late(retry);
    health_ejector_attempt(retry->scene->balancers, retry->balancer, worker->s, &ended, retry->r);
}

void health_retry_member_done(health_retry_t *retry)
{
    if (!retry->worker)
        return;
    if (retry->attempt == HEALTH_ATTEMPT_PASSED)
        health_retry_member_answered(retry);
    tell_attempt(retry, retry->worker, retry->attempt);
    if (retry->attempt == HEALTH_ATTEMPT_PASSED)
        return;
    leave_out(retry, retry->worker);
    health_choice_release(retry);
}

/* The waiting room. */

int health_retry_member_may_wait(const health_retry_t *retry)
{
    return retry->config.queue_timeout > 0 &&
           (retry->queue_until == 0 || tier_clock_now() < retry->queue_until);
}

static int somebody_is_back(void *data)
{
    const health_retry_t *retry = data;

    return is_left(retry, 0);
}

static int is_pointless(void *data)
{
    return health_retry_client_gone(data);
}

/* Keeps the request until a member can be asked, or its time is over. */
static void await_member(health_retry_t *retry)
{
    health_passive_t *entry = health_retry_balancer_entry(retry);
    const health_queue_ask_t ask = {.baton = retry,
                                    .ready = somebody_is_back,
                                    .pointless = is_pointless,
                                    .max = (apr_uint32_t)retry->config.queue_max};

    if (retry->queue_until == 0)
        retry->queue_until = tier_clock_now() + retry->config.queue_timeout;
    switch (
        health_queue_wait(&retry->scene->queue, &ask, retry->queue_until, !retry->tried_count)) {
    case HEALTH_QUEUE_FULL:
        health_passive_count(entry, HEALTH_COUNT_QUEUE_FULL);
        return;
    case HEALTH_QUEUE_READY:
        if (retry->queued == 0)
            health_passive_count(entry, HEALTH_COUNT_QUEUED);
        health_passive_count(entry, HEALTH_COUNT_ADMITTED);
        retry->tried_count = 0;
        break;
    default:
        if (retry->queued == 0)
            health_passive_count(entry, HEALTH_COUNT_QUEUED);
    }
    retry->queued = 1;
}

static void meet(health_retry_t *retry, proxy_balancer *balancer)
{
    health_passive_t *entry;

    retry->balancer = balancer;
    retry->followed = health_scene_find(retry->scene, balancer);
    entry = health_retry_balancer_entry(retry);
    if (retry->counted || !entry)
        return;
    retry->counted = 1;
    health_passive_count(entry, HEALTH_COUNT_REQUESTS);
    health_budget_earn(&entry->budget, (apr_uint32_t)retry->config.budget_percent);
}

/* mod_proxy has gone on by itself, because that member could not be connected to. */
static void failed_inside(health_retry_t *retry, const proxy_worker *worker)
{
    tell_attempt(retry, worker, HEALTH_ATTEMPT_CONNECT);
    leave_out(retry, worker);
    health_choice_release(retry);
}

int health_retry_member_is_http(const proxy_worker *worker)
{
    return strcmp(worker->s->scheme, "http") == 0 || strcmp(worker->s->scheme, "https") == 0;
}

/*
 * mod_proxy goes on by itself after each 503 of a protocol's module. Returns 0 when it must not:
 * the member may have the request, or what was read of the body is lost.
 */
static int may_go_on(const health_retry_t *retry, const proxy_worker *failed)
{
    if (!retry->before || health_retry_member_is_http(failed))
        return 1;
    return (retry->idempotent || failed->s->transferred == retry->transferred) && !retry->body_lost;
}

/* What mod_proxy_http has read of a body that is too long to be kept, only it can send to another
 * member. */
static int has_body_for(const health_retry_t *retry, const proxy_worker *next)
{
    return !retry->before || !retry->body_lost || health_retry_member_is_http(next);
}

static int pre_request(proxy_worker **worker, proxy_balancer **balancer, request_rec *r,
                       proxy_server_conf *conf, char **url)
{
    health_retry_t *retry = health_retry_of(r);
    const proxy_worker *failed = *worker;
    proxy_worker *best;

    if (!retry)
        return DECLINED;
    if (!*balancer)
        *balancer = ap_proxy_get_balancer(r->pool, conf, *url, 1);
    if (!*balancer)
        return DECLINED;
    meet(retry, *balancer);
    if (failed && !may_go_on(retry, failed))
        return HTTP_SERVICE_UNAVAILABLE;
    if (failed)
        failed_inside(retry, failed);
    if (failed && !retry->body_lost)
        health_retry_body_rewind(retry);
    if (retry->config.queue_timeout > 0 && !health_retry_member_left(retry))
        await_member(retry);
    if ((*balancer)->s->sticky_force && apr_table_get(r->notes, "session-route"))
        return DECLINED;
    best = retry->tried_count == 0 ? health_choice_first(retry, *balancer, conf)
                                   : health_choice_next(retry, *balancer, conf);
    if (!best && retry->tried_count == 0)
        return DECLINED;
    *worker = best && failed && !has_body_for(retry, best) ? NULL : best;
    if (!*worker)
        return HTTP_SERVICE_UNAVAILABLE;
    return health_choice_take(retry, *balancer, best, url);
}

/* An attempt at worker begins, whoever has chosen it. */
static int scheme_handler(request_rec *r, proxy_worker *worker, proxy_server_conf *conf, char *url,
                          const char *proxyhost, apr_port_t proxyport)
{
    health_retry_t *retry = health_retry_of(r);

    (void)proxyhost;
    (void)proxyport;
    if (!retry)
        return DECLINED;
    if (health_choice_should_move(retry, worker) && health_retry_member_left(retry)) {
        retry->moved = 1;
        return HTTP_BAD_GATEWAY;
    }
    health_scene_bind(retry->followed, worker->s);
    retry->met = health_scene_member(retry->scene, retry->followed, worker->s);
    retry->met_at = tier_clock_now();
    retry->transferred = worker->s->transferred;
    retry->answered = 0;
    retry->took = 0;
    if (retry->met && !retry->has_body && health_suspect_sent(&retry->met->suspect, retry->met_at))
        alarm_balancer(retry);
    if (retry->config.hedge)
        health_hedge_meet(retry, worker, conf, url);
    return DECLINED;
}

static int post_request(proxy_worker *worker, proxy_balancer *balancer, request_rec *r,
                        proxy_server_conf *conf)
{
    health_retry_t *retry = health_retry_of(r);

    (void)conf;
    if (retry && balancer)
        retry->worker = health_hedge_answerer(retry, worker);
    return DECLINED;
}

void health_retry_member_register(void)
{
    static const char *const before[] = {"mod_proxy_balancer.c", NULL};

    if (!health_retry_member_possible())
        return;
    proxy_hook_pre_request(pre_request, NULL, before, APR_HOOK_FIRST);
    proxy_hook_scheme_handler(scheme_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    proxy_hook_post_request(post_request, NULL, before, APR_HOOK_FIRST);
}
