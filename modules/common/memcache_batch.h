/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_BATCH_H
#define TIER_MEMCACHE_BATCH_H

#include "memcache.h"
#include "memcache_exchange.h"

/*
 * One "get" of several keys over one connection, sent and read apart, so that several servers work
 * at the same time. A plain value of one thread, filled by the caller.
 */
typedef struct tier_memcache_batch_t {
    tier_memcache_exchange_t exchange; /* verb, until; begun and said are set */
    tier_memcache_item_t **items;      /* in the order in which they are asked for */
    int count;                         /* 1 at least */
    apr_interval_time_t deadline;      /* of the first byte, and of each value after it */
} tier_memcache_batch_t;

/* Sends the command by exchange.until. pool is used while it runs. Errors: the wire's. */
apr_status_t tier_memcache_batch_send(tier_memcache_batch_t *batch, tier_memcache_wire_t *wire,
                                      apr_pool_t *pool);

/*
 * Reads the answers; each value goes where its item says, its status is APR_SUCCESS then, or
 * APR_ENOSPC when it is longer than room. Those that did not come are left alone. Returns as
 * tier_memcache_exchange_run does; a value that was whole before an error counts.
 */
apr_status_t tier_memcache_batch_receive(tier_memcache_batch_t *batch, tier_memcache_wire_t *wire);

#endif
