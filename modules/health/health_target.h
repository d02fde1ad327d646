/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TARGET_H
#define HEALTH_TARGET_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "health_address.h"
#include "health_check.h"
#include "health_eject.h"
#include "health_group.h"
#include "health_probe.h"
#include "health_suspect.h"
#include "health_table.h"
#include "log.h"
#include "loop.h"

/* What the server around us says of one member. Its strings are valid during the call that hands it
 * over only. */
typedef struct health_spec_t {
    health_key_t key;
    const health_check_t *check; /* lives as long as the watch; NULL: it is not probed */
    const tier_log_t *log;       /* the virtual host's; lives as long as the watch */
    const health_eject_settings_t *ejecting; /* NULL: it is never ejected */
    health_eject_t *eject;                   /* in shared memory; NULL with ejecting */
    health_suspect_t *suspect;               /* in shared memory; NULL: traffic is not followed */
    health_outlier_t *outlier;               /* in shared memory; NULL with eject */
    apr_uint32_t *alarm;                /* of the balancer, about suspects; NULL with suspect */
    apr_uint32_t panic_percent;         /* of the balancer; 0: no panic threshold */
    const apr_array_header_t *requires; /* of const char *, balancers; lives as long as the watch */
    apr_interval_time_t slow_start;     /* 0: none */
    apr_uint32_t *panic;                /* in shared memory; NULL without a threshold */
    const char *scheme;
    const char *host; /* without brackets */
    apr_port_t port;
    const char *socket_path; /* of a Unix socket, or NULL */
    void *ref; /* the server's own record of the member, handed back to mirror; NULL: it has none */
} health_spec_t;

typedef enum {
    HEALTH_MIRROR_UP,       /* in service as far as checks go */
    HEALTH_MIRROR_DOWN,     /* out of service */
    HEALTH_MIRROR_RECOVERED /* up, and what the server holds against it is forgotten */
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
    /* Says whether new sessions keep away; called again and again while they do. NULL: cannot. */
    void (*set_drain)(void *baton, void *ref, int drain);
    /* Returns 1 while the record drains. NULL: as with set_drain. */
    int (*drains)(void *baton, void *ref);
    /* Returns how a member stands apart from what we found out. NULL: all are ready. */
    health_standing_e (*standing)(void *baton, void *ref);
    /* Gives a member so much of its load factor, in percent; 100 ends it. NULL: there are no
     * factors. */
    void (*set_share)(void *baton, void *ref, apr_uint32_t percent);
    /* Returns 1 when the record says that the member is in service (out: out of it, by us), and
     * nothing else that concerns any of the above. NULL: it is to be looked at each time. */
    int (*says)(void *baton, void *ref, int out);
} health_server_t;

/* A member while this process leads: its probe, its timer, its entry in the table. The watch thread
 * only. */
typedef struct health_target_t {
    /* First, and together, what each tick looks at. */
    int calm;                  /* health_calm.h */
    int calm_out;              /* it is down */
    apr_uint32_t calm_version; /* of the entry, when that was so */
    health_entry_t *entry;
    const health_server_t *server;
    apr_array_header_t *refs; /* of void * */
    health_group_t *group;    /* its balancer */
    health_eject_t *eject;    /* NULL: never ejected */

    health_key_t key;
    const health_check_t *check;             /* NULL: not probed, live traffic alone judges it */
    const health_eject_settings_t *ejecting; /* NULL with eject */
    health_suspect_t *suspect;               /* NULL: traffic is not followed */
    health_outlier_t *outlier;               /* NULL with eject */
    apr_uint32_t *alarm;                     /* NULL with suspect */
    apr_interval_time_t slow_start;          /* 0: none */
    const tier_log_t *log;
    health_address_t *address;
    health_probe_t probe;
    tier_loop_timer_t timer;
    struct health_companion_t *companion; /* its agent, beside the check; NULL: there is none */
    apr_pool_t *pool;                     /* of all of this */
    apr_pool_t *scratch;                  /* cleared with each outcome */
    apr_time_t probed;        /* the time for which the last probe was due; 0: none yet */
    int advised_drain;        /* the agent has asked for a drain, and the records have it */
    int witnessed;            /* the checks failed too while it was ejected */
    int reduced;              /* the server's records have less than the whole load factor */
    int overdue;              /* the next one waits for the end of the one that is under way */
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

/* Makes the server's records say whether the member drains. */
void health_target_drain(const health_target_t *target, int drain);

/* Nothing that the server itself or live traffic hold against the member counts any more. */
void health_target_forgive(health_target_t *target);

/* Returns 1 when checks or an ejection take the member out of service. */
int health_target_is_out(const health_target_t *target);

/* Returns how the member stands apart from our findings. */
health_standing_e health_target_standing(const health_target_t *target);

/* The member is back after it was out: the server's records say so at once. */
void health_target_returned(health_target_t *target, apr_time_t now);

/* Gives a member in slow start, or whose agent asks for less, what it has at now (tier_clock_now())
 * of its load factor. */
void health_target_ramp(health_target_t *target, apr_time_t now);

/* Makes the server's records say what the table says; in a panic, that all are in service but those
 * in maintenance. */
void health_target_mirror(health_target_t *target);

/* Ends the probes and frees the target; its entry stays. */
void health_target_destroy(health_target_t *target, tier_loop_t *loop);

/* Returns the Host header's name of a member, from pool: brackets round IPv6, no port where it is
 * the scheme's. */
const char *health_target_authority(const health_spec_t *spec, apr_pool_t *pool);

#endif
