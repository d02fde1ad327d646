/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SUSPECT_H
#define HEALTH_SUSPECT_H

#include <apr.h>
#include <apr_time.h>

#include "atomics.h"

/*
 * Suspicion: a member that has had several requests and answers none of them, for longer than it
 * usually takes, or that let one time out, gets no more than one request now and then until it
 * answers. So a hung or slow member has few requests to fail before anything judges it. Counts what
 * was sent since the last answer, which a killed child cannot leave wrong for longer than until the
 * next one. Pure; the state is zeroed shared memory without pointers, used by any thread of any
 * process. Times are tier_clock_now()'s.
 */
#define HEALTH_SUSPECT_UNANSWERED 5 /* requests without an answer to any of them */
#define HEALTH_SUSPECT_PATIENCE   apr_time_from_msec(20) /* at least */
#define HEALTH_SUSPECT_FACTOR     4 /* times the usual time of an answer is too long */
#define HEALTH_SUSPECT_TEST       apr_time_from_msec(500) /* until the first test; doubled by each */
#define HEALTH_SUSPECT_TEST_MAX   apr_time_from_sec(8)

typedef struct health_suspect_t {
    apr_uint32_t unanswered;   /* requests sent since the last answer; atomic */
    apr_uint32_t late;         /* 1: one has timed out since the last answer; atomic */
    apr_uint32_t tests;        /* since the last answer; atomic */
    apr_uint32_t usual;        /* microseconds to an answer, moving average; atomic */
    apr_int64_t silent_since;  /* when the first of the unanswered was sent; atomic */
    apr_int64_t next_test;     /* 0: no test is set yet; atomic */
    tier_counter_t suspicions; /* times that the member became suspect */
} health_suspect_t;

/* A request goes to the member. Returns 1 when it has so many unanswered that somebody should look
 * whether it is suspect. Any thread. */
int health_suspect_sent(health_suspect_t *suspect, apr_time_t now);

/* An answer has begun to come, so long after its request was sent. Any thread. */
void health_suspect_answered(health_suspect_t *suspect, apr_interval_time_t took);

/* A request has timed out. Any thread. */
void health_suspect_late(health_suspect_t *suspect, apr_time_t now);

/* The member was out of service and is back: nothing is held against it. Any thread. */
void health_suspect_clear(health_suspect_t *suspect);

/* Returns 1 while the member is suspect. Any thread. */
int health_suspect_is(const health_suspect_t *suspect, apr_time_t now);

/* Returns 1 when health_suspect_is() may become or be true without another request. Any thread. */
int health_suspect_is_near(const health_suspect_t *suspect);

/*
 * Returns 1, to one caller at a time, when the suspect is to be tested by one request. safe: it can
 * be tried again when it fails; others are tests only where no safe one has come for long. Any
 * thread.
 */
int health_suspect_test(health_suspect_t *suspect, int safe, apr_time_t now);

/* The member is to prove itself: suspect, with a test due at once. Any thread. */
void health_suspect_prove(health_suspect_t *suspect, apr_time_t now);

#endif
