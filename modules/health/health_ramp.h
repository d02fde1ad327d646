/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RAMP_H
#define HEALTH_RAMP_H

#include <apr.h>
#include <apr_time.h>

/*
 * Slow start: a member that is back gets a share of its load factor that grows from a tenth to the
 * whole. The administrator's own factor is kept beside, in zeroed shared memory, so that whoever
 * goes on can give it back; a factor in the server's record that is none of ours is the
 * administrator's new own one. Pure; one writer.
 */
#define HEALTH_RAMP_FROM 10 /* percent */

typedef struct health_ramp_t {
    apr_int32_t own;    /* the administrator's factor; 0: no ramp */
    apr_int32_t set;    /* what was written last, or is about to be; 0: nothing */
    apr_int32_t before; /* what was written before that: a writer may die in between */
    apr_int32_t padding;
} health_ramp_t;

/* Returns the share in percent at now of a ramp that began then and takes so long: 10 to 100. */
apr_uint32_t health_ramp_percent(apr_time_t began, apr_interval_time_t time, apr_time_t now);

/* Returns the administrator's factor, given the one that the record has now. */
apr_int32_t health_ramp_own(const health_ramp_t *ramp, apr_int32_t current);

/* Returns the factor to be written into the record that has current now; at least 1. */
apr_int32_t health_ramp_step(health_ramp_t *ramp, apr_int32_t current, apr_uint32_t percent);

/* The record has its own factor again: forgets the ramp. */
void health_ramp_end(health_ramp_t *ramp);

#endif
