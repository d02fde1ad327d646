/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_LINE_H
#define TIER_MEMCACHE_LINE_H

#include <apr_pools.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include "memcache.h"
#include "memcache_exchange.h"
#include "memcache_server.h"
#include "memcache_wire.h"

/* What one process has of one memcached server: its breaker, and the connections that no call uses.
 * Any thread. */
typedef struct tier_memcache_line_t {
    tier_memcache_server_t server;
    tier_breaker_t *breaker;
    const tier_memcache_options_t *options;
    apr_thread_mutex_t *lock; /* guards idle; never held over I/O */
    APR_RING_HEAD(tier_memcache_idle_t, tier_memcache_wire_t) idle; /* the last used first */
} tier_memcache_line_t;

/* Fills *line; options are kept. Connections that are idle when pool ends are closed. Errors: those
 * of apr_thread_mutex_create. Before other threads know the line. */
apr_status_t tier_memcache_line_init(tier_memcache_line_t *line,
                                     const tier_memcache_server_t *server, tier_breaker_t *breaker,
                                     const tier_memcache_options_t *options, apr_pool_t *pool);

/* Returns what a connection that is opened now has for its epoch. An epoch ends when the breaker
 * opens: connections of before then may be dead without knowing it. */
apr_uint64_t tier_memcache_line_epoch(const tier_memcache_line_t *line);

/* Returns a connection that was kept and is fit for use, or NULL. It is the caller's. */
tier_memcache_wire_t *tier_memcache_line_take(tier_memcache_line_t *line);

/* Keeps wire for a later call; closes the longest unused one when it has been that for a minute. */
void tier_memcache_line_keep(tier_memcache_line_t *line, tier_memcache_wire_t *wire,
                             apr_time_t now);

/*
 * Tells the breaker, and the log if that is news, what came of a call that began at `began` and
 * ended with status; is_one: it was for one key, so that its time counts. Returns what the call's
 * caller is to see: status, or APR_EGENERAL for what it need not tell apart.
 */
apr_status_t tier_memcache_line_account(tier_memcache_line_t *line,
                                        const tier_memcache_exchange_t *exchange, int is_one,
                                        apr_time_t began, apr_status_t status);

#endif
