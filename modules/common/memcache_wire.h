/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_WIRE_H
#define TIER_MEMCACHE_WIRE_H

#include <sys/socket.h>
#include <sys/uio.h>

#include <apr_errno.h>
#include <apr_ring.h>
#include <apr_time.h>

/*
 * One connection to a memcached server, used by one thread at a time. Every function ends by the
 * deadline `until` (tier_clock_now()'s time), however the other side behaves: a server that
 * trickles or floods gains nothing. Errors: APR_TIMEUP, APR_EOF (the peer closed or reset the
 * connection) and errno's values; after any of them the connection has to be closed, or the rest of
 * this answer would be read as the next one.
 */
typedef struct tier_memcache_wire_t tier_memcache_wire_t;
struct tier_memcache_wire_t {
    APR_RING_ENTRY(tier_memcache_wire_t) link; /* the owner's */
    int fd;
    int blocking; /* 1: nothing has used up time of this call, the first wait may be the kernel's */
    apr_uint64_t epoch;  /* the owner's */
    apr_time_t released; /* the owner's */
    int address;         /* which of the addresses it is connected to */
};

#define TIER_MEMCACHE_MAX_ADDRESSES 4

typedef struct tier_memcache_address_t {
    struct sockaddr_storage name;
    socklen_t size;
} tier_memcache_address_t;

typedef struct tier_memcache_addresses_t {
    int count;
    tier_memcache_address_t at[TIER_MEMCACHE_MAX_ADDRESSES];
} tier_memcache_addresses_t;

/*
 * Begins a connection without waiting. Returns APR_SUCCESS, APR_EINPROGRESS, or why not (*fd is
 * then -1). The socket is non-blocking and closes on exec.
 */
apr_status_t tier_memcache_wire_begin(int *fd, const struct sockaddr *name, socklen_t size);

/*
 * Connects to the addresses in turn; an address that does not answer leaves half of the remaining
 * time to the next. deadline is what each later call may take. *wire is malloc'd;
 * tier_memcache_wire_close() frees it.
 */
apr_status_t tier_memcache_wire_open(tier_memcache_wire_t **wire,
                                     const tier_memcache_addresses_t *addresses,
                                     apr_interval_time_t deadline, apr_time_t until);

/* Closes the connection and frees it. */
void tier_memcache_wire_close(tier_memcache_wire_t *wire);

/* Returns 1 when the idle connection is open and silent, as it has to be between two calls. */
int tier_memcache_wire_usable(const tier_memcache_wire_t *wire);

/* Sends all of the count parts; changes parts. */
apr_status_t tier_memcache_wire_send(tier_memcache_wire_t *wire, struct iovec *parts, int count,
                                     apr_time_t until);

/* Receives 1 to size bytes into data, *received of them. */
apr_status_t tier_memcache_wire_receive(tier_memcache_wire_t *wire, char *data, apr_size_t size,
                                        apr_size_t *received, apr_time_t until);

#endif
