/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_NODE_H
#define REPROXY_NODE_H

#include <atomics.h>
#include <apr_time.h>

#include "reproxy_failure.h"
#include "reproxy_quiet.h"

/*
 * What all children know of the storage nodes: counters, how fast each answers, and which failed
 * lately. Lives in shared memory; any thread of any process, without a lock.
 */
#define REPROXY_NODES_MAX    256
#define REPROXY_NODE_NAME    120
#define REPROXY_TABLE_LAYOUT 3

typedef struct reproxy_node_t {
    apr_uint32_t state; /* 0 free, 1 being named, 2 named for good */
    char name[REPROXY_NODE_NAME];
    tier_counter_t requests; /* sent to it */
    tier_counter_t bytes;    /* of bodies read from it */
    tier_counter_t failures[REPROXY_FAILURES];
    tier_counter_t answers;   /* whose first byte was timed */
    tier_counter_t wait_time; /* microseconds to the first byte, summed */
    apr_int64_t slow;         /* microseconds: one answer in twenty takes longer, lately */
    apr_int64_t sick_until;   /* monotonic; 0: it is well */
    apr_int64_t sick_since;   /* monotonic; when it was found sick the last time */
    apr_uint32_t sick_count;  /* failures in a row that say it is out of reach */
} reproxy_node_t;

/* What is counted for the whole server. */
typedef enum {
    REPROXY_COUNT_ORDERS,     /* answers of applications that named a file */
    REPROXY_COUNT_FILES,      /* ... a local one */
    REPROXY_COUNT_REMEMBERED, /* requests answered without the application */
    REPROXY_COUNT_RESUMED,    /* bodies continued from another copy, or the same again */
    REPROXY_COUNT_CUT,        /* clients whose connection was cut within a body */
    REPROXY_COUNT_HEDGED,     /* second copies asked because the first was slow */
    REPROXY_COUNT_HEDGE_WON,  /* ... that answered first */
    REPROXY_COUNT_REFUSED,    /* places named that are not allowed */
    REPROXY_COUNT_FAILED,     /* orders answered with an error */
    REPROXY_COUNTS
} reproxy_count_e;

/* Lines that are not written for each request. */
typedef enum {
    REPROXY_QUIET_FAILED, /* WT3011 */
    REPROXY_QUIET_CUT,    /* WT3012 */
    REPROXY_QUIET_NOCOPY, /* WT3512 */
    REPROXY_QUIETS
} reproxy_quiet_e;

typedef struct reproxy_table_t {
    tier_counter_t counts[REPROXY_COUNTS];
    reproxy_quiet_t quiet[REPROXY_QUIETS];
    reproxy_node_t rest; /* the nodes that found no place of their own, together */
    reproxy_node_t nodes[REPROXY_NODES_MAX];
} reproxy_table_t;

/* Returns the node of this name, given a place on first sight; the rest when there is none left, or
 * the name is too long. Never NULL. */
reproxy_node_t *reproxy_node_find(reproxy_table_t *table, const char *name);

/* Returns 1 when the place is a node's, whose name can be read. */
int reproxy_node_is_named(const reproxy_node_t *node);

/*
 * Counts a failure of a question asked at that time; those of _CONNECT, _TIMEOUT and _STALL make
 * the node sick from now on for a time that doubles from 1 s to 30 s. What was asked before the
 * node was found sick says nothing new: many requests see one outage. asked 0: it was not waited
 * for as long as a healthy one, and is only counted.
 */
void reproxy_node_failed(reproxy_node_t *node, reproxy_failure_e failure, apr_time_t asked,
                         apr_time_t now);

/* Counts an answer whose first byte came after wait microseconds: the node is well. */
void reproxy_node_answered(reproxy_node_t *node, apr_interval_time_t wait);

/*
 * Returns 1 while the node is sick. When its time is over one caller gets 0, to try it; the others
 * get 1 for another second.
 */
int reproxy_node_is_sick(reproxy_node_t *node, apr_time_t now);

/* Returns how long a sick node's first byte is waited for, where a healthy one has `first`: it has
 * shown that it does not answer, and its only copy must not hold a worker for all that time. */
apr_interval_time_t reproxy_node_patience(const reproxy_node_t *node, apr_interval_time_t first);

/* Returns after how many microseconds without a first byte the node is slow; 0: not known yet. */
apr_interval_time_t reproxy_node_slow(const reproxy_node_t *node);

/* Returns the figure after a sample: tends to where one sample in twenty is larger. */
apr_int64_t reproxy_node_quantile(apr_int64_t figure, apr_int64_t sample);

#endif
