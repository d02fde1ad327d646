/* SPDX-License-Identifier: Apache-2.0 */
#include "health_balancers.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

#include "health_private.h"
#include "health_service.h"
#include "health_slots.h"

#include <atomics.h>
#include <clock.h>
#include <glue.h>

/* So many are found sooner by looking at each than by a hash. */
#define FEW 4

static apr_status_t give_all_back(void *data);

/* The balancers that have checks. */

int health_balancers_know(const health_balancers_t *balancers, const proxy_balancer *balancer)
{
    for (int i = 0; i < balancers->list->nelts; i++) {
        if (APR_ARRAY_IDX(balancers->list, i, health_minded_t).balancer == balancer)
            return 1;
    }
    return 0;
}

health_balancers_t *health_balancers_find(server_rec *main_server, apr_pool_t *pconf)
{
    health_balancers_t *found = apr_palloc(pconf, sizeof(*found));

    found->list = apr_array_make(pconf, 4, sizeof(health_minded_t));
    found->by_balancer = apr_hash_make(pconf);
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = health_slots_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            proxy_balancer *balancer = health_slots_balancer(conf->balancers, i);
            health_section_t *section = health_config_find(server, balancer->s->name);

            if (section && !health_balancers_know(found, balancer)) {
                health_minded_t *minded = apr_array_push(found->list);

                memset(minded, 0, sizeof(*minded));
                minded->balancer = balancer;
                minded->section = section;
                minded->scope = health_config_scope(main_server, server, pconf);
            }
        }
    }
    return found;
}

/* The traffic. */

int health_balancers_want_traffic(const health_balancers_t *balancers)
{
    for (int i = 0; i < balancers->list->nelts; i++) {
        const health_section_t *section =
            APR_ARRAY_IDX(balancers->list, i, health_minded_t).section;

        if (section->ejects || section->panic || section->requires || section->slow_start ||
            health_config_has_agents(section))
            return 1;
    }
    return 0;
}

static void follow(health_minded_t *minded, health_passive_table_t *table, apr_pool_t *pconf)
{
    apr_size_t room = (apr_size_t)minded->balancer->max_workers + 1;
    health_key_t key;

    minded->table = table;
    minded->members = apr_pcalloc(pconf, room * sizeof(*minded->members));
    if (health_key_set(&key, minded->section->scope, minded->section->balancer, ""))
        minded->traffic = health_passive_claim(table, &key);
    /* What a generation with a threshold has left. */
    if (minded->traffic && !minded->section->panic && !minded->section->requires)
        tier_atomic_store(&minded->traffic->panic, 0);
}

void health_balancers_follow(health_balancers_t *balancers, health_passive_table_t *table,
                             apr_pool_t *pconf)
{
    apr_pool_pre_cleanup_register(pconf, balancers, give_all_back);
    for (int i = 0; i < balancers->list->nelts; i++) {
        health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        follow(minded, table, pconf);
        apr_hash_set(balancers->by_balancer, &minded->balancer, sizeof(minded->balancer), minded);
    }
}

const health_minded_t *health_balancers_minded(const health_balancers_t *balancers,
                                               const proxy_balancer *balancer)
{
    for (int i = 0; i < balancers->list->nelts && i < FEW; i++) {
        const health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        if (minded->balancer == balancer)
            return minded;
    }
    return balancers->list->nelts > FEW
               ? apr_hash_get(balancers->by_balancer, &balancer, sizeof(balancer))
               : NULL;
}

int health_balancers_panic(const health_minded_t *minded)
{
    return minded->traffic && tier_atomic_load(&minded->traffic->panic);
}

apr_uint32_t health_balancers_room(const health_balancers_t *balancers)
{
    apr_uint32_t room = 0;

    for (int i = 0; i < balancers->list->nelts; i++) {
        const health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        room += (apr_uint32_t)minded->balancer->max_workers;
        room += minded->section->services ? (apr_uint32_t)minded->section->services->nelts : 0;
    }
    return room;
}

static int set_key_in(health_key_t *key, const health_minded_t *minded,
                      const proxy_worker_shared *slot, const char *scope)
{
    char member[HEALTH_SLOTS_TEXT];

    health_slots_text(slot, member, sizeof(member));
    return health_key_set(key, scope, minded->section->balancer, member);
}

