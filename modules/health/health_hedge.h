/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HEDGE_H
#define HEALTH_HEDGE_H

#include <apr.h>
#include <apr_time.h>

/*
 * The hedge: a request whose member is slower than most answers were of late is sent to a second
 * member too, and the first good answer is taken (Dean and Barroso, The Tail at Scale, CACM 2013).
 * What is decided of it; pure. Times are tier_clock_now()'s.
 */

/* What TierHealthHedge says. Read-only once configured. */
typedef struct health_hedge_settings_t {
    apr_uint32_t quantile; /* thousandths of the answers that are waited for; 0: off */
    apr_interval_time_t least;
    apr_uint32_t share; /* percent of the requests that may have a second attempt */
} health_hedge_settings_t;

#define HEALTH_HEDGE_QUANTILE 950
#define HEALTH_HEDGE_LEAST    apr_time_from_msec(5)
#define HEALTH_HEDGE_SHARE    5

/* How far a member is with its answer. */
typedef enum {
    HEALTH_SIDE_NONE,   /* there is no such attempt, or nothing comes of it any more */
    HEALTH_SIDE_SILENT, /* it is to be waited for */
    HEALTH_SIDE_GOOD,
    HEALTH_SIDE_BAD /* only the first: the second is NONE then */
} health_side_e;

typedef struct health_hedge_race_t {
    health_side_e first;
    health_side_e second;
    apr_time_t second_at; /* when the second attempt begins; 0: never (any more) */
    apr_time_t until;     /* the request's own limit; 0: none */
    apr_time_t bad_until; /* how long the second is waited for once the first is bad */
} health_hedge_race_t;

typedef enum {
    HEALTH_HEDGE_WAIT,
    HEALTH_HEDGE_BEGIN, /* the second attempt */
    HEALTH_HEDGE_FIRST, /* what there is of the first member is the answer, good or bad */
    HEALTH_HEDGE_SECOND,
    HEALTH_HEDGE_OVER /* the limit is reached */
} health_hedge_step_e;

/* Returns what is to be done now. With HEALTH_HEDGE_WAIT *wake_at is when this is to be asked again
 * at the latest; 0: when something has come. */
health_hedge_step_e health_hedge_next(const health_hedge_race_t *race, apr_time_t now,
                                      apr_time_t *wake_at);

/* The beginning of an answer of HTTP/1. */
typedef enum {
    HEALTH_BEGINNING_SHORT, /* it may become one */
    HEALTH_BEGINNING_HTTP,
    HEALTH_BEGINNING_OTHER
} health_beginning_e;

/* More than this of an answer is not wanted below. */
#define HEALTH_BEGINNING_SIZE 15

/* Reads the first size bytes of an answer: a status line (RFC 9112 4), after an empty line too, as
 * mod_proxy has it. *status is set with HEALTH_BEGINNING_HTTP, 100 to 599. */
health_beginning_e health_hedge_beginning(const char *bytes, apr_size_t size, int *status);

/* Returns the path and query of url, which mod_proxy has made of the member's own URL, first, and
 * these; NULL where it has not, or has changed it. */
const char *health_hedge_path(const char *url, const char *first);

#endif
