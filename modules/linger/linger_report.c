/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_report.h"

#include <status_tree.h>

#include "linger_config.h"

static void report_counters(tier_status_node_t *root, const linger_child_t *child, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < LINGER_OUTCOMES; i++) {
        apr_uint64_t sum = linger_tally_sum(child->tallies, child->tally_count, i);

        tier_status_metric(root, TIER_STATUS_COUNTER, linger_outcome_name(i), (apr_int64_t)sum,
                           linger_outcome_help(i), pool);
    }
}

void linger_report(tier_status_node_t *root, const server_rec *server, const linger_child_t *child,
                   apr_pool_t *pool)
{
    apr_interval_time_t time = linger_config_time(server);

    if (!child) {
        tier_status_string(root, "state", "off", pool);
        return;
    }
    tier_status_string(root, "state", time > 0 ? "on" : "off", pool);
    tier_status_number(root, TIER_STATUS_DURATION, "linger_time", time, pool);
    tier_status_number(root, TIER_STATUS_INTEGER, "max_workers", child->crew.max_lingering, pool);
    tier_status_number(root, TIER_STATUS_INTEGER, "max_requests", child->max_requests, pool);
    report_counters(root, child, pool);
}
