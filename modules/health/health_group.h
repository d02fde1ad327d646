/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_GROUP_H
#define HEALTH_GROUP_H

#include <apr_tables.h>

#include "health_table.h"
#include "log.h"

/*
 * One balancer's members taken together, counted anew at each tick: the panic threshold, and that
 * the last member is never left ejected. The watch thread only.
 */

/* How a member stands apart from our own findings. */
typedef enum {
    HEALTH_STANDING_READY,
    HEALTH_STANDING_ERROR,  /* the server itself holds it for broken */
    HEALTH_STANDING_STOPPED /* the administrator has taken it out of service */
} health_standing_e;

/* Why all members are tried. */
typedef enum {
    HEALTH_PANIC_NO,
    HEALTH_PANIC_FEW,     /* fewer are usable than the threshold */
    HEALTH_PANIC_REQUIRED /* a balancer that they need is down */
} health_panic_e;

/* After that one is back, the checks have so long to see that the members are well. */
#define HEALTH_GROUP_GRACE apr_time_from_sec(10)

typedef struct health_group_t {
    health_key_t key; /* of the balancer: its member is "" */
    const tier_log_t *log;
    apr_uint32_t percent;               /* 0: no panic threshold */
    apr_uint32_t *panic;                /* in shared memory, health_panic_e; NULL: never; atomic */
    const apr_array_header_t *requires; /* of const char *: balancers; NULL: none */
    apr_time_t
        excused; /* until then its members fail for the fault of one of these; 0: they do not */
    apr_uint32_t all;    /* members that the administrator has not stopped */
    apr_uint32_t usable; /* of these, those that neither checks nor ejection take out */
    apr_uint32_t ready;  /* of these, those that the server holds for good too */
} health_group_t;

/* Begins a count. */
void health_group_begin(health_group_t *group);

/* Counts one member; out: checks or an ejection take it out of service. */
void health_group_count(health_group_t *group, health_standing_e standing, int out);

/* Returns 1 when a balancer that others require is down: no member of it is usable. */
int health_group_is_down(const health_group_t *group);

/* Returns 1 when the last count has found members, and each of them out. NULL is allowed. */
int health_group_is_empty(const health_group_t *group);

/* One of the required balancers, down, is down (NULL: all are up): members that fail meanwhile are
 * not to blame. Said in the log once. To be called before health_group_judge(). now:
 * tier_clock_now(). */
void health_group_excuse(health_group_t *group, const char *down, apr_time_t now);

/* Enters or leaves panic by what was counted, and says so in the log once. */
void health_group_judge(health_group_t *group);

/* Returns 1 while fewer members than the threshold are usable, so that all are tried. NULL is
 * allowed. */
int health_group_panics(const health_group_t *group);

/* Returns 1 when no member is left that could take a request, and panic does not cure it. */
int health_group_is_bare(const health_group_t *group);

#endif
