/* SPDX-License-Identifier: Apache-2.0 */
#include "health_passive_report.h"

#include <apr_strings.h>

#include "clock.h"
#include "health_group.h"
#include "status_tree.h"

typedef struct count_text_t {
    const char *name;
    const char *help;
} count_text_t;

static const count_text_t count_texts[HEALTH_COUNTS] = {
    [HEALTH_COUNT_REQUESTS] = {"requests", "Requests that could be tried again."},
    [HEALTH_COUNT_RETRIES] = {"retries", "Further attempts at such requests."},
    [HEALTH_COUNT_RESCUED] = {"rescued", "Requests that a further attempt answered well."},
    [HEALTH_COUNT_NO_BUDGET] = {"retries_over_budget",
                                "Further attempts not made because the budget was spent."},
    [HEALTH_COUNT_NO_MEMBER] = {"retries_without_member",
                                "Further attempts not made because no other member was left."},
    [HEALTH_COUNT_QUEUED] = {"queued", "Requests that waited for a member to return."},
    [HEALTH_COUNT_ADMITTED] = {"admitted", "Times that a waiting request found a member."},
    [HEALTH_COUNT_QUEUE_FULL] = {"queue_full", "Requests that found the waiting room full."},
    [HEALTH_COUNT_HEDGED] = {"hedged", "Requests that a second member was asked for as well."},
    [HEALTH_COUNT_HEDGES_WON] = {"hedges_won", "Such requests that the second member answered."},
    [HEALTH_COUNT_HEDGES_OVER_BUDGET] = {"hedges_over_budget",
                                         "Second attempts not made because the share was used up."},
    [HEALTH_COUNT_HEDGES_WITHOUT_MEMBER] = {
        "hedges_without_member", "Second attempts not made because no other member was fit."}};

static const count_text_t attempt_texts[HEALTH_ATTEMPT_KINDS] = {
    [HEALTH_ATTEMPT_PASSED] = {"passed", "Attempts that were answered well."},
    [HEALTH_ATTEMPT_CONNECT] = {"failed_connect", "Attempts that found no connection."},
    [HEALTH_ATTEMPT_TIMEOUT] = {"failed_timeout", "Attempts that took too long."},
    [HEALTH_ATTEMPT_EMPTY] = {"failed_empty", "Attempts that ended without an answer."},
    [HEALTH_ATTEMPT_MALFORMED] = {"failed_malformed", "Attempts answered by what is not HTTP."},
    [HEALTH_ATTEMPT_TRUNCATED] = {"failed_truncated", "Attempts whose answer broke off."},
    [HEALTH_ATTEMPT_STATUS] = {"failed_status", "Attempts answered by an error status."}};

static void add_counts(tier_status_node_t *node, const tier_counter_t *counters,
                       const count_text_t *texts, int count, apr_pool_t *pool)
{
    for (int i = 0; i < count; i++)
        tier_status_metric(node, TIER_STATUS_COUNTER, texts[i].name,
                           (apr_int64_t)tier_counter_get(&counters[i]), texts[i].help, pool);
}

static void add_suspicion(tier_status_node_t *node, const health_suspect_t *suspect,
                          apr_pool_t *pool)
{
    int is = health_suspect_is(suspect, tier_clock_now());

    tier_status_mood(tier_status_number(node, TIER_STATUS_BOOLEAN, "suspect", is, pool),
                     is ? TIER_STATUS_DEGRADED : TIER_STATUS_NEUTRAL);
    tier_status_metric(node, TIER_STATUS_DURATION, "answer_time",
                       (apr_int64_t)tier_atomic_load(&suspect->usual),
                       "Moving average of the time to the first byte of an answer.", pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "suspicions",
                       (apr_int64_t)tier_counter_get(&suspect->suspicions),
                       "Times that the member answered none of several requests.", pool);
}

static const char *panic_text(apr_uint32_t panic)
{
    return panic == HEALTH_PANIC_FEW        ? "too few are usable"
           : panic == HEALTH_PANIC_REQUIRED ? "a balancer they require is down"
                                            : "no";
}

static void begin_balancer(health_passive_report_t *report, const health_passive_t *entry)
{
    apr_pool_t *pool = report->pool;
    apr_uint32_t panic = tier_atomic_load(&entry->panic);
    tier_status_node_t *node;

    if (!report->balancers)
        report->balancers = tier_status_array(report->root, "traffic", pool);
    node = tier_status_object(report->balancers, NULL, pool);
    tier_status_string(node, "name", apr_pstrdup(pool, entry->key.balancer), pool);
    tier_status_string(node, "virtual_host",
                       *entry->key.scope ? apr_pstrdup(pool, entry->key.scope) : "main server",
                       pool);
    tier_status_mood(tier_status_string(node, "all_members_tried", panic_text(panic), pool),
                     panic ? TIER_STATUS_DEGRADED : TIER_STATUS_NEUTRAL);
    add_counts(node, entry->counts, count_texts, HEALTH_COUNTS, pool);
    tier_status_metric(node, TIER_STATUS_DURATION, "hedge_quantile",
                       health_latency_last(&entry->latency),
                       "Time within which the part of recent answers that TierHealthHedge names "
                       "began; 0: too few are known.",
                       pool);
    report->members = tier_status_array(node, "members", pool);
}

void health_passive_report(void *baton, const health_passive_t *entry)
{
    health_passive_report_t *report = baton;
    tier_status_node_t *node;

    if (!tier_atomic_load(&entry->ready))
        return;
    if (!entry->key.member[0]) {
        begin_balancer(report, entry);
        return;
    }
    node = tier_status_object(report->members, NULL, report->pool);
    tier_status_string(node, "url", apr_pstrdup(report->pool, entry->key.member), report->pool);
    add_suspicion(node, &entry->suspect, report->pool);
    add_counts(node, entry->attempts, attempt_texts, HEALTH_ATTEMPT_KINDS, report->pool);
}
