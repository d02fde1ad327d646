/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry.h"

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

#include <clock.h>

#include "health_config.h"
#include "health_ejector.h"
#include "health_private.h"
#include "health_queue.h"

/* This module loads without mod_proxy; the symbols are looked for when it is loaded. */
#pragma weak proxy_hook_pre_request
#pragma weak proxy_hook_post_request
#pragma weak ap_proxy_get_balancer
#pragma weak ap_proxy_sync_balancer
#pragma weak ap_proxy_balancer_get_best_worker

struct health_followed_t {
    const proxy_balancer *balancer;
    const char *scope;
    health_passive_t *entry;
    health_passive_t **members; /* by their index in the balancer; atomic, set once a child */
    int room;
};

struct health_scene_t {
    health_passive_table_t *table;
    apr_hash_t *followed; /* of health_followed_t, by the address of the balancer */
    apr_array_header_t *list;
    health_queue_t queue;                /* of this child */
    const health_balancers_t *balancers; /* that eject */
};

int health_retry_member_possible(void)
{
    return proxy_hook_pre_request && proxy_hook_post_request && ap_proxy_get_balancer &&
           ap_proxy_sync_balancer && ap_proxy_balancer_get_best_worker;
}

/* The balancers. */

static proxy_server_conf *proxy_conf(const server_rec *server)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");

    return proxy ? ap_get_module_config(server->module_config, proxy) : NULL;
}

static proxy_balancer *balancer_at(const apr_array_header_t *balancers, int i)
{
    return (proxy_balancer *)(balancers->elts + (apr_size_t)i * (apr_size_t)balancers->elt_size);
}

apr_uint32_t health_retry_scene_room(server_rec *main_server)
{
    apr_uint32_t room = 0;

    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = proxy_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++)
            room += 1 + (apr_uint32_t)balancer_at(conf->balancers, i)->max_workers;
    }
    return room;
}

static void follow(health_scene_t *scene, const proxy_balancer *balancer, const char *scope,
                   apr_pool_t *pconf)
{
    health_followed_t *followed = apr_pcalloc(pconf, sizeof(*followed));
    health_key_t key;

    followed->balancer = balancer;
    followed->scope = scope;
    followed->room = balancer->max_workers;
    followed->members =
        apr_pcalloc(pconf, sizeof(health_passive_t *) * (apr_size_t)(followed->room + 1));
    if (health_key_set(&key, scope, balancer->s->name, ""))
        followed->entry = health_passive_claim(scene->table, &key);
    apr_hash_set(scene->followed, &followed->balancer, sizeof(followed->balancer), followed);
    APR_ARRAY_PUSH(scene->list, health_followed_t *) = followed;
}

static health_followed_t *find(const health_scene_t *scene, const proxy_balancer *balancer)
{
    return apr_hash_get(scene->followed, &balancer, sizeof(balancer));
}

health_scene_t *health_retry_scene_make(server_rec *main_server, health_passive_table_t *table,
                                        const health_balancers_t *balancers, apr_pool_t *pconf)
{
    health_scene_t *scene = apr_pcalloc(pconf, sizeof(*scene));

    scene->table = table;
    scene->balancers = balancers;
    scene->followed = apr_hash_make(pconf);
    scene->list = apr_array_make(pconf, 8, sizeof(health_followed_t *));
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = proxy_conf(server);
        const char *scope = health_config_scope(main_server, server, pconf);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            const proxy_balancer *balancer = balancer_at(conf->balancers, i);

            if (!find(scene, balancer))
                follow(scene, balancer, scope, pconf);
        }
    }
    return scene;
}

void health_retry_scene_child(health_scene_t *scene)
{
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    scene->queue.places = threads > 1 ? (apr_uint32_t)threads / 2 : 1;
}

