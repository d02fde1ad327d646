/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_H
#define TIER_MEMCACHE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "breaker.h"
#include "log.h"
#include "loop.h"

/*
 * A memcached client over libmemcached: ketama distribution, binary-safe values, persistent connections (as many
 * as there are threads asking at once, each used by one thread at a time), a deadline on every call and a
 * circuit breaker a server. A server that does not answer is a miss, never an error of the request.
 *
 * libmemcached's own time-outs bound each wait of a call; the deadline here bounds the whole call: a connection
 * whose call is overdue is shut down by a guard thread, so that an answer that trickles in ends too.
 */
typedef struct tier_memcache_t tier_memcache_t;

#define TIER_MEMCACHE_MAX_SERVERS 64
#define TIER_MEMCACHE_MAX_KEY     250 /* protocol.txt: no control characters or white space */

typedef struct tier_memcache_options_t {
    apr_array_header_t *servers;      /* of const char *: "host[:port]" or "/path/of/socket", port 11211 */
    apr_interval_time_t deadline;     /* of one call; 100 ms where 0 */
    apr_interval_time_t probe;        /* how often an open breaker's server is probed; 250 ms where 0 */
    apr_uint32_t failures;            /* consecutive failures that open a breaker; 1 where 0 */
    tier_breaker_t *breakers;         /* in shared memory, one a server, in the order of servers */
    const tier_log_t *log;
} tier_memcache_options_t;

/* Checks one server's spelling. Returns NULL when it is right, else a sentence from pool that says what is wrong. */
const char *tier_memcache_check_server(const char *server, apr_pool_t *pool);

/*
 * Makes a client for this process; call in child_init. It closes its connections with pool. Does not connect. Errors:
 * APR_EINVAL (a server's spelling), APR_ENOMEM.
 */
apr_status_t tier_memcache_create(tier_memcache_t **memcache, const tier_memcache_options_t *options,
                                  apr_pool_t *pool);

/*
 * Reads key (key_size bytes, 1 to 250). APR_SUCCESS: *value (from pool), *size and *flags are set.
 * APR_NOTFOUND: a miss. APR_TIMEUP: no whole answer within the deadline. APR_EAGAIN: the server's breaker is
 * open, nothing was asked. APR_EINVAL: a key the protocol does not allow. APR_EGENERAL: everything else (refused,
 * garbage). Any thread. All of these but APR_SUCCESS are a miss to a cache.
 */
apr_status_t tier_memcache_get(tier_memcache_t *memcache, const char *key, apr_size_t key_size, char **value,
                               apr_size_t *size, apr_uint32_t *flags, apr_pool_t *pool);

/*
 * Stores value for ttl (seconds of life from now, rounded up; any length, over 30 days included; 0 is for ever).
 * APR_ENOSPC: over the server's item limit or out of memory there; other errors as of get. Any thread.
 */
apr_status_t tier_memcache_set(tier_memcache_t *memcache, const char *key, apr_size_t key_size, const char *value,
                               apr_size_t size, apr_interval_time_t ttl, apr_uint32_t flags);

/* As set, but only when there is no such key: APR_EEXIST when there is. One caller of many hosts wins. */
apr_status_t tier_memcache_add(tier_memcache_t *memcache, const char *key, apr_size_t key_size, const char *value,
                               apr_size_t size, apr_interval_time_t ttl, apr_uint32_t flags);

/* Removes key; APR_NOTFOUND when there was none. Errors as of get. Any thread. */
apr_status_t tier_memcache_delete(tier_memcache_t *memcache, const char *key, apr_size_t key_size);

/*
 * Arms on loop the probing of servers whose breaker is open (non-blocking connect and "version"): call in the
 * watch's lead. Lives until pool is destroyed; unarmed with it.
 */
apr_status_t tier_memcache_probe_on(tier_loop_t *loop, const tier_memcache_options_t *options, apr_pool_t *pool);

#endif
