/* SPDX-License-Identifier: Apache-2.0 */
#include "health_slots.h"

#include <apr_strings.h>

#include <atomics.h>

proxy_server_conf *health_slots_conf(const server_rec *server)
{
    const module *proxy = ap_find_linked_module("mod_proxy.c");

    return proxy ? ap_get_module_config(server->module_config, proxy) : NULL;
}

/* By the array's own element size: the record has grown at its end in the past. */
proxy_balancer *health_slots_balancer(const apr_array_header_t *balancers, int i)
{
    return (proxy_balancer *)(balancers->elts + (apr_size_t)i * (apr_size_t)balancers->elt_size);
}

proxy_worker_shared *health_slots_at(const proxy_balancer *balancer, int i)
{
    void *slot = NULL;

    if (!balancer->wslot || !balancer->storage ||
        balancer->storage->dptr(balancer->wslot, (unsigned)i, &slot) != APR_SUCCESS)
        return NULL;
    return slot;
}

/* Slots that were never filled have no hash. */
int health_slots_is_filled(const proxy_worker_shared *slot)
{
    return slot && slot->hash.def && slot->hash.fnv && slot->name_ex[0];
}

/* The bit comes last when a member is added: without it the slot may be half written. */
int health_slots_is_complete(const proxy_worker_shared *slot)
{
    return health_slots_is_filled(slot) &&
           (__atomic_load_n(&slot->status, __ATOMIC_ACQUIRE) & PROXY_WORKER_INITIALIZED);
}

/* Writes a member's URL as the status page and member= have it: "unix:path|name" or the name. */
void health_slots_text(const proxy_worker_shared *slot, char *text, apr_size_t size)
{
    apr_size_t longest = sizeof(slot->name_ex) + 1;

    if (slot->uds_path[0])
        apr_snprintf(text, size, "unix:%.*s|%.*s", (int)sizeof(slot->uds_path), slot->uds_path,
                     (int)sizeof(slot->name_ex), slot->name_ex);
    else
        apr_cpystrn(text, slot->name_ex, size < longest ? size : longest);
}

const health_check_t *health_slots_check(const health_section_t *section,
                                         const proxy_worker_shared *slot)
{
    char text[HEALTH_SLOTS_TEXT] = "";

    if (section->overrides)
        health_slots_text(slot, text, sizeof(text));
    return health_config_check_of(section, text);
}

/* Requests of all processes read the word: its line is written only when it must be. */
static void set_bits(proxy_worker_shared *slot, unsigned int bits)
{
    if (bits & ~__atomic_load_n(&slot->status, __ATOMIC_RELAXED))
        tier_atomic_set_bits(&slot->status, bits);
}

static void clear_bits(proxy_worker_shared *slot, unsigned int bits)
{
    if (bits & __atomic_load_n(&slot->status, __ATOMIC_RELAXED))
        tier_atomic_clear_bits(&slot->status, bits);
}

void health_slots_mirror(proxy_worker_shared *slot, health_mirror_e how)
{
    if (how == HEALTH_MIRROR_DOWN)
        set_bits(slot, PROXY_WORKER_HC_FAIL);
    else
        clear_bits(slot, PROXY_WORKER_HC_FAIL |
                             (how == HEALTH_MIRROR_RECOVERED ? PROXY_WORKER_IN_ERROR : 0));
}

void health_slots_drain(proxy_worker_shared *slot, int drain)
{
    if (drain)
        set_bits(slot, PROXY_WORKER_DRAIN);
    else
        clear_bits(slot, PROXY_WORKER_DRAIN);
}
