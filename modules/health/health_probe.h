/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include <apr_network_io.h>
#include <apr_pools.h>

#include "health_check.h"
#include "health_protocol.h"
#include "loop.h"

/*
 * One probe at a time of one member: a fresh non-blocking connection, the dialogue of the check's
 * protocol, one deadline over all of it. Lives in its owner's memory, in the thread of one loop.
 */
typedef struct health_probe_t health_probe_t;
struct health_probe_t {
    /* Set by the owner before the first start. */
    const health_check_t *check;
    const char *authority; /* for the Host header */
    /*
     * Called once a start, from the loop, never from within start. result and its strings are valid
     * until the next start. latency: from the start to the verdict. The owner may start again from
     * here.
     */
    void (*done)(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                 const tier_result_t *result, apr_interval_time_t latency);
    void *baton;

    /* The probe's own. */
    const health_protocol_t *protocol;
    tier_loop_t *loop;
    apr_pool_t *pool;        /* cleared with each start */
    apr_pool_t *socket_pool; /* of the connection, below pool; NULL: none is open */
    tier_loop_socket_t watch;
    tier_loop_timer_t timer;
    apr_sockaddr_t *address; /* the one that is being tried */
    void *dialogue;
    const char *unsent;
    apr_size_t unsent_size;
    apr_time_t began;
    int connected;
    int active;
    health_verdict_e verdict; /* set early where the loop must be left first: see start */
    tier_result_t result;
};

/* Prepares a zeroed probe whose owner's fields are set. What it holds goes with pool. Errors:
 * APR_ENOMEM. */
apr_status_t health_probe_init(health_probe_t *probe, tier_loop_t *loop, apr_pool_t *pool);

/*
 * Begins a probe of the first of addresses that accepts a connection, tried in order; the list must
 * live until done. Nothing else may be under way (health_probe_active). Errors: APR_ENOMEM; every
 * other fault comes through done.
 */
apr_status_t health_probe_start(health_probe_t *probe, apr_sockaddr_t *addresses);

/* Returns 1 from start until done is called or the probe is cancelled. */
int health_probe_active(const health_probe_t *probe);

/* Ends a probe without calling done; one that is not under way is left alone. */
void health_probe_cancel(health_probe_t *probe);

#endif
