/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_BUDGET_H
#define HEALTH_BUDGET_H

#include <apr.h>
#include <apr_time.h>

/*
 * What keeps retries from multiplying a failure: each request earns a share of a retry, each retry
 * costs one, and a few a second are free, so that a quiet balancer has some too. In zeroed shared
 * memory; any thread of any process, no lock.
 */
typedef struct health_budget_t {
    apr_int64_t saved; /* thousandths of a retry; atomic */
    apr_int64_t free;  /* the second in the upper, the free retries it has seen in the lower half */
} health_budget_t;

/* As many retries can be saved up at most. */
#define HEALTH_BUDGET_SAVED_MAX 100

/* A request has come: saves percent hundredths of a retry. */
void health_budget_earn(health_budget_t *budget, apr_uint32_t percent);

/* Returns 1 and pays for a retry, with one of the free ones of this second where nothing is saved;
 * 0 when there is none. now: tier_clock_now(). */
int health_budget_pay(health_budget_t *budget, apr_uint32_t free_a_second, apr_time_t now);

#endif
