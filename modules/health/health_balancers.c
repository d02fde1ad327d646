/* SPDX-License-Identifier: Apache-2.0 */
#include "health_balancers.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <mod_proxy.h>

#include "health_private.h"
#include "health_times.h"

#include <atomics.h>

/* One balancer with checks. */
typedef struct checked_t {
    proxy_balancer *balancer;
    health_section_t *section;
} checked_t;

struct health_balancers_t {
    apr_array_header_t *checked; /* of checked_t */
};

static proxy_server_conf *proxy_conf(const server_rec *server)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");

    return proxy ? ap_get_module_config(server->module_config, proxy) : NULL;
}

/* By the array's own element size: the record has grown at its end in the past. */
static proxy_balancer *balancer_at(const apr_array_header_t *balancers, int i)
{
    return (proxy_balancer *)(balancers->elts + (apr_size_t)i * (apr_size_t)balancers->elt_size);
}

static proxy_worker_shared *slot_at(const proxy_balancer *balancer, int i)
{
    void *slot = NULL;

    if (!balancer->wslot || !balancer->storage ||
        balancer->storage->dptr(balancer->wslot, (unsigned)i, &slot) != APR_SUCCESS)
        return NULL;
    return slot;
}

/* Slots that were never filled have no hash. */
static int is_filled(const proxy_worker_shared *slot)
{
    return slot && slot->hash.def && slot->hash.fnv && slot->name_ex[0];
}

/* The check of the configuration. */

static int check_member(const health_section_t *section, const proxy_worker_shared *member)
{
    if (section->check.kind == HEALTH_KIND_HTTP && !health_check_speaks_http(member->scheme)) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, section->server,
                     WTNO(1010) "TierHealthCheck http at %s: member %s of %s speaks %s, which http "
                                "probes do not; "
                                "use TierHealthCheck tcp, or members with http://",
                     section->where, member->name_ex, section->balancer, member->scheme);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (member->method != NONE)
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
                     WTNO(1011) "TierHealthCheck at %s: member %s of %s has an hcmethod too; "
                                "mod_proxy_hcheck "
                                "and TierHealthCheck contradict each other, use one of them",
                     section->where, member->name_ex, section->balancer);
    return OK;
}

static int check_balancer(const health_section_t *section, const proxy_balancer *balancer)
{
    int result = OK;

    for (int i = 0; i < balancer->workers->nelts && result == OK; i++)
        result = check_member(section, APR_ARRAY_IDX(balancer->workers, i, proxy_worker *)->s);
    return result;
}

static const proxy_balancer *find_balancer(const health_section_t *section)
{
    const proxy_server_conf *conf = proxy_conf(section->server);

    for (int i = 0; conf && i < conf->balancers->nelts; i++) {
        const proxy_balancer *balancer = balancer_at(conf->balancers, i);

        if (strcmp(balancer->s->name, section->balancer) == 0)
            return balancer;
    }
    return NULL;
}

static int check_section(const health_section_t *section)
{
    const proxy_balancer *balancer = find_balancer(section);

    if (!balancer || balancer->workers->nelts + balancer->growth == 0)
        ap_log_error(
            APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, section->server,
            WTNO(1012) "TierHealthCheck at %s has nothing to check: %s has no BalancerMember",
            section->where, section->balancer);
    return balancer ? check_balancer(section, balancer) : OK;
}

static void check_times(const ap_directive_t *directive, server_rec *main_server, apr_pool_t *ptemp)
{
    for (; directive; directive = directive->next) {
        const char *misread = NULL;

        if (strcasecmp(directive->directive, "BalancerMember") == 0 ||
            strcasecmp(directive->directive, "ProxySet") == 0)
            misread = health_times_misread(directive->args, ptemp);
        if (misread)
            ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, main_server,
                         WTNO(1009) "%s at %s:%d: mod_proxy reads %s as seconds, whatever the unit",
                         directive->directive, directive->filename, directive->line_num, misread);
        check_times(directive->first_child, main_server, ptemp);
    }
}

