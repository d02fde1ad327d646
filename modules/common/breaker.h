/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_BREAKER_H
#define TIER_BREAKER_H

#include <apr_time.h>

#include "atomics.h"

/*
 * A circuit breaker in shared memory, one a server (M. Nygard, "Release It!"): after a failure the
 * server is not asked again by any request until a probe, which runs beside requests, has had an
 * answer from it. So a hung server costs one deadline to each call that was under way when it hung,
 * and nothing after. All functions: any thread of any process; no lock. now: tier_clock_now().
 */
typedef enum { TIER_BREAKER_CLOSED, TIER_BREAKER_OPEN } tier_breaker_state_e;

typedef enum {
    TIER_BREAKER_NO_NEWS,
    TIER_BREAKER_HAS_OPENED,
    TIER_BREAKER_HAS_CLOSED
} tier_breaker_news_e;

/* A breaker that opens again within STEADY of closing is flapping; its openings are announced once
 * in QUIET. */
#define TIER_BREAKER_STEADY apr_time_from_sec(5)
#define TIER_BREAKER_QUIET  apr_time_from_sec(60)

typedef struct tier_breaker_t {
    apr_uint32_t state;     /* tier_breaker_state_e; atomic */
    apr_uint32_t failures;  /* consecutive failures while closed; atomic */
    apr_uint32_t pace;      /* the last calls that were answered, a bit each: it was slow; atomic */
    apr_int64_t since;      /* tier_clock_now() of the last change; atomic */
    apr_int64_t probed;     /* when the last probe was begun; atomic */
    apr_uint32_t flapping;  /* 1: it opened within TIER_BREAKER_STEADY of closing; atomic */
    apr_uint32_t told;      /* the tier_breaker_state_e that was last announced; atomic */
    apr_int64_t told_at;    /* when that was; atomic */
    tier_counter_t told_of; /* the value of opened then */
    tier_counter_t opened;  /* how often it has opened */
    tier_counter_t refused; /* calls not made because it was open */
} tier_breaker_t;

/* Returns 1 when a request may ask the server; 0 (and counts) while the breaker is open. */
int tier_breaker_allows(tier_breaker_t *breaker);

/*
 * A call failed (no answer within its deadline, connection refused or lost, an answer that is not
 * the protocol). Opens the breaker when threshold consecutive calls have failed. A call that began
 * before the breaker last changed says nothing of the server as it is now and is not counted.
 * Returns 1 when this call opened the breaker.
 */
int tier_breaker_failure(tier_breaker_t *breaker, apr_uint32_t threshold, apr_time_t began,
                         apr_time_t now);

/*
 * A call had its answer, slowly or not; to be told after tier_breaker_success. Opens the breaker
 * when half of the last TIER_BREAKER_PACE calls were slow: a server that answers each call just
 * before its deadline costs more than one that answers none. Calls that began before the breaker
 * last changed are not counted. Threads that tell at once may lose one another's call. Returns 1
 * when this call opened the breaker.
 */
#define TIER_BREAKER_PACE 16
int tier_breaker_pace(tier_breaker_t *breaker, int is_slow, apr_time_t began, apr_time_t now);

/* A call or a probe had an answer. Returns 1 when this call closed an open breaker. A success of a
 * call that began before the breaker opened does not close it: began is when the call began. */
int tier_breaker_success(tier_breaker_t *breaker, apr_time_t began, apr_time_t now);

/* Returns 1, to one caller each interval, when an open breaker is due to be probed; never for a
 * closed one. */
int tier_breaker_probe_due(tier_breaker_t *breaker, apr_interval_time_t interval, apr_time_t now);

/*
 * Whether the caller has to log that the breaker has opened or closed: each change is given to one
 * caller, and a flapping breaker's changes only once in TIER_BREAKER_QUIET. Ask after each change,
 * and now and then by a timer for what was held back. *untold: how often it opened since the last
 * line without being logged.
 */
tier_breaker_news_e tier_breaker_news(tier_breaker_t *breaker, apr_time_t now,
                                      apr_uint64_t *untold);

#endif
