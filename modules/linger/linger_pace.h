/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_PACE_H
#define LINGER_PACE_H

#include <apr_time.h>

/*
 * What one connection's past says about its next gap: the time from a response to the request after
 * it. Lingering pays where the gap is likely to be no longer than the linger time.
 *
 * When a worker lingered, it knows. A gap that passed while the listener held the connection has
 * httpd's own delays in it, which a busy server makes long: short is short, but what looks long may
 * not be. Only a gap many times the linger time says that the client is far. In between, the
 * connection is tried now and then, ever more seldom while the tries fail.
 *
 * One connection, so one thread at a time. All zero is a connection that nothing is known of.
 */
typedef struct linger_pace_t {
    apr_interval_time_t gap; /* the last one through the listener, microseconds; 0: none yet */
    unsigned short known;    /* 1: odds say something */
    unsigned short odds;     /* of a gap within the linger time: 0 to LINGER_PACE_SURE */
    unsigned short rest;     /* responses until the next try */
    unsigned short patience; /* what rest starts at; doubles with each try */
} linger_pace_t;

#define LINGER_PACE_SURE     1024 /* odds: each of the last gaps was short enough */
#define LINGER_PACE_EVEN     512  /* lingering pays from here on */
#define LINGER_PACE_FIRST    16   /* responses before the first try */
#define LINGER_PACE_PATIENCE 4096 /* responses between tries at most */

/* A worker lingered and the next request came, or it did not. */
void linger_pace_hit(linger_pace_t *pace);
void linger_pace_missed(linger_pace_t *pace);

/* The next request came through the listener, gap (above 0) after the response, while a worker
 * would have lingered for limit; a gap above far, which is no less, is not httpd's delay. */
void linger_pace_passed(linger_pace_t *pace, apr_interval_time_t gap, apr_interval_time_t limit,
                        apr_interval_time_t far);

/* Returns 1 when lingering after the response just sent is worth it; far as above. Call once a
 * response. */
int linger_pace_pays(linger_pace_t *pace, apr_interval_time_t far);

#endif
