/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_choice.h"

#include <apr_strings.h>

#include <string.h>

#include <clock.h>

#include "health_retry_url.h"

#pragma weak ap_proxy_sync_balancer
#pragma weak ap_proxy_balancer_get_best_worker

/* How often the balancer's own method is asked for a member that is not suspect. */
#define ASK_MAX 8

int health_choice_is_tried(const health_retry_t *retry, const proxy_worker_shared *member)
{
    for (int i = 0; i < retry->tried_count; i++) {
        if (retry->tried[i] == member)
            return 1;
    }
    return 0;
}

static health_suspect_t *suspect_of(const health_retry_t *retry, const proxy_worker *worker)
{
    health_passive_t *entry = health_scene_member(retry->scene, retry->followed, worker->s);

    return entry ? &entry->suspect : NULL;
}

static int is_suspect(const health_retry_t *retry, const proxy_worker *worker, apr_time_t now)
{
    const health_suspect_t *suspect = suspect_of(retry, worker);

    return suspect && health_suspect_is(suspect, now);
}

/* What leads the choice of one attempt. */
typedef struct choice_t {
    const health_retry_t *retry;
    apr_time_t now;                    /* 0: suspects are as good as others */
    const proxy_worker_shared *except; /* NULL: nobody */
} choice_t;

static int is_left_out(const choice_t *choice, const proxy_worker *worker)
{
    return worker->s == choice->except || health_choice_is_tried(choice->retry, worker->s) ||
           (choice->now != 0 && is_suspect(choice->retry, worker, choice->now));
}

static double share(const apr_size_t *load, const proxy_worker *other)
{
    return (double)__atomic_load_n(load, __ATOMIC_RELAXED) * other->s->lbfactor;
}

/* The least busy one for its factor; of equals the one that was asked less often. */
static int is_better(proxy_worker *current, proxy_worker *best, void *data)
{
    double busy, best_busy;

    if (is_left_out(data, current))
        return 0;
    if (!best)
        return 1;
    busy = share(&current->s->busy, best);
    best_busy = share(&best->s->busy, current);
    if (busy < best_busy || busy > best_busy)
        return busy < best_busy;
    return share(&current->s->elected, best) < share(&best->s->elected, current);
}

/* A suspect is asked when there is nobody else. */
static proxy_worker *best_of(const health_retry_t *retry, proxy_balancer *balancer, apr_time_t now)
{
    choice_t choice = {retry, now, NULL};
    proxy_worker *best = ap_proxy_balancer_get_best_worker(balancer, retry->r, is_better, &choice);

    if (best || now == 0)
        return best;
    choice.now = 0;
    return ap_proxy_balancer_get_best_worker(balancer, retry->r, is_better, &choice);
}

static int is_alarmed(const health_retry_t *retry)
{
    return retry->followed && retry->followed->entry &&
           tier_atomic_load(&retry->followed->entry->alarm);
}

proxy_worker *health_choice_next(const health_retry_t *retry, proxy_balancer *balancer,
                                 proxy_server_conf *conf)
{
    proxy_worker *best;

    if (PROXY_THREAD_LOCK(balancer) != APR_SUCCESS)
        return NULL;
    ap_proxy_sync_balancer(balancer, retry->r->server, conf);
    best = best_of(retry, balancer, is_alarmed(retry) ? tier_clock_now() : 0);
    PROXY_THREAD_UNLOCK(balancer);
    return best;
}

proxy_worker *health_choice_second(const health_retry_t *retry, const proxy_worker *first,
                                   proxy_server_conf *conf)
{
    choice_t choice = {retry, tier_clock_now(), first->s};
    proxy_balancer *balancer = retry->balancer;
    proxy_worker *best;

    if (PROXY_THREAD_LOCK(balancer) != APR_SUCCESS)
        return NULL;
    ap_proxy_sync_balancer(balancer, retry->r->server, conf);
    best = ap_proxy_balancer_get_best_worker(balancer, retry->r, is_better, &choice);
    PROXY_THREAD_UNLOCK(balancer);
    return best && best->s->lbset <= first->s->lbset && !PROXY_WORKER_IS_STANDBY(best) ? best
                                                                                       : NULL;
}

/* The first attempt. */

/* What is known of the members of a balancer with an alarm. */
typedef struct sight_t {
    int suspects;
    int good;
    int near;
} sight_t;

/* As PROXY_WORKER_IS_USABLE and PROXY_WORKER_IS_DRAINING, of one look: others change it meanwhile.
 */
static int is_ready(const proxy_worker *worker)
{
    unsigned status = __atomic_load_n(&worker->s->status, __ATOMIC_RELAXED);

    return (status & PROXY_WORKER_INITIALIZED) &&
           !(status & (PROXY_WORKER_NOT_USABLE_BITMAP | PROXY_WORKER_DRAIN));
}

static sight_t look(const health_retry_t *retry, const proxy_balancer *balancer, apr_time_t now)
{
    sight_t sight = {0, 0, 0};

    for (int i = 0; i < balancer->workers->nelts; i++) {
        const proxy_worker *worker = APR_ARRAY_IDX(balancer->workers, i, proxy_worker *);
        const health_suspect_t *suspect = suspect_of(retry, worker);

        sight.near += suspect && health_suspect_is_near(suspect);
        if (!is_ready(worker))
            continue;
        if (suspect && health_suspect_is(suspect, now))
            sight.suspects++;
        else
            sight.good++;
    }
    return sight;
}