int health_balancers_check(server_rec *main_server, apr_pool_t *ptemp)
{
    const apr_array_header_t *sections = health_config_sections(main_server, ptemp);
    int result = OK;

    if (sections->nelts > 0 && !ap_find_linked_module("mod_proxy_balancer.c")) {
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, main_server,
                     WTNO(1013) "TierHealthCheck needs mod_proxy_balancer, which is not loaded: "
                                "add its LoadModule line "
                                "(a2enmod proxy_balancer)");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (sections->nelts > 0)
        check_times(ap_conftree, main_server, ptemp);
    for (int i = 0; i < sections->nelts && result == OK; i++)
        result = check_section(APR_ARRAY_IDX(sections, i, health_section_t *));
    return result;
}

/* The balancers that have checks. */

static int is_known(const health_balancers_t *balancers, const proxy_balancer *balancer)
{
    for (int i = 0; i < balancers->checked->nelts; i++) {
        if (APR_ARRAY_IDX(balancers->checked, i, checked_t).balancer == balancer)
            return 1;
    }
    return 0;
}

health_balancers_t *health_balancers_find(server_rec *main_server, apr_pool_t *pconf)
{
    health_balancers_t *found = apr_palloc(pconf, sizeof(*found));

    found->checked = apr_array_make(pconf, 4, sizeof(checked_t));
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = proxy_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            proxy_balancer *balancer = balancer_at(conf->balancers, i);
            health_section_t *section = health_config_find(server, balancer->s->name);

            if (section && !is_known(found, balancer)) {
                checked_t *checked = apr_array_push(found->checked);

                checked->balancer = balancer;
                checked->section = section;
            }
        }
    }
    return found;
}

apr_uint32_t health_balancers_room(const health_balancers_t *balancers)
{
    apr_uint32_t room = 0;

    for (int i = 0; i < balancers->checked->nelts; i++)
        room += (apr_uint32_t)APR_ARRAY_IDX(balancers->checked, i, checked_t).balancer->max_workers;
    return room;
}

/* Returns the key's third part from a buffer, which is that of the key: "unix:path|name" or the
 * name. */
static int set_key(health_key_t *key, const checked_t *checked, const proxy_worker_shared *slot)
{
    char member[sizeof(slot->uds_path) + sizeof(slot->name_ex) + 8];

    if (slot->uds_path[0])
        apr_snprintf(member, sizeof(member), "unix:%.*s|%.*s", (int)sizeof(slot->uds_path),
                     slot->uds_path, (int)sizeof(slot->name_ex), slot->name_ex);
    else
        apr_snprintf(member, sizeof(member), "%.*s", (int)sizeof(slot->name_ex), slot->name_ex);
    return health_key_set(key, checked->section->scope, checked->section->balancer, member);
}

static void mirror(void *baton, void *ref, health_mirror_e how)
{
    unsigned int *status = &((proxy_worker_shared *)ref)->status;
    unsigned int now = __atomic_load_n(status, __ATOMIC_RELAXED);
    unsigned int cleared =
        PROXY_WORKER_HC_FAIL | (how == HEALTH_MIRROR_RECOVERED ? PROXY_WORKER_IN_ERROR : 0);

    (void)baton;
    /* The line is written only when it must be: requests of all processes read it. */
    if (how == HEALTH_MIRROR_DOWN) {
        if (!(now & PROXY_WORKER_HC_FAIL))
            tier_atomic_set_bits(status, PROXY_WORKER_HC_FAIL);
    } else if (now & cleared) {
        tier_atomic_clear_bits(status, cleared);
    }
}

static apr_time_t error_since(void *baton, void *ref)
{
    const proxy_worker_shared *slot = ref;

    (void)baton;
    if (!(__atomic_load_n(&slot->status, __ATOMIC_RELAXED) & PROXY_WORKER_IN_ERROR))
        return 0;
    return __atomic_load_n(&slot->error_time, __ATOMIC_RELAXED);
}