/* A member of one that is followed. */
static health_passive_t *entry_of(const health_scene_t *scene, const health_followed_t *followed,
                                  const proxy_worker_shared *member)
{
    char url[sizeof(((health_key_t *)0)->member)];
    health_passive_t *entry;
    health_key_t key;

    if (!followed || member->index < 0 || member->index >= followed->room)
        return NULL;
    entry = __atomic_load_n(&followed->members[member->index], __ATOMIC_ACQUIRE);
    if (entry)
        return entry;
    if (member->uds_path[0])
        apr_snprintf(url, sizeof(url), "unix:%s|%s", member->uds_path, member->name_ex);
    else
        apr_cpystrn(url, member->name_ex, sizeof(url));
    if (!health_key_set(&key, followed->scope, followed->balancer->s->name, url))
        return NULL;
    entry = health_passive_claim(scene->table, &key);
    __atomic_store_n(&followed->members[member->index], entry, __ATOMIC_RELEASE);
    return entry;
}

void health_retry_scene_each(const health_scene_t *scene,
                             void (*visit)(void *visitor, const health_passive_t *entry),
                             void *visitor)
{
    for (int i = 0; i < scene->list->nelts; i++) {
        const health_followed_t *followed = APR_ARRAY_IDX(scene->list, i, health_followed_t *);

        if (!followed->entry)
            continue;
        visit(visitor, followed->entry);
        for (int j = 0; j < followed->room; j++) {
            void *slot = NULL;
            const proxy_worker_shared *member;
            const health_passive_t *entry;

            if (followed->balancer->storage->dptr(followed->balancer->wslot, (unsigned)j, &slot) !=
                APR_SUCCESS)
                continue;
            member = slot;
            entry =
                member->hash.def && member->name_ex[0] ? entry_of(scene, followed, member) : NULL;
            if (entry)
                visit(visitor, entry);
        }
    }
}

/* The members of one request. */

static int is_tried(const health_retry_t *retry, const proxy_worker_shared *member)
{
    for (int i = 0; i < retry->tried_count; i++) {
        if (retry->tried[i] == member)
            return 1;
    }
    return 0;
}

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

static int count_left(const health_retry_t *retry, proxy_balancer *balancer, int untried)
{
    int left = 0;

    if (PROXY_THREAD_LOCK(balancer) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < balancer->workers->nelts; i++) {
        const proxy_worker_shared *member = APR_ARRAY_IDX(balancer->workers, i, proxy_worker *)->s;

        if (can_be_asked(member) &&
            (!untried || (!is_tried(retry, member) && !is_current(retry, member))))
            left++;
    }
    PROXY_THREAD_UNLOCK(balancer);
    return left;
}

int health_retry_member_left(const health_retry_t *retry)
{
    return retry->balancer && count_left(retry, retry->balancer, 1) > 0;
}

health_passive_t *health_retry_balancer_entry(const health_retry_t *retry)
{
    return retry->followed ? retry->followed->entry : NULL;
}

