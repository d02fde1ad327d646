/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_TALLY_H
#define REPROXY_RELAY_TALLY_H

#include <apr_pools.h>

#include <atomics.h>
#include <webtier/status_provider.h>

#include "reproxy_relay_job.h"

/* Changes whenever a struct below does. */
#define REPROXY_RELAY_TALLY_LAYOUT 2

/* How many bodies one child carries now. */
typedef struct reproxy_relay_child_t {
    apr_uint32_t pid; /* 0: free. Of a process that is gone: free as well */
    apr_uint32_t running;
} reproxy_relay_child_t;

/* In shared memory, zeroed when fresh; any thread of any process. */
typedef struct reproxy_relay_tally_t {
    tier_counter_t begun;
    tier_counter_t handed_over; /* to the relay: their clients did not take all of it at once */
    tier_counter_t refused;     /* no room: served by a worker */
    tier_counter_t bytes;
    tier_counter_t continued; /* from another source, after one had failed */
    tier_counter_t ended[REPROXY_RELAY_ENDS];
    apr_uint32_t child_count;
    reproxy_relay_child_t children[]; /* one more than there may be children */
} reproxy_relay_tally_t;

/* Returns the size of a tally for this many children. */
apr_size_t reproxy_relay_tally_size(apr_uint32_t children);

/* Returns a free place for the process pid, or NULL. */
reproxy_relay_child_t *reproxy_relay_tally_join(reproxy_relay_tally_t *tally, apr_uint32_t pid);

/* Adds what the tally says to root. */
void reproxy_relay_tally_report(const reproxy_relay_tally_t *tally, tier_status_node_t *root,
                                apr_pool_t *pool);

#endif