int health_balancers_key(health_key_t *key, const health_minded_t *minded,
                         const proxy_worker_shared *member)
{
    return set_key_in(key, minded, member, minded->section->scope);
}

health_passive_t *health_balancers_traffic(const health_minded_t *minded,
                                           const proxy_worker_shared *member)
{
    health_passive_t *traffic;
    health_key_t key;

    if (!minded->table || member->index < 0 || member->index >= minded->balancer->max_workers)
        return NULL;
    traffic = __atomic_load_n(&minded->members[member->index], __ATOMIC_ACQUIRE);
    if (traffic || !health_balancers_key(&key, minded, member))
        return traffic;
    traffic = health_passive_claim(minded->table, &key);
    __atomic_store_n(&minded->members[member->index], traffic, __ATOMIC_RELEASE);
    return traffic;
}

void health_balancers_each(const health_minded_t *minded,
                           void (*visit)(void *visitor, const proxy_worker_shared *member,
                                         const health_passive_t *traffic),
                           void *visitor)
{
    for (int i = 0; i < minded->balancer->max_workers; i++) {
        const proxy_worker_shared *slot = health_slots_at(minded->balancer, i);

        if (health_slots_is_complete(slot))
            visit(visitor, slot, health_balancers_traffic(minded, slot));
    }
}

/* The parent has restored, or is about to, what a watch of an old generation would write once more
 * (mod_proxy keeps the slots with BalancerPersist): nobody might take it back. */
static int is_over(void)
{
    return tier_glue_retired(NULL);
}

static void mirror(void *baton, void *ref, health_mirror_e how)
{
    (void)baton;
    if (!is_over())
        health_slots_mirror(ref, how);
}

static void set_drain(void *baton, void *ref, int drain)
{
    (void)baton;
    if (!is_over())
        health_slots_drain(ref, drain);
}

static int drains(void *baton, void *ref)
{
    (void)baton;
    return (__atomic_load_n(&((proxy_worker_shared *)ref)->status, __ATOMIC_RELAXED) &
            PROXY_WORKER_DRAIN) != 0;
}

static apr_time_t error_since(void *baton, void *ref)
{
    const proxy_worker_shared *slot = ref;

    (void)baton;
    if (!(__atomic_load_n(&slot->status, __ATOMIC_RELAXED) & PROXY_WORKER_IN_ERROR))
        return 0;
    return __atomic_load_n(&slot->error_time, __ATOMIC_RELAXED);
}

/* Slow start. Each record of a member has a factor of its own: virtual hosts that inherit a
 * balancer are told apart. */
static health_ramp_t *ramp_of(const health_minded_t *minded, const proxy_worker_shared *slot)
{
    health_passive_t *traffic;
    health_key_t key;

    if (!minded->table || !set_key_in(&key, minded, slot, minded->scope))
        return NULL;
    traffic = health_passive_claim(minded->table, &key);
    return traffic ? &traffic->ramp : NULL;
}

static const health_minded_t *minded_of(const health_balancers_t *balancers,
                                        const proxy_worker_shared *slot)
{
    for (int i = 0; i < balancers->list->nelts; i++) {
        const health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        if (slot->index >= 0 && slot->index < minded->balancer->max_workers &&
            health_slots_at(minded->balancer, slot->index) == slot)
            return minded;
    }
    return NULL;
}

static void set_share(void *baton, void *ref, apr_uint32_t percent)
{
    proxy_worker_shared *slot = ref;
    const health_minded_t *minded = minded_of(baton, slot);
    health_ramp_t *ramp = minded ? ramp_of(minded, slot) : NULL;
    int current = __atomic_load_n(&slot->lbfactor, __ATOMIC_RELAXED);
    int next;

    if (!ramp || is_over())
        return;
    next = health_ramp_step(ramp, current, percent);
    if (next != current)
        __atomic_store_n(&slot->lbfactor, next, __ATOMIC_RELEASE);
    if (percent >= 100)
        health_ramp_end(ramp);
}

static void give_back(const health_minded_t *minded)
{
    for (int i = 0; i < minded->balancer->max_workers; i++) {
        proxy_worker_shared *slot = health_slots_at(minded->balancer, i);
        const health_ramp_t *ramp =
            slot && health_slots_is_complete(slot) ? ramp_of(minded, slot) : NULL;

        if (ramp && ramp->own)
            slot->lbfactor = health_ramp_own(ramp, slot->lbfactor);
    }
}