/* Ends an alarm of which nothing is left; one that comes in between is not lost. */
static void calm(const health_retry_t *retry, const proxy_balancer *balancer, apr_time_t now)
{
    apr_uint32_t *alarm = &retry->followed->entry->alarm;

    tier_atomic_store(alarm, 0);
    if (look(retry, balancer, now).near)
        tier_atomic_store(alarm, 1);
}

/* A test should cost no client its answer: only a request that can be tried again is one. */
static int is_safe(const health_retry_t *retry)
{
    return retry->config.attempts == 1 || (retry->idempotent && retry->made == 1);
}

static proxy_worker *find_test(const health_retry_t *retry, const proxy_balancer *balancer,
                               apr_time_t now)
{
    for (int i = 0; i < balancer->workers->nelts; i++) {
        proxy_worker *worker = APR_ARRAY_IDX(balancer->workers, i, proxy_worker *);
        health_suspect_t *suspect = suspect_of(retry, worker);

        if (suspect && is_ready(worker) && health_suspect_is(suspect, now) &&
            health_suspect_test(suspect, is_safe(retry), now))
            return worker;
    }
    return NULL;
}

/* The balancer's own method chooses, as long as it can be brought to name another member. */
static proxy_worker *elect(const health_retry_t *retry, proxy_balancer *balancer, apr_time_t now)
{
    for (int i = 0; i < ASK_MAX; i++) {
        proxy_worker *worker = balancer->lbmethod->finder(balancer, retry->r);

        if (!worker || !is_suspect(retry, worker, now))
            return worker;
    }
    return best_of(retry, balancer, now);
}

static proxy_worker *choose_first(const health_retry_t *retry, proxy_balancer *balancer)
{
    apr_time_t now = tier_clock_now();
    sight_t sight = look(retry, balancer, now);
    proxy_worker *test;

    if (!sight.near)
        calm(retry, balancer, now);
    if (sight.suspects == 0 || sight.good == 0)
        return NULL;
    test = find_test(retry, balancer, now);
    return test ? test : elect(retry, balancer, now);
}

static int mentions(const char *text, const char *name)
{
    return text && *name && strstr(text, name) != NULL;
}

/* Where a session's requests go is for mod_proxy_balancer to say. */
static int may_have_session(const request_rec *r, const proxy_balancer *balancer)
{
    return *balancer->s->sticky &&
           (mentions(apr_table_get(r->headers_in, "Cookie"), balancer->s->sticky) ||
            mentions(r->args, balancer->s->sticky_path) ||
            mentions(r->filename, balancer->s->sticky_path));
}

proxy_worker *health_choice_first(const health_retry_t *retry, proxy_balancer *balancer,
                                  proxy_server_conf *conf)
{
    proxy_worker *worker;

    if (!is_alarmed(retry) || !balancer->lbmethod || may_have_session(retry->r, balancer) ||
        PROXY_THREAD_LOCK(balancer) != APR_SUCCESS)
        return NULL;
    ap_proxy_sync_balancer(balancer, retry->r->server, conf);
    worker = choose_first(retry, balancer);
    PROXY_THREAD_UNLOCK(balancer);
    return worker;
}

int health_choice_should_move(const health_retry_t *retry, const proxy_worker *worker)
{
    health_suspect_t *suspect;

    if (retry->chosen || retry->config.attempts == 1 || !is_alarmed(retry) ||
        !may_have_session(retry->r, retry->balancer) || retry->balancer->s->sticky_force)
        return 0;
    suspect = suspect_of(retry, worker);
    return suspect && tier_atomic_load(&suspect->late) &&
           !health_suspect_test(suspect, is_safe(retry), tier_clock_now());
}

/* What a choice brings with it. */

void health_choice_raise_busy(proxy_worker_shared *member)
{
    __atomic_fetch_add(&member->elected, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&member->busy, 1, __ATOMIC_RELAXED);
}

void health_choice_lower_busy(proxy_worker_shared *member)
{
    apr_size_t busy = __atomic_load_n(&member->busy, __ATOMIC_RELAXED);

    while (busy > 0 && !__atomic_compare_exchange_n(&member->busy, &busy, busy - 1, 1,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static apr_status_t lower_busy(void *member)
{
    health_choice_lower_busy(member);
    return APR_SUCCESS;
}

void health_choice_name(request_rec *r, const proxy_balancer *balancer, const proxy_worker *worker)
{
    apr_table_setn(r->subprocess_env, "BALANCER_WORKER_NAME", worker->s->name_ex);
    apr_table_setn(r->subprocess_env, "BALANCER_WORKER_ROUTE", worker->s->route);
    if (*balancer->s->sticky)
        apr_table_setn(r->subprocess_env, "BALANCER_ROUTE_CHANGED", "1");
}

/* What mod_proxy_balancer does for a member it has chosen. */
int health_choice_take(health_retry_t *retry, proxy_balancer *balancer, proxy_worker *worker,
                       char **url)
{
    request_rec *r = retry->r;

    health_choice_raise_busy(worker->s);
    apr_pool_cleanup_register(r->pool, worker->s, lower_busy, apr_pool_cleanup_null);
    retry->chosen = worker;
    apr_table_setn(r->subprocess_env, "BALANCER_NAME", balancer->s->name);
    health_choice_name(r, balancer, worker);
    return health_retry_url_rewrite(r, worker, url);
}

void health_choice_release(health_retry_t *retry)
{
    if (retry->chosen)
        apr_pool_cleanup_run(retry->r->pool, retry->chosen->s, lower_busy);
    retry->chosen = NULL;
}
