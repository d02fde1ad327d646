/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_COUNTERS_H
#define ASSETS_COUNTERS_H

#include "assets_policy.h"
#include "atomics.h"

#include <webtier/status_provider.h>

/* Why a page is not rewritten. */
typedef enum {
    ASSETS_UNTOUCHED_ENCODED,
    ASSETS_UNTOUCHED_NO_TRANSFORM,
    ASSETS_UNTOUCHED_CHARSET,
    ASSETS_UNTOUCHED_RANGE,
    ASSETS_UNTOUCHED
} assets_untouched_e;

/* In shared memory, zeroed when fresh; any thread of any process adds. */
typedef struct assets_counters_t {
    tier_counter_t served;  /* from the disk, as they were there */
    tier_counter_t stale;   /* of them: past their time, as the application did not answer */
    tier_counter_t fetched; /* fetches that were published */
    tier_counter_t fetched_bytes;
    tier_counter_t from_peers;  /* of fetched: from other web boxes */
    tier_counter_t revalidated; /* fetches that the application answered with 304 */
    tier_counter_t followed;    /* requests answered by a fetch that was under way */
    tier_counter_t not_found;   /* answered 404 from memory */
    tier_counter_t failed;      /* fetches that failed or broke off */
    tier_counter_t unavailable; /* answered 503: neither a file nor an application */
    tier_counter_t shed;        /* requests that were not let wait for a fetch, as too many did */
    tier_counter_t passed;      /* requests sent on to the application itself */
    tier_counter_t refused[ASSETS_REFUSALS];
    tier_counter_t variants;                    /* of served: compressed */
    tier_counter_t compressed;                  /* variants that were made */
    tier_counter_t pages;                       /* rewritten, style sheets included */
    tier_counter_t references;                  /* looked at */
    tier_counter_t changed;                     /* of them */
    tier_counter_t untouched[ASSETS_UNTOUCHED]; /* pages passed as they were, by reason */
    tier_counter_t early_hints;                 /* 103 answers with what a page had before */
    tier_counter_t disk_errors;                 /* what could not be written */
    tier_counter_t removed;                     /* by the sweep */
    apr_int64_t files, bytes; /* fetched ones on the disk, as of the last sweep; atomic */
} assets_counters_t;

/* Adds what the counters say to the status page's tree. */
void assets_counters_report(const assets_counters_t *counters, tier_status_node_t *root,
                            apr_pool_t *pool);

#endif
