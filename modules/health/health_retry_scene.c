/* SPDX-License-Identifier: Apache-2.0 */
#include "health_retry_scene.h"

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_config.h>

#include <string.h>

#include "health_config.h"
#include "health_retry_config.h"
#include "health_slots.h"

/* So many are found sooner by looking at each than by a hash. */
#define FEW 4

apr_uint32_t health_scene_room(server_rec *main_server)
{
    apr_uint32_t room = 0;

    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = health_slots_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++)
            room += 1 + (apr_uint32_t)health_slots_balancer(conf->balancers, i)->max_workers;
    }
    return room;
}

const ap_conf_vector_t *health_scene_section(const proxy_server_conf *conf, const char *balancer)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");
    apr_size_t size = strlen(balancer);

    for (int i = 0; i < conf->sec_proxy->nelts; i++) {
        const ap_conf_vector_t *section =
            APR_ARRAY_IDX(conf->sec_proxy, i, const ap_conf_vector_t *);
        const proxy_dir_conf *dir = ap_get_module_config(section, proxy);

        if (dir->p && strncasecmp(dir->p, balancer, size) == 0 &&
            (dir->p[size] == '\0' || dir->p[size] == '/'))
            return section;
    }
    return NULL;
}

void health_scene_bind(const health_followed_t *followed, proxy_worker_shared *member)
{
    apr_uint32_t *bound;

    if (!followed || !followed->connect_timeout || member->index < 0 ||
        member->index >= followed->room)
        return;
    bound = &followed->bound[member->index];
    if (tier_atomic_load(bound) || !tier_atomic_swap(bound, 0, 1) || member->conn_timeout_set)
        return;
    member->conn_timeout = followed->connect_timeout;
    member->conn_timeout_set = 1;
}

static void bind_all(const health_followed_t *followed)
{
    for (int i = 0; i < followed->room; i++) {
        proxy_worker_shared *member = health_slots_at(followed->balancer, i);

        if (health_slots_is_filled(member))
            health_scene_bind(followed, member);
    }
}

static void follow(health_scene_t *scene, const proxy_server_conf *conf,
                   const proxy_balancer *balancer, const char *scope, apr_pool_t *pconf)
{
    const ap_conf_vector_t *section = health_scene_section(conf, balancer->s->name);
    health_followed_t *followed = apr_pcalloc(pconf, sizeof(*followed));
    health_key_t key;

    followed->balancer = balancer;
    followed->scope = scope;
    followed->room = balancer->max_workers;
    followed->connect_timeout = section ? health_retry_config_connect(section) : 0;
    followed->members =
        apr_pcalloc(pconf, sizeof(health_passive_t *) * (apr_size_t)(followed->room + 1));
    followed->bound = apr_pcalloc(pconf, sizeof(apr_uint32_t) * (apr_size_t)(followed->room + 1));
    bind_all(followed);
    if (health_key_set(&key, scope, balancer->s->name, ""))
        followed->entry = health_passive_claim(scene->table, &key);
    apr_hash_set(scene->followed, &followed->balancer, sizeof(followed->balancer), followed);
    APR_ARRAY_PUSH(scene->list, health_followed_t *) = followed;
}

health_followed_t *health_scene_find(const health_scene_t *scene, const proxy_balancer *balancer)
{
    for (int i = 0; i < scene->list->nelts && i < FEW; i++) {
        health_followed_t *followed = APR_ARRAY_IDX(scene->list, i, health_followed_t *);

        if (followed->balancer == balancer)
            return followed;
    }
    return scene->list->nelts > FEW ? apr_hash_get(scene->followed, &balancer, sizeof(balancer))
                                    : NULL;
}

static void unbind(const health_followed_t *followed)
{
    for (int i = 0; i < followed->room; i++) {
        proxy_worker_shared *member = health_slots_at(followed->balancer, i);

        if (member && member->conn_timeout == followed->connect_timeout)
            member->conn_timeout_set = 0;
    }
}

/* BalancerPersist keeps what the members have now: our time is none of the administrator's. One of
 * his that is the same is set again by his configuration. */
static apr_status_t unbind_all(void *data)
{
    const health_scene_t *scene = data;

    for (int i = 0; i < scene->list->nelts; i++) {
        const health_followed_t *followed = APR_ARRAY_IDX(scene->list, i, health_followed_t *);

        if (followed->connect_timeout)
            unbind(followed);
    }
    return APR_SUCCESS;
}

health_scene_t *health_scene_make(server_rec *main_server, health_passive_table_t *table,
                                  const health_balancers_t *balancers, apr_pool_t *pconf)
{
    health_scene_t *scene = apr_pcalloc(pconf, sizeof(*scene));

    scene->table = table;
    scene->balancers = balancers;
    scene->followed = apr_hash_make(pconf);
    scene->list = apr_array_make(pconf, 8, sizeof(health_followed_t *));
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = health_slots_conf(server);
        const char *scope = health_config_scope(main_server, server, pconf);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            const proxy_balancer *balancer = health_slots_balancer(conf->balancers, i);

            if (!health_scene_find(scene, balancer))
                follow(scene, conf, balancer, scope, pconf);
        }
    }
    apr_pool_pre_cleanup_register(pconf, scene, unbind_all);
    return scene;
}

apr_status_t health_scene_child(health_scene_t *scene, apr_pool_t *pchild)
{
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    scene->queue.places = threads > 1 ? (apr_uint32_t)threads / 2 : 1;
    return apr_threadkey_private_create(&scene->running, NULL, pchild);
}

void health_scene_run(const health_scene_t *scene, void *request)
{
    if (scene->running)
        apr_threadkey_private_set(request, scene->running);
}

void *health_scene_running(const health_scene_t *scene)
{
    void *request = NULL;

    if (scene->running)
        apr_threadkey_private_get(&request, scene->running);
    return request;
}

health_passive_t *health_scene_member(const health_scene_t *scene,
                                      const health_followed_t *followed,
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
    health_slots_text(member, url, sizeof(url));
    if (!health_key_set(&key, followed->scope, followed->balancer->s->name, url))
        return NULL;
    entry = health_passive_claim(scene->table, &key);
    __atomic_store_n(&followed->members[member->index], entry, __ATOMIC_RELEASE);
    return entry;
}

void health_scene_each(const health_scene_t *scene,
                       void (*visit)(void *visitor, const health_passive_t *entry), void *visitor)
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
            entry = member->hash.def && member->name_ex[0]
                        ? health_scene_member(scene, followed, member)
                        : NULL;
            if (entry)
                visit(visitor, entry);
        }
    }
}
