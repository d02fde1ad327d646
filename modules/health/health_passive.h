/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PASSIVE_H
#define HEALTH_PASSIVE_H

#include "atomics.h"
#include "health_budget.h"
#include "health_eject.h"
#include "health_latency.h"
#include "health_ramp.h"
#include "health_retry_policy.h"
#include "health_suspect.h"
#include "health_table.h"

/*
 * What live traffic tells of members and balancers, in one shared segment that survives a graceful
 * restart: a hash table of fixed size without deletion, so that any thread of any process may add
 * and read entries without a lock. Holds no pointers.
 */

typedef enum {
    HEALTH_COUNT_REQUESTS,   /* requests that could be tried again */
    HEALTH_COUNT_RETRIES,    /* further attempts */
    HEALTH_COUNT_RESCUED,    /* requests that a further attempt answered well */
    HEALTH_COUNT_NO_BUDGET,  /* further attempts not made for want of budget */
    HEALTH_COUNT_NO_MEMBER,  /* further attempts not made for want of another member */
    HEALTH_COUNT_QUEUED,     /* requests that waited for a member */
    HEALTH_COUNT_ADMITTED,   /* of these, those that got one */
    HEALTH_COUNT_QUEUE_FULL, /* requests that found the waiting room full */
    HEALTH_COUNT_HEDGED,     /* requests that a second member was asked for beside the first */
    HEALTH_COUNT_HEDGES_WON, /* of these, those that the second one answered */
    HEALTH_COUNT_HEDGES_OVER_BUDGET,    /* second attempts not made for want of budget */
    HEALTH_COUNT_HEDGES_WITHOUT_MEMBER, /* second attempts not made for want of another member */
    HEALTH_COUNTS
} health_count_e;

typedef struct health_passive_t {
    apr_uint64_t hash;  /* of the key; 0: free; atomic, set once */
    apr_uint32_t ready; /* 1: the key can be read; atomic */
    apr_uint32_t padding;
    health_key_t key;                              /* member is "" for a balancer */
    tier_counter_t attempts[HEALTH_ATTEMPT_KINDS]; /* of a member, by what came of them */
    tier_counter_t counts[HEALTH_COUNTS];          /* of a balancer */
    health_budget_t budget;                        /* of a balancer */
    health_budget_t hedges;                        /* of a balancer */
    health_latency_t latency;                      /* of a balancer */
    apr_int64_t told;     /* when the log last said that the budget is spent; atomic */
    health_eject_t eject; /* of a member */
    apr_uint32_t panic; /* of a balancer; 1: all members are tried; the watch's to change; atomic */
    apr_uint32_t alarm; /* of a balancer; 1: some member may be suspect; atomic */
    health_suspect_t suspect; /* of a member */
    health_outlier_t outlier; /* of a member */
    health_ramp_t ramp;       /* of one record of a member; the watch's */
} health_passive_t;

typedef struct health_passive_table_t health_passive_table_t;

/* The layout number of the segment: to be raised with each change of a struct that lies in it. */
#define HEALTH_PASSIVE_LAYOUT 5

/* Returns how many bytes a table with room for capacity entries takes. */
apr_size_t health_passive_size(apr_uint32_t capacity);

/* Makes a table of size zeroed bytes (from health_passive_size()) at base. Parent process. */
health_passive_table_t *health_passive_format(void *base, apr_uint32_t capacity);

/* Copies the entries of an earlier, smaller table into one that was just formatted. Parent process,
 * one thread; what others count meanwhile may be lost. */
void health_passive_adopt(health_passive_table_t *table, const health_passive_table_t *earlier);

/* Returns the entry with this key, a new one where there was none; NULL when the table is full. Any
 * thread of any process. */
health_passive_t *health_passive_claim(health_passive_table_t *table, const health_key_t *key);

/* One attempt at member has ended. NULL is allowed: a member that is not followed. Any thread. */
void health_passive_attempt(health_passive_t *member, health_attempt_e attempt);

/* Adds one to a count of a balancer; NULL is allowed. Any thread. */
void health_passive_count(health_passive_t *balancer, health_count_e count);

/* Returns 1, to one caller each interval, when the log may say that the budget is spent. now:
 * tier_clock_now(). */
int health_passive_may_tell(health_passive_t *balancer, apr_interval_time_t interval,
                            apr_time_t now);

#endif
