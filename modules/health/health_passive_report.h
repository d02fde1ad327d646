/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PASSIVE_REPORT_H
#define HEALTH_PASSIVE_REPORT_H

#include <webtier/status_provider.h>

#include "health_passive.h"

/* The array of balancers while it is being filled. Zeroed but for root and pool. */
typedef struct health_passive_report_t {
    tier_status_node_t *root;
    apr_pool_t *pool;
    tier_status_node_t *balancers;
    tier_status_node_t *members; /* of the balancer that came last */
} health_passive_report_t;

/*
 * Adds an entry to the array "traffic" under root: a balancer, then its members. Nodes are from
 * pool; reads counters only. baton: health_passive_report_t.
 */
void health_passive_report(void *baton, const health_passive_t *entry);

#endif