/* BalancerPersist keeps what the slots have now: that must be the administrator's own factors. */
static apr_status_t give_all_back(void *data)
{
    const health_balancers_t *balancers = data;

    for (int i = 0; i < balancers->list->nelts; i++)
        give_back(&APR_ARRAY_IDX(balancers->list, i, health_minded_t));
    return APR_SUCCESS;
}

static health_standing_e standing(void *baton, void *ref)
{
    const proxy_worker_shared *slot = ref;
    unsigned int status = __atomic_load_n(&slot->status, __ATOMIC_RELAXED);

    (void)baton;
    if (status & (PROXY_WORKER_DISABLED | PROXY_WORKER_STOPPED | PROXY_WORKER_IN_SHUTDOWN))
        return HEALTH_STANDING_STOPPED;
    return status & PROXY_WORKER_IN_ERROR ? HEALTH_STANDING_ERROR : HEALTH_STANDING_READY;
}

static int says(void *baton, void *ref, int out)
{
    const unsigned int ours = PROXY_WORKER_HC_FAIL | PROXY_WORKER_IN_ERROR | PROXY_WORKER_DRAIN |
                              PROXY_WORKER_DISABLED | PROXY_WORKER_STOPPED |
                              PROXY_WORKER_IN_SHUTDOWN;
    unsigned int status =
        __atomic_load_n(&((const proxy_worker_shared *)ref)->status, __ATOMIC_RELAXED);

    (void)baton;
    return (status & ours) == (out ? PROXY_WORKER_HC_FAIL : 0U);
}

static void set_traffic(health_spec_t *spec, const health_minded_t *minded,
                        health_passive_t *traffic)
{
    if (minded->section->ejects && traffic) {
        spec->ejecting = &minded->section->eject;
        spec->eject = &traffic->eject;
        spec->outlier = &traffic->outlier;
    }
    if (traffic && minded->traffic) {
        spec->suspect = &traffic->suspect;
        spec->alarm = &minded->traffic->alarm;
    }
    spec->slow_start = minded->section->slow_start;
    spec->requires = minded->section->requires;
    if ((minded->section->panic || minded->section->requires) && minded->traffic) {
        spec->panic_percent = minded->section->panic;
        spec->panic = &minded->traffic->panic;
    }
}

static void visit_slot(const health_minded_t *minded, proxy_worker_shared *slot,
                       void (*visit)(void *visitor, const health_spec_t *spec), void *visitor)
{
    health_spec_t spec = {.ref = slot,
                          .check = health_slots_check(minded->section, slot),
                          .log = minded->section->log,
                          .scheme = slot->scheme,
                          .host = slot->hostname_ex,
                          .port = slot->port,
                          .socket_path = slot->uds_path[0] ? slot->uds_path : NULL};

    set_traffic(&spec, minded, health_balancers_traffic(minded, slot));
    if (health_balancers_key(&spec.key, minded, slot))
        visit(visitor, &spec);
}

/* What the members need beside them. Two sections that need the same have it once. */
static void visit_services(const health_section_t *section,
                           void (*visit)(void *visitor, const health_spec_t *spec), void *visitor)
{
    health_spec_t spec;

    for (int i = 0; section->services && i < section->services->nelts; i++) {
        if (health_service_spec(APR_ARRAY_IDX(section->services, i, const health_service_t *),
                                section->log, &spec))
            visit(visitor, &spec);
    }
}

static void each_member(void *baton, void (*visit)(void *visitor, const health_spec_t *spec),
                        void *visitor)
{
    const health_balancers_t *balancers = baton;

    for (int i = 0; i < balancers->list->nelts; i++) {
        const health_minded_t *minded = &APR_ARRAY_IDX(balancers->list, i, health_minded_t);

        for (int j = 0; j < minded->balancer->max_workers; j++) {
            proxy_worker_shared *slot = health_slots_at(minded->balancer, j);

            if (health_slots_is_complete(slot))
                visit_slot(minded, slot, visit, visitor);
        }
        visit_services(minded->section, visit, visitor);
    }
}

void health_balancers_serve(health_balancers_t *balancers, health_server_t *server)
{
    server->baton = balancers;
    server->each_member = each_member;
    server->mirror = mirror;
    server->error_since = error_since;
    server->standing = standing;
    server->set_drain = set_drain;
    server->drains = drains;
    server->set_share = set_share;
    server->says = says;
}
