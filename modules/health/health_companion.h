/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_COMPANION_H
#define HEALTH_COMPANION_H

#include "health_target.h"

/*
 * The agent that a member has beside what checks it (agent-port=): asked again and again on its
 * own, it says how much the member wants, or that it is not to be used. That it cannot be reached
 * is no fault of the member's, which the check judges: what it said last holds, until it has not
 * answered fall times in a row. Then it has no say until it answers. The watch thread only.
 */
typedef struct health_companion_t {
    health_target_t *target;
    health_check_t check; /* of the agent */
    health_address_t *address;
    health_probe_t probe;
    tier_loop_t *loop;
    tier_loop_timer_t timer;
    apr_time_t due;
    apr_uint32_t missed;   /* answers, in a row; up to fall */
    int heard;             /* it was asked, and has spoken or not */
    int down;              /* the member is not to be used */
    char why[HEALTH_TEXT]; /* with down: the agent's line for people */
} health_companion_t;

/*
 * Makes the companion of a target whose check asks for one; it ends with the target's pool. lookups
 * and loop must live as long. Errors: health_address_create()'s, APR_ENOMEM.
 */
apr_status_t health_companion_create(health_target_t *target, const health_spec_t *spec,
                                     health_lookups_t *lookups, tier_loop_t *loop);

/* Asks for the first time at first. Here and below NULL is none. */
void health_companion_schedule(health_companion_t *companion, apr_time_t first);

/* Returns why the member is not to be used, NULL when its agent does not mind. */
const char *health_companion_refuses(const health_companion_t *companion);

/* Returns 1 for a member that is down and must not come back before its agent, which may be why,
 * was asked again: this watch has not heard it yet. */
int health_companion_is_awaited(const health_companion_t *companion);

/* Ends the timer and the probe. */
void health_companion_stop(health_companion_t *companion);

#endif
