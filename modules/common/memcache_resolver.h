/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_RESOLVER_H
#define TIER_MEMCACHE_RESOLVER_H

#include "memcache_server.h"
#include "memcache_wire.h"

/*
 * The addresses of the servers. getaddrinfo() has no deadline, so it runs in a thread of its own,
 * and only where a server is spelled as a name: at the start, and every TIER_MEMCACHE_RESOLVE_AGAIN
 * for names that are unknown or whose breaker is open (the server may have moved).
 */
typedef struct tier_memcache_resolver_t tier_memcache_resolver_t;

#define TIER_MEMCACHE_RESOLVE_AGAIN apr_time_from_sec(2)

/*
 * Fills in what needs no resolving and starts the thread for the rest. servers and breakers (one
 * each) must live as long as pool. A pre-cleanup of pool ends the thread; one that hangs in
 * getaddrinfo() then is left to end by itself, touching nothing of ours. Errors: APR_ENOMEM, what
 * starting a thread gives.
 */
apr_status_t tier_memcache_resolver_create(tier_memcache_resolver_t **resolver,
                                           const tier_memcache_server_t *servers,
                                           tier_breaker_t *breakers, int count, apr_pool_t *pool);

/* Waits until every name was looked up once, for at most timeout. One thread. */
void tier_memcache_resolver_wait(tier_memcache_resolver_t *resolver, apr_interval_time_t timeout);

/* Copies the server's addresses; count is 0 while they are unknown. Any thread. */
void tier_memcache_resolver_get(tier_memcache_resolver_t *resolver, int server,
                                tier_memcache_addresses_t *addresses);

/*
 * Says that of the addresses that get gave the one at `which` has answered and those before it have
 * not: it is the first from now on, until the name is looked up again. Any thread.
 */
void tier_memcache_resolver_prefer(tier_memcache_resolver_t *resolver, int server,
                                   const tier_memcache_addresses_t *addresses, int which);

#endif
