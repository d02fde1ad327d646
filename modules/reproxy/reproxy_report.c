/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_report.h"

#include <apr_strings.h>

#include <clock.h>

static const struct {
    const char *name, *help;
} counts[REPROXY_COUNTS] = {
    [REPROXY_COUNT_ORDERS] = {"orders", "Answers of applications that named a file."},
    [REPROXY_COUNT_FILES] = {"files", "Answers of applications that named a local file."},
    [REPROXY_COUNT_REMEMBERED] = {"remembered", "Requests answered without the application."},
    [REPROXY_COUNT_RESUMED] = {"resumed", "Bodies continued from another copy."},
    [REPROXY_COUNT_CUT] = {"cut", "Clients whose connection was cut within a body."},
    [REPROXY_COUNT_HEDGED] = {"hedged", "Second copies asked because the first was slow."},
    [REPROXY_COUNT_HEDGE_WON] = {"hedge_won", "Second copies that answered first."},
    [REPROXY_COUNT_REFUSED] = {"refused", "Places named that are not allowed."},
    [REPROXY_COUNT_FAILED] = {"failed", "Orders that no copy could fulfil."},
};

static void report_node(tier_status_node_t *list, reproxy_node_t *node, const char *name,
                        apr_pool_t *pool)
{
    tier_status_node_t *row = tier_status_object(list, NULL, pool);
    apr_uint64_t answers = tier_counter_get(&node->answers);
    int is_sick = tier_atomic_load64(&node->sick_until) > tier_clock_now();

    tier_status_string(row, "node", name, pool);
    tier_status_mood(tier_status_string(row, "state", is_sick ? "sick" : "well", pool),
                     is_sick ? TIER_STATUS_DEGRADED : TIER_STATUS_GOOD);
    tier_status_metric(row, TIER_STATUS_COUNTER, "requests",
                       (apr_int64_t)tier_counter_get(&node->requests),
                       "Requests sent to the storage node.", pool);
    tier_status_metric(row, TIER_STATUS_COUNTER, "body_bytes",
                       (apr_int64_t)tier_counter_get(&node->bytes),
                       "Bytes of files read from the storage node.", pool);
    tier_status_number(row, TIER_STATUS_DURATION, "first_byte_mean",
                       answers ? (apr_int64_t)(tier_counter_get(&node->wait_time) / answers) : 0,
                       pool);
    tier_status_number(row, TIER_STATUS_DURATION, "first_byte_slow",
                       tier_atomic_load64(&node->slow), pool);
    for (int i = REPROXY_FAILURE_CONNECT; i < REPROXY_FAILURES; i++)
        tier_status_metric(
            row, TIER_STATUS_COUNTER,
            apr_pstrcat(pool, "failed_", reproxy_failure_name((reproxy_failure_e)i), NULL),
            (apr_int64_t)tier_counter_get(&node->failures[i]),
            "Requests that the storage node failed in this way.", pool);
}

void reproxy_report(tier_status_node_t *root, reproxy_table_t *table, apr_pool_t *pool)
{
    tier_status_node_t *list;

    for (int i = 0; i < REPROXY_COUNTS; i++)
        tier_status_metric(root, TIER_STATUS_COUNTER, counts[i].name,
                           (apr_int64_t)tier_counter_get(&table->counts[i]), counts[i].help, pool);
    list = tier_status_array(root, "nodes", pool);
    for (int i = 0; i < REPROXY_NODES_MAX; i++)
        if (reproxy_node_is_named(&table->nodes[i]))
            report_node(list, &table->nodes[i], table->nodes[i].name, pool);
    if (tier_counter_get(&table->rest.requests) > 0)
        report_node(list, &table->rest, "(all others)", pool);
}
