/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HERALD_H
#define HEALTH_HERALD_H

#include <apr_tables.h>

#include "health_post.h"
#include "health_spawn.h"
#include "health_target.h"

/*
 * Tells a program of the administrator's, or a URL, of each change of a member's state, one after
 * the other.
 * What is still to be told is what the members' histories have: so nothing is lost when another
 * child takes over, which may tell the same one again, and nothing grows when many change at once;
 * changes that a history has no room for are counted as dropped. The watch thread only.
 */
#define HEALTH_HERALD_PAUSE apr_time_from_msec(100) /* from one to the next */
#define HEALTH_HERALD_TIME  apr_time_from_sec(10)   /* then the program is killed */

typedef struct health_herald_t {
    /* The program's arguments, NULL at the end; with post the first is what the log calls the URL.
     * NULL: there is nobody to be told. */
    const char *const *command;
    health_post_t *post; /* NULL: it is a program */
    health_table_t *table;
    const tier_log_t *log;
    apr_pool_t *pool; /* cleared with each event */
    health_spawn_t spawn;
    health_target_t *target; /* whose change is being told; NULL: gone meanwhile */
    apr_uint64_t number;     /* which one */
    apr_time_t deadline;
    apr_time_t next;
    int failed; /* told in the log once */
} health_herald_t;

/* Makes a zeroed herald one that tells nobody yet. */
void health_herald_init(health_herald_t *herald);

/* Ends what has ended or lasts too long, and begins the next one. targets: health_target_t *. Never
 * waits. now: tier_clock_now(). */
void health_herald_tick(health_herald_t *herald, const apr_array_header_t *targets, apr_time_t now);

/* The target goes. */
void health_herald_forget(health_herald_t *herald, const health_target_t *target);

/* Breaks off what is under way: a program that runs is killed, for which it waits up to 50 ms. */
void health_herald_end(health_herald_t *herald);

#endif