static apr_status_t lower_busy(void *data)
{
    proxy_worker_shared *member = data;
    apr_size_t busy = __atomic_load_n(&member->busy, __ATOMIC_RELAXED);

    while (busy > 0 && !__atomic_compare_exchange_n(&member->busy, &busy, busy - 1, 1,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return APR_SUCCESS;
}

static void leave_out(health_retry_t *retry, const proxy_worker *worker)
{
    if (!is_tried(retry, worker->s) && retry->tried_count < HEALTH_TRIED_MAX)
        retry->tried[retry->tried_count++] = worker->s;
}

/* The members that are asked next are less busy by this one's failed attempt. */
static void release(health_retry_t *retry)
{
    if (retry->chosen)
        apr_pool_cleanup_run(retry->r->pool, retry->chosen->s, lower_busy);
    retry->chosen = NULL;
}

/* What a client does that goes away says nothing of the member. */
static void tell_attempt(const health_retry_t *retry, const proxy_worker *worker,
                         health_attempt_e attempt)
{
    health_passive_attempt(entry_of(retry->scene, retry->followed, worker->s), attempt);
    if (!retry->r->connection->aborted)
        health_ejector_attempt(retry->scene->balancers, retry->balancer, worker->s, attempt,
                               retry->status, retry->r);
}

void health_retry_member_done(health_retry_t *retry)
{
    if (!retry->worker)
        return;
    tell_attempt(retry, retry->worker, retry->attempt);
    if (retry->attempt == HEALTH_ATTEMPT_PASSED)
        return;
    leave_out(retry, retry->worker);
    release(retry);
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

    return count_left(retry, retry->balancer, 0) > 0;
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

/* The choice. */

static double share(const apr_size_t *load, const proxy_worker *other)
{
    return (double)__atomic_load_n(load, __ATOMIC_RELAXED) * other->s->lbfactor;
}

/* The least busy one for its factor; of equals the one that was asked less often. */
static int is_better(proxy_worker *current, proxy_worker *best, void *data)
{
    double busy, best_busy;

    if (is_tried(data, current->s))
        return 0;
    if (!best)
        return 1;
    busy = share(&current->s->busy, best);
    best_busy = share(&best->s->busy, current);
    if (busy < best_busy || busy > best_busy)
        return busy < best_busy;
    return share(&current->s->elected, best) < share(&best->s->elected, current);
}

static proxy_worker *choose(health_retry_t *retry, proxy_balancer *balancer,
                            proxy_server_conf *conf)
{
    proxy_worker *best;

    if (PROXY_THREAD_LOCK(balancer) != APR_SUCCESS)
        return NULL;
    ap_proxy_sync_balancer(balancer, retry->r->server, conf);
    best = ap_proxy_balancer_get_best_worker(balancer, retry->r, is_better, retry);
    PROXY_THREAD_UNLOCK(balancer);
    return best;
}

/* What mod_proxy_balancer does for a member it has chosen. */
static void take(health_retry_t *retry, proxy_balancer *balancer, proxy_worker *worker, char **url)
{
    request_rec *r = retry->r;
    apr_table_t *env = r->subprocess_env;
    const char *host = strstr(*url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;

    __atomic_fetch_add(&worker->s->elected, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&worker->s->busy, 1, __ATOMIC_RELAXED);
    apr_pool_cleanup_register(r->pool, worker->s, lower_busy, apr_pool_cleanup_null);
    retry->chosen = worker;
    apr_table_setn(env, "BALANCER_NAME", balancer->s->name);
    apr_table_setn(env, "BALANCER_WORKER_NAME", worker->s->name_ex);
    apr_table_setn(env, "BALANCER_WORKER_ROUTE", worker->s->route);
    if (*balancer->s->sticky)
        apr_table_setn(env, "BALANCER_ROUTE_CHANGED", "1");
    *url = apr_pstrcat(r->pool, worker->s->name_ex, path ? path : "/", NULL);
}

static void meet(health_retry_t *retry, proxy_balancer *balancer)
{
    health_passive_t *entry;

    retry->balancer = balancer;
    retry->followed = find(retry->scene, balancer);
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
    release(retry);
}

static int pre_request(proxy_worker **worker, proxy_balancer **balancer, request_rec *r,
                       proxy_server_conf *conf, char **url)
{
    health_retry_t *retry = health_retry_of(r);
    proxy_worker *best;

    if (!retry)
        return DECLINED;
    if (!*balancer)
        *balancer = ap_proxy_get_balancer(r->pool, conf, *url, 1);
    if (!*balancer)
        return DECLINED;
    meet(retry, *balancer);
    if (*worker)
        failed_inside(retry, *worker);
    if (retry->config.queue_timeout > 0 && !health_retry_member_left(retry))
        await_member(retry);
    if (retry->tried_count == 0 ||
        ((*balancer)->s->sticky_force && apr_table_get(r->notes, "session-route")))
        return DECLINED;
    best = choose(retry, *balancer, conf);
    *worker = best;
    if (!best)
        return HTTP_SERVICE_UNAVAILABLE;
    take(retry, *balancer, best, url);
    return OK;
}

static int post_request(proxy_worker *worker, proxy_balancer *balancer, request_rec *r,
                        proxy_server_conf *conf)
{
    health_retry_t *retry = health_retry_of(r);

    (void)conf;
    if (retry && balancer)
        retry->worker = worker;
    return DECLINED;
}

void health_retry_member_register(void)
{
    static const char *const before[] = {"mod_proxy_balancer.c", NULL};

    if (!health_retry_member_possible())
        return;
    proxy_hook_pre_request(pre_request, NULL, before, APR_HOOK_FIRST);
    proxy_hook_post_request(post_request, NULL, before, APR_HOOK_FIRST);
}
