/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_SERVICE_H
#define MOGILE_SERVICE_H

#include <apr_tables.h>

#include "leader.h"
#include "loop.h"
#include "mogile_devices.h"
#include "mogile_lookup.h"

/*
 * A MogileFS installation as this httpd uses it: what is configured, what all processes share of
 * it, and what each process has.
 */
#define MOGILE_TRACKERS_MOST 31
#define MOGILE_SERVERS_MOST  (MOGILE_TRACKERS_MOST + 1) /* the database is the last */

#define MOGILE_TIMEOUT       apr_time_from_msec(400)
#define MOGILE_TIMEOUT_WRITE apr_time_from_sec(10)
#define MOGILE_STALE         apr_time_from_sec(3600)
#define MOGILE_CACHE_SIZE    ((apr_size_t)4 * 1024 * 1024)

typedef struct mogile_service_t mogile_service_t;

typedef struct mogile_settings_t {
    apr_array_header_t *trackers;      /* of const char *; NULL: none */
    apr_array_header_t *cache_servers; /* of const char *; NULL: none */
    const char *database;              /* "host", "host:port" or "/socket"; NULL: none */
    const char *database_name, *database_user, *database_password;
    int database_first;
    int database_connections;
    apr_interval_time_t timeout;       /* of one tracker's or the database's look-up */
    apr_interval_time_t timeout_write; /* of one tracker's step of an upload; of a node's pause */
    apr_off_t cache_size;              /* 0: no cache of this host */
    const char *probe_domain;          /* any that is configured */
    mogile_service_t *service;         /* set in each child; NULL: it could not be made */
} mogile_settings_t;

/* In shared memory, zeroed when fresh. */
typedef struct mogile_shared_t {
    tier_leader_t leader;
    tier_breaker_t breakers[MOGILE_SERVERS_MOST];
    mogile_counts_t counts[MOGILE_SERVERS_MOST];
    tier_breaker_t cache_breakers[TIER_MEMCACHE_MAX_SERVERS];
    mogile_totals_t totals;
    struct {
        tier_counter_t uploads, deletions; /* done */
        tier_counter_t failed;             /* of both: not done, by no fault of the client */
        tier_counter_t bytes;              /* uploaded */
    } writes;
    mogile_devices_t devices;
    mogile_flights_t flights;
} mogile_shared_t;

#define MOGILE_SHARED_LAYOUT 2

struct mogile_service_t {
    const mogile_settings_t *settings;
    mogile_shared_t *shared;
    mogile_server_t servers[MOGILE_SERVERS_MOST];
    int tracker_count;
    tier_memcache_resolver_t *resolver;
    mogile_lookup_t lookup;
    tier_memcache_options_t memcache;
    const tier_log_t *log;
};

/* Fills in what no directive has set. */
void mogile_settings_init(mogile_settings_t *settings);

/*
 * Checks one tracker's or the database's spelling. Returns NULL, or a sentence from pool that says
 * what is allowed.
 */
const char *mogile_service_check_server(const char *server, int with_port, apr_pool_t *pool);

/* Another list of servers is another layout: none inherits another's breaker and counts. */
apr_uint32_t mogile_service_layout(const mogile_settings_t *settings, apr_pool_t *pool);

/*
 * Makes the service of this process: call in child_init. cache: a prepared segment, or NULL. All
 * must live as long as pool. Errors: what making clients gives.
 */
apr_status_t mogile_service_create(mogile_service_t **service, const mogile_settings_t *settings,
                                   mogile_shared_t *shared, void *cache, const tier_log_t *log,
                                   apr_pool_t *pool);

/* The watch's work beside requests: probing what does not answer. baton: the service. */
apr_status_t mogile_service_lead(tier_loop_t *loop, void *baton, apr_pool_t *pool);

#endif
