/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_H
#define TIER_MEMCACHE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "breaker.h"
#include "log.h"
#include "loop.h"

/*
 * A memcached client: libmemcached's ketama ring, binary-safe values, persistent connections (as
 * many as there are threads asking at once, each used by one thread at a time), a deadline on every
 * call and a circuit breaker a server, which also opens when half of the calls take more than half
 * of the deadline. A server that does not answer is a miss, never an error of the request.
 *
 * libmemcached decides which server has a key, so that every other program with its weighted ketama
 * ring agrees; the calls themselves are sent by memcache_wire.c. libmemcached 1.1.4 cannot give
 * what a cache has to promise here (measured; each is a case of common_memcache_fake_test.c): its
 * time-outs bound one wait, not the call, and it does not tell its descriptors, so that an answer
 * that trickled in took 3 s of a 100 ms deadline; an answer with a key of over 250 bytes overwrites
 * its memory, with the text protocol and the binary one, up to a jump to where the answer says; a
 * length near 2^64 writes before its buffer; it returns the value of another key, and does not look
 * at what ends a value.
 *
 * A call on a kept connection that the server has closed is made once more on a new one. So an add
 * whose server died between storing and answering may find its own value and return APR_EEXIST.
 *
 * Names are resolved outside requests, by a thread of the client (only when a server is spelled as
 * a name): once at the start, then again while the name is unknown or the breaker is open. Until a
 * name is known its server is left out like one that is down.
 */
typedef struct tier_memcache_t tier_memcache_t;

#define TIER_MEMCACHE_MAX_SERVERS  64
#define TIER_MEMCACHE_MAX_KEY      250 /* protocol.txt: no control characters or white space */
#define TIER_MEMCACHE_RESOLVE_WAIT apr_time_from_msec(500)

/* Longer values are neither stored nor believed. */
#define TIER_MEMCACHE_MAX_VALUE ((apr_size_t)64 * 1024 * 1024)

typedef struct tier_memcache_options_t {
    apr_array_header_t *servers;  /* of const char *: "host[:port]", "[IPv6][:port]" or
                                     "/path/of/socket"; port 11211 */
    apr_interval_time_t deadline; /* of one call; 100 ms where 0 */
    apr_interval_time_t probe;    /* how often an open breaker's server is probed; 250 ms where 0 */
    apr_uint32_t failures;        /* consecutive failures that open a breaker; 1 where 0 */
    tier_breaker_t *breakers;     /* in shared memory, one a server, in the order of servers */
    const tier_log_t *log;
} tier_memcache_options_t;

/*
 * Checks one server's spelling. Returns NULL when it is right, else a sentence from pool that says
 * what is allowed; the caller puts the directive and the value before it.
 */
const char *tier_memcache_check_server(const char *server, apr_pool_t *pool);

/*
 * Makes a client for this process; call in child_init. options is copied; what it points to must
 * live as long as pool. It closes its connections with pool. Does not connect; waits up to
 * TIER_MEMCACHE_RESOLVE_WAIT for names to resolve (numeric addresses and sockets cost no wait). A
 * name that does not resolve opens its breaker and is logged; it is no error here. Errors:
 * APR_EINVAL (a server's spelling, no server or too many), APR_ENOMEM, and what starting a thread
 * gives.
 */
apr_status_t tier_memcache_create(tier_memcache_t **memcache,
                                  const tier_memcache_options_t *options, apr_pool_t *pool);

/*
 * Reads key (key_size bytes, 1 to 250). APR_SUCCESS: *value (from pool), *size and *flags are set.
 * APR_NOTFOUND: a miss. APR_TIMEUP: no whole answer within the deadline. APR_EAGAIN: the server's
 * breaker is open, nothing was asked. APR_EINVAL: a key the protocol does not allow. APR_EGENERAL:
 * everything else (refused, garbage). Any thread. All of these but APR_SUCCESS are a miss to a
 * cache.
 */
apr_status_t tier_memcache_get(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               char **value, apr_size_t *size, apr_uint32_t *flags,
                               apr_pool_t *pool);

/* One of several values that are asked for together. The caller fills it down to room. */
typedef struct tier_memcache_item_t {
    const char *key;
    apr_size_t key_size;
    char *into;      /* where the value goes; undefined unless status is APR_SUCCESS */
    apr_size_t room; /* bytes there */
    apr_size_t size;
    apr_uint32_t flags;
    apr_status_t status; /* as of get; APR_ENOSPC: the value is longer than room */
} tier_memcache_item_t;

/*
 * Reads count items, with one command a server, to all servers before the first answer is read. A
 * server has the deadline for its first byte and again for each value, so that what is large may
 * take longer than one call, and a server that hangs costs one deadline. Returns APR_SUCCESS when
 * every server has answered, whatever it had, else the first error, as of get; each item's status
 * says what came of it. pool is used while it runs. Any thread.
 */
apr_status_t tier_memcache_get_many(tier_memcache_t *memcache, tier_memcache_item_t *items,
                                    int count, apr_pool_t *pool);

/*
 * Stores value for ttl (life from now in microseconds, rounded up to seconds; any length, over 30
 * days included; 0 is for ever). APR_ENOSPC: over the server's item limit or out of memory there;
 * other errors as of get. Any thread.
 */
apr_status_t tier_memcache_set(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               const char *value, apr_size_t size, apr_interval_time_t ttl,
                               apr_uint32_t flags);

/* As set, but only when there is no such key: APR_EEXIST when there is. One caller of many hosts
 * wins. */
apr_status_t tier_memcache_add(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               const char *value, apr_size_t size, apr_interval_time_t ttl,
                               apr_uint32_t flags);

/* Removes key; APR_NOTFOUND when there was none. Errors as of get. Any thread. */
apr_status_t tier_memcache_delete(tier_memcache_t *memcache, const char *key, apr_size_t key_size);

/*
 * Returns the place in options->servers, from 0, of the server that has key (1 to 250 bytes): for
 * those who want two keys on two servers. Any thread.
 */
int tier_memcache_server_of(tier_memcache_t *memcache, const char *key, apr_size_t key_size);

/*
 * Arms on loop the probing of servers whose breaker is open (non-blocking connect and "version",
 * answered within half of options->deadline): call in the watch's lead; one socket's room a server
 * is enough. Lives until pool is destroyed; unarmed with it. options is copied. Errors: as of
 * create.
 */
apr_status_t tier_memcache_probe_on(tier_loop_t *loop, const tier_memcache_options_t *options,
                                    apr_pool_t *pool);

#endif
