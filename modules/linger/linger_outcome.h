/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_OUTCOME_H
#define LINGER_OUTCOME_H

#include <atomics.h>

/* What came of the moment after a response, when httpd looks for the client's next request. */
typedef enum linger_outcome_e {
    /* A worker lingered, and */
    LINGER_HIT,      /* the next request came */
    LINGER_CLOSED,   /* the client closed its side, or the connection broke */
    LINGER_TIMEOUT,  /* nothing came in time */
    LINGER_RELEASED, /* its worker was wanted elsewhere, or the child stops */

    /* No worker lingered, because */
    LINGER_REFUSED_GAP,      /* this client's gaps are longer than the linger time */
    LINGER_REFUSED_TURN,     /* the connection had its share of requests in a row */
    LINGER_REFUSED_FULL,     /* as many workers linger already as may */
    LINGER_REFUSED_BUSY,     /* too few workers are idle, or connections wait for one */
    LINGER_REFUSED_STOPPING, /* the child stops */
    LINGER_REFUSED_UNSENT,   /* a part of the response is not sent yet */

    /* httpd itself closed a connection that was kept alive, because every worker was busy. */
    LINGER_STARVED,

    LINGER_OUTCOMES,
    LINGER_ADMITTED = LINGER_OUTCOMES /* not an outcome yet: the worker may linger */
} linger_outcome_e;

/* The outcomes of the children of one slot, in shared memory; no two slots share a cache line. */
typedef struct linger_tally_t {
    tier_counter_t count[LINGER_OUTCOMES];
} __attribute__((aligned(64))) linger_tally_t;

/* Counts outcome, one of LINGER_HIT to LINGER_STARVED, once. Any thread of any process. */
static inline void linger_tally_add(linger_tally_t *tally, linger_outcome_e outcome)
{
    tier_counter_add(&tally->count[outcome], 1);
}

/* Returns how often outcome came about in all of tallies, an array of this many. Any thread. */
apr_uint64_t linger_tally_sum(const linger_tally_t *tallies, apr_size_t many,
                              linger_outcome_e outcome);

/* Returns outcome's name on the status page, a constant. */
const char *linger_outcome_name(linger_outcome_e outcome);

/* Returns the sentence that explains the counter, a constant. */
const char *linger_outcome_help(linger_outcome_e outcome);

#endif
