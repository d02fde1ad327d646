/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_SERVER_H
#define TIER_MEMCACHE_SERVER_H

#include <apr_network_io.h>
#include <apr_pools.h>

#include "memcache.h"

/* How one memcached server is spelled in the configuration, and what the log says of it. */
typedef struct tier_memcache_server_t {
    const char *name; /* as spelled */
    const char *host; /* a name or a numeric address without brackets; NULL for a socket's path */
    const char *path; /* of a Unix socket; NULL for a host */
    apr_port_t port;
} tier_memcache_server_t;

#define TIER_MEMCACHE_PORT 11211

/*
 * Reads "host", "host:port", "[address]", "[address]:port" or "/path". Returns NULL and fills
 * *server (strings from pool, or spelling itself), or a sentence from pool that says what is
 * allowed. Pure. Any thread.
 */
const char *tier_memcache_server_parse(tier_memcache_server_t *server, const char *spelling,
                                       apr_pool_t *pool);

/*
 * Copies options with the defaults filled in, and reads every server (the array is from pool).
 * Errors: APR_EINVAL (a spelling, no server or too many). Any thread.
 */
apr_status_t tier_memcache_server_options(tier_memcache_options_t *copy,
                                          tier_memcache_server_t **servers,
                                          const tier_memcache_options_t *options, apr_pool_t *pool);

/*
 * Logs that the server's breaker has opened (a warning with problem and status) or closed (a
 * notice), when tier_breaker_news says that it is this caller's to log. Any thread.
 */
void tier_memcache_server_tell(const char *name, tier_breaker_t *breaker, apr_time_t now,
                               apr_status_t status, const char *problem, const tier_log_t *log);

#endif
