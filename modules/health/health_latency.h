/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_LATENCY_H
#define HEALTH_LATENCY_H

#include <apr.h>
#include <apr_time.h>

/*
 * How long answers took of late: counts by time, in steps of an eighth of a power of two, of which
 * older ones weigh less and less. Pure; the state is zeroed shared memory without pointers, used by
 * any thread of any process. Times are tier_clock_now()'s.
 */
#define HEALTH_LATENCY_LEAST   128 /* microseconds: the finest step's power of two */
#define HEALTH_LATENCY_OCTAVES 18  /* up to 33 s */
#define HEALTH_LATENCY_SLOTS   (8 * HEALTH_LATENCY_OCTAVES)
#define HEALTH_LATENCY_FEW     100 /* with fewer counts nothing is said */
/* All counts are halved when they are so many, or as old as this. */
#define HEALTH_LATENCY_MANY 4096
#define HEALTH_LATENCY_OLD  apr_time_from_sec(60)

typedef struct health_latency_t {
    apr_uint32_t slots[HEALTH_LATENCY_SLOTS]; /* atomic */
    apr_uint32_t samples;  /* of all slots, about: a thread that died may leave it wrong; atomic */
    apr_uint32_t padding;  /* so that both kinds of platform lay it out alike */
    apr_int64_t halved_at; /* atomic */
    apr_int64_t known; /* the last answer below, and what was asked for in the upper half; 0 there:
                          it is to be found anew; atomic */
} health_latency_t;

/* An answer took so long to begin. Any thread. */
void health_latency_add(health_latency_t *latency, apr_interval_time_t took, apr_time_t now);

/*
 * Returns the time within which so many thousandths (1 to 999) of the answers began, in
 * microseconds and up to an eighth too long, never too short; 0 while too few are known. Cheap
 * while all ask for the same thousandths. Any thread.
 */
apr_interval_time_t health_latency_quantile(health_latency_t *latency, apr_uint32_t thousandths);

/* Returns what the last caller of that was told; 0: nobody was told anything. Any thread. */
apr_interval_time_t health_latency_last(const health_latency_t *latency);

#endif
