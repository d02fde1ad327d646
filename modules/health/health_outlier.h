/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_OUTLIER_H
#define HEALTH_OUTLIER_H

#include <apr.h>
#include <apr_time.h>

#include "atomics.h"

/*
 * Outliers among the members of one balancer, over a window of live requests: one that fails more
 * often than the others, too often by itself, or answers much later than the others (after the
 * outlier detection of Envoy; a member is compared with the others alone, so that it works with
 * three, of which none can lie 1.9 deviations from the mean of all). Pure; the counts are zeroed
 * shared memory without pointers that any thread of any process adds to. Times are
 * tier_clock_now()'s.
 */
typedef struct health_outlier_settings_t {
    int on;
    apr_uint32_t success;  /* tenths of deviations that a success rate may lie below; 0: off */
    apr_uint32_t failures; /* percent of requests that may fail; 0: off */
    apr_uint32_t latency;  /* tenths of the others' median that an answer may take; 0: off */
    apr_uint32_t requests; /* in the window, or a member is not judged */
    apr_uint32_t members;  /* with so many requests, or nobody is judged */
    apr_interval_time_t window;
} health_outlier_settings_t;

#define HEALTH_OUTLIER_SLICES 10 /* of a window */

typedef struct health_outlier_slice_t {
    apr_int64_t number;   /* which slice of time; atomic */
    apr_uint32_t passed;  /* atomic */
    apr_uint32_t failed;  /* atomic */
    apr_uint64_t latency; /* microseconds, of all that passed; atomic */
} health_outlier_slice_t;

/* Of one member. */
typedef struct health_outlier_t {
    health_outlier_slice_t slices[HEALTH_OUTLIER_SLICES];
} health_outlier_t;

/* What the window has of one member. */
typedef struct health_outlier_sum_t {
    apr_uint64_t passed;
    apr_uint64_t failed;
    apr_uint64_t latency; /* microseconds, of all that passed */
} health_outlier_sum_t;

typedef enum {
    HEALTH_OUTLIER_NONE,
    HEALTH_OUTLIER_SUCCESS,
    HEALTH_OUTLIER_FAILURES,
    HEALTH_OUTLIER_LATENCY
} health_outlier_e;

/* Fills in the defaults: on, 1.9 deviations, 85 %, latency off, 100 requests, 3 members, 10 s. */
void health_outlier_defaults(health_outlier_settings_t *settings);

/* One request has ended, took so long to its answer. Any thread. */
void health_outlier_add(health_outlier_t *outlier, const health_outlier_settings_t *settings,
                        int failed, apr_interval_time_t took, apr_time_t now);

/* Returns what the window that ends at now has. */
health_outlier_sum_t health_outlier_sum(const health_outlier_t *outlier,
                                        const health_outlier_settings_t *settings, apr_time_t now);

/* Forgets all requests: the member begins anew. Any thread. */
void health_outlier_clear(health_outlier_t *outlier);

/* Returns what is wrong with member number index of count; *value is then its success rate or
 * failures in percent, or its milliseconds to an answer. */
health_outlier_e health_outlier_judge(const health_outlier_sum_t *sums, apr_uint32_t count,
                                      apr_uint32_t index, const health_outlier_settings_t *settings,
                                      apr_uint32_t *value);

#endif