static void visit_slot(const checked_t *checked, proxy_worker_shared *slot,
                       void (*visit)(void *visitor, const health_spec_t *spec), void *visitor)
{
    health_spec_t spec = {.ref = slot,
                          .check = &checked->section->check,
                          .log = checked->section->log,
                          .scheme = slot->scheme,
                          .host = slot->hostname_ex,
                          .port = slot->port,
                          .socket_path = slot->uds_path[0] ? slot->uds_path : NULL};

    if (set_key(&spec.key, checked, slot))
        visit(visitor, &spec);
}

static void each_member(void *baton, void (*visit)(void *visitor, const health_spec_t *spec),
                        void *visitor)
{
    const health_balancers_t *balancers = baton;

    for (int i = 0; i < balancers->checked->nelts; i++) {
        const checked_t *checked = &APR_ARRAY_IDX(balancers->checked, i, checked_t);

        for (int j = 0; j < checked->balancer->max_workers; j++) {
            proxy_worker_shared *slot = slot_at(checked->balancer, j);

            /* The bit comes last when a member is added: without it the slot may be half written.
             */
            if (is_filled(slot) &&
                (__atomic_load_n(&slot->status, __ATOMIC_ACQUIRE) & PROXY_WORKER_INITIALIZED))
                visit_slot(checked, slot, visit, visitor);
        }
    }
}

/* What the generation before knew. */

static void restore_slot(const checked_t *checked, proxy_worker_shared *slot, health_table_t *table)
{
    const health_entry_t *entry;
    health_key_t key;

    if (!set_key(&key, checked, slot))
        return;
    entry = health_table_find(table, &key);
    if (entry && entry->record.member.state == HEALTH_DOWN)
        mirror(NULL, slot, HEALTH_MIRROR_DOWN);
}

/* True when any server's check took this member down: then the bit that BalancerPersist kept is
 * ours. */
static int was_ours(const health_table_t *table, const char *balancer,
                    const proxy_worker_shared *slot, health_record_t *copy)
{
    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        if (health_table_read(table, i, copy) && copy->member.state == HEALTH_DOWN &&
            strcmp(copy->key.balancer, balancer) == 0 &&
            strcmp(copy->key.member, slot->name_ex) == 0)
            return 1;
    }
    return 0;
}

static void clear_unchecked(const proxy_balancer *balancer, const health_table_t *table,
                            apr_pool_t *ptemp)
{
    health_record_t *copy = apr_palloc(ptemp, sizeof(*copy));

    for (int i = 0; i < balancer->max_workers; i++) {
        proxy_worker_shared *slot = slot_at(balancer, i);

        if (is_filled(slot) && (slot->status & PROXY_WORKER_HC_FAIL) && slot->method == NONE &&
            was_ours(table, balancer->s->name, slot, copy))
            mirror(NULL, slot, HEALTH_MIRROR_UP);
    }
}

void health_balancers_restore(const health_balancers_t *balancers, health_table_t *table,
                              server_rec *main_server, apr_pool_t *ptemp)
{
    for (int i = 0; i < balancers->checked->nelts; i++) {
        const checked_t *checked = &APR_ARRAY_IDX(balancers->checked, i, checked_t);

        for (int j = 0; j < checked->balancer->max_workers; j++) {
            proxy_worker_shared *slot = slot_at(checked->balancer, j);

            if (is_filled(slot))
                restore_slot(checked, slot, table);
        }
    }
    for (const server_rec *server = main_server; server; server = server->next) {
        const proxy_server_conf *conf = proxy_conf(server);

        for (int i = 0; conf && i < conf->balancers->nelts; i++) {
            const proxy_balancer *balancer = balancer_at(conf->balancers, i);

            if (!is_known(balancers, balancer))
                clear_unchecked(balancer, table, ptemp);
        }
    }
}

void health_balancers_serve(health_balancers_t *balancers, health_server_t *server)
{
    server->baton = balancers;
    server->each_member = each_member;
    server->mirror = mirror;
    server->error_since = error_since;
}
