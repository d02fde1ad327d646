/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include <apr_network_io.h>
#include <apr_pools.h>

#include "health_advice.h"
#include "health_check.h"
#include "health_protocol.h"
#include "loop.h"

/*
 * One probe at a time of one member, with one deadline over all of it. How it is made depends on
 * the kind of check: a driver does it. Lives in its owner's memory, in the thread of one loop.
 */
typedef struct health_probe_t health_probe_t;

/* A way to make probes; its functions are called by health_probe.c. */
typedef struct health_driver_t {
    /* Returns what the driver keeps for this probe, from pool, which lives as long as the probe.
     * NULL: no memory. */
    void *(*make)(health_probe_t *probe, apr_pool_t *pool);
    /*
     * Begins. Returns 1 with a verdict (probe->verdict, probe->result); otherwise the driver calls
     * health_probe_finish from the loop when it has one.
     */
    int (*start)(health_probe_t *probe);
    /* Lets go of everything that start has got; also in the middle, also twice. */
    void (*stop)(health_probe_t *probe);
    /* Returns what has not come by the deadline: "connection", "whole answer". NULL: it is not the
     * member's fault that nothing has. */
    const char *(*missing)(const health_probe_t *probe);
} health_driver_t;

struct health_probe_t {
    /* Set by the owner before the first start. */
    const health_check_t *check;
    const char *member;                 /* its URL */
    const char *authority;              /* for the Host header */
    const char *peer;                   /* the name that a certificate must have */
    struct health_commands_t *commands; /* with HEALTH_KIND_COMMAND; outlives the probe */
    struct health_sockets_t *sockets; /* kept for the next probe of anybody; outlives it; or NULL */
    /*
     * Called once a start, from the loop, never from within start. result and its strings are valid
     * until the next start. latency: from the start to the verdict. The owner may start again from
     * here.
     */
    void (*done)(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                 const tier_result_t *result, apr_interval_time_t latency);
    void *baton;

    /* What came of it: for done. */
    health_verdict_e verdict; /* set early where the loop must be left first: see start */
    tier_result_t result;
    int expired;            /* the deadline has passed */
    int advised;            /* the member has given advice */
    health_advice_t advice; /* with advised */

    /* For the driver. */
    void *work; /* what make has returned */
    tier_loop_t *loop;
    apr_pool_t *pool;        /* cleared with each start */
    apr_sockaddr_t *address; /* the one that is being tried */

    /* The probe's own. */
    const health_driver_t *driver;
    tier_loop_timer_t timer;
    apr_time_t began;
    int active;
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

/* Ends a probe whose deadline comes by then, as the deadline would, done included. Returns 0 where
 * it has more time, or none is under way. */
int health_probe_expire(health_probe_t *probe, apr_time_t by);

/* Ends a probe without calling done; one that is not under way is left alone. */
void health_probe_cancel(health_probe_t *probe);

/* For drivers, from the loop: the verdict is there. Calls done. */
void health_probe_finish(health_probe_t *probe);

/*
 * For drivers: sets the verdict for a system call that failed while doing ("connect"): HEALTH_VOID
 * where this host is at fault, else HEALTH_FAIL.
 */
void health_probe_set_failure(health_probe_t *probe, apr_status_t status, const char *doing);

/* The same for a fault of this host whatever the status. */
void health_probe_set_void(health_probe_t *probe, apr_status_t status, const char *doing);

#endif
