/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_ADDRESS_H
#define HEALTH_ADDRESS_H

#include <apr_network_io.h>
#include <apr_pools.h>

#include "result.h"

/*
 * Where a member is: a Unix socket, a numeric address, or a name that has to be looked up. Looking
 * up never waits: getaddrinfo() has no deadline, so each lookup runs in a thread of its own for as
 * long as it takes, and the owner asks now and then. The watch thread only.
 */
typedef struct health_address_t health_address_t;

/* How many lookups may be under way at once, over all addresses that are given the same one. */
#define HEALTH_LOOKUPS 16
typedef struct health_lookups_t {
    int under_way;
} health_lookups_t;

/*
 * Makes an address from pool. socket_path: of a Unix socket, or NULL. host: without brackets. A
 * name is looked up from the first health_address_poll() on. lookups must live as long as pool. A
 * lookup that is under way when pool goes is left to end by itself and touches nothing of ours.
 * Errors: what APR gives for a bad path or address; APR_EINVAL for a name that is too long.
 */
apr_status_t health_address_create(health_address_t **address, const char *socket_path,
                                   const char *host, apr_port_t port, health_lookups_t *lookups,
                                   apr_pool_t *pool);

/*
 * Begins a lookup when one is due (at once, then 10 s after a success and 1 s after a failure) and
 * there is room for it, and takes in the answer of one that has ended; cheap when there is nothing
 * to do. now: tier_clock_now(). Returns 1 when what health_address_get() gives changed: *problem is
 * then a success or why the name has no address (from scratch).
 */
int health_address_poll(health_address_t *address, apr_time_t now, tier_result_t *problem,
                        apr_pool_t *scratch);

/*
 * Returns the list of addresses to connect to, in the order to be tried, or NULL while there is
 * none. Valid until the next health_address_poll() that returns 1. A name that stops resolving
 * keeps its last addresses.
 */
apr_sockaddr_t *health_address_get(const health_address_t *address);

/* Returns 1 once a lookup has failed and there has been no address since. */
int health_address_unresolved(const health_address_t *address);

#endif
