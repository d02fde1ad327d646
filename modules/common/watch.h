/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_WATCH_H
#define TIER_WATCH_H

#include <apr_pools.h>

#include "leader.h"
#include "log.h"
#include "loop.h"

/*
 * The tier's watch: one thread in each child, of which one on the host leads and does the work that
 * stands beside requests (probes, deliveries). The others look every TIER_WATCH_POLL whether the
 * leader is gone.
 */
#define TIER_WATCH_POLL apr_time_from_msec(50)

typedef struct tier_watch_t tier_watch_t;

typedef struct tier_watch_spec_t {
    const char *name;      /* for log lines: "tier-health" */
    tier_leader_t *leader; /* in shared memory */
    apr_uint32_t max_sockets;
    const tier_log_t *log;
    void *baton;

    /*
     * Called in the watch thread when this child has become the leader: arms timers and sockets on
     * loop. pool, which only this thread uses, lives until this child leads no more: lose (may be
     * NULL) is called, then all that is still armed on loop is disarmed, then pool is destroyed. An
     * error of lead is logged and ends the term in the same way but without lose; after a second
     * some child tries again.
     */
    apr_status_t (*lead)(tier_loop_t *loop, void *baton, apr_pool_t *pool);
    void (*lose)(void *baton);

    /*
     * Asked at each poll, by leaders and others: non-zero when this child is of an old generation
     * or is stopping. It never becomes the leader then; one that leads goes on until a child that
     * is not retired wants to, so that a graceful restart leaves no gap. May be NULL.
     */
    int (*retired)(void *baton);
} tier_watch_spec_t;

/*
 * Starts the thread. Call in child_init; spec is copied, what it points to must live as long as
 * pool. A pre-cleanup of pool stops and joins the thread (it is joined within a few milliseconds,
 * whatever it does, as callbacks do not block). Errors: what creating the loop or thread gives.
 */
apr_status_t tier_watch_start(tier_watch_t **watch, const tier_watch_spec_t *spec,
                              apr_pool_t *pool);

#endif
