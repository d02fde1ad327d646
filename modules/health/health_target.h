/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TARGET_H
#define HEALTH_TARGET_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "health_address.h"
#include "health_check.h"
#include "health_probe.h"
#include "health_table.h"
#include "log.h"
#include "loop.h"

/* What the server around us says of one member. Its strings are valid during the call that hands it
 * over only. */
typedef struct health_spec_t {
    health_key_t key;
    const health_check_t *check; /* lives as long as the watch */
    const tier_log_t *log;       /* the virtual host's; lives as long as the watch */
    const char *scheme;
    const char *host; /* without brackets */
    apr_port_t port;
    const char *socket_path; /* of a Unix socket, or NULL */
    void *ref;               /* the server's own record of the member, handed back to mirror */
} health_spec_t;

typedef enum {
    HEALTH_MIRROR_UP,       /* in service as far as checks go */
    HEALTH_MIRROR_DOWN,     /* out of service */
    HEALTH_MIRROR_RECOVERED /* up, and what the server itself holds against the member is forgotten
                             */
} health_mirror_e;

/* What the watch asks of the server around it. Called in the watch thread; must not block. */
typedef struct health_server_t {
    void *baton;
    /* Calls visit for each record of each member that is to be checked. Records of one key are one
     * member. */
    void (*each_member)(void *baton, void (*visit)(void *visitor, const health_spec_t *spec),
                        void *visitor);
    /* Makes the server's record say how the member is; called again and again, so cheap when it
     * says so already. */
    void (*mirror)(void *baton, void *ref, health_mirror_e how);
    /* Returns since when (wall clock) the server itself holds the member for broken, 0 when it does
     * not. */
    apr_time_t (*error_since)(void *baton, void *ref);
} health_server_t;

/* A member while this process leads: its probe, its timer, its entry in the table. The watch thread
 * only. */
typedef struct health_target_t {
    health_key_t key;
    const health_check_t *check;
    const tier_log_t *log;
    const health_server_t *server;
    health_entry_t *entry;
    health_address_t *address;
    health_probe_t probe;
    tier_loop_timer_t timer;
    apr_array_header_t *refs; /* of void * */
    apr_pool_t *pool;         /* of all of this */
    apr_pool_t *scratch;      /* cleared with each outcome */
    apr_time_t waiting_since; /* for the first answer of the resolver; 0: not waiting */
    apr_uint32_t sync;        /* the last round that named this member */
    int local_fault;          /* the last probe failed for a fault of this host: logged once */
} health_target_t;

/* Makes a target for spec with entry, in a sub-pool of pool. It is not scheduled yet. Errors:
 * APR's. */
apr_status_t health_target_create(health_target_t **target, const health_spec_t *spec,
                                  health_entry_t *entry, const health_server_t *server,
                                  health_lookups_t *lookups, tier_loop_t *loop, apr_pool_t *pool);

/* Arms the first probe: at the due time that an earlier leader left where it can be kept, else at
 * first. */
apr_status_t health_target_schedule(health_target_t *target, tier_loop_t *loop, apr_time_t first);

/* Makes the server's records say what the table says. */
void health_target_mirror(const health_target_t *target);

/* Ends the probe and frees the target; its entry stays. */
void health_target_destroy(health_target_t *target, tier_loop_t *loop);

/* Returns the Host header's name of a member, from pool: brackets round IPv6, no port where it is
 * the scheme's. */
const char *health_target_authority(const health_spec_t *spec, apr_pool_t *pool);

#endif
