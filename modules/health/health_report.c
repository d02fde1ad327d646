/* SPDX-License-Identifier: Apache-2.0 */
#include "health_report.h"

#include <apr_strings.h>

#include <string.h>

#include "atomics.h"
#include "health_action.h"
#include "status_tree.h"

/* A balancer while the report is made. */
typedef struct group_t group_t;
struct group_t {
    health_key_t key; /* of its first member */
    tier_status_node_t *node;
    tier_status_node_t *members;
    apr_int64_t up;
    apr_int64_t down;
    group_t *next;
};

static group_t *find_group(group_t **groups, tier_status_node_t *balancers, const health_key_t *key,
                           apr_pool_t *pool)
{
    group_t *group;

    while ((group = *groups) != NULL) {
        if (strcmp(group->key.balancer, key->balancer) == 0 &&
            strcmp(group->key.scope, key->scope) == 0)
            return group;
        groups = &group->next;
    }
    group = *groups = apr_pcalloc(pool, sizeof(*group));
    group->key = *key;
    group->node = tier_status_object(balancers, NULL, pool);
    tier_status_string(group->node, "name", group->key.balancer, pool);
    tier_status_string(group->node, "virtual_host",
                       *group->key.scope ? group->key.scope : "main server", pool);
    return group;
}

static apr_uint32_t shown(const health_member_t *member)
{
    if (member->mode == HEALTH_MODE_MAINTENANCE)
        return HEALTH_MAINTENANCE;
    if (member->mode == HEALTH_MODE_DRAIN && member->state != HEALTH_DOWN && !member->ejected_until)
        return HEALTH_DRAINING;
    return member->ejected_until && member->state != HEALTH_DOWN ? HEALTH_EJECTED : member->state;
}

static tier_status_mood_e mood_of(apr_uint32_t state)
{
    return state == HEALTH_UP                                        ? TIER_STATUS_GOOD
           : state == HEALTH_DOWN || state == HEALTH_EJECTED         ? TIER_STATUS_BAD
           : state == HEALTH_DRAINING || state == HEALTH_MAINTENANCE ? TIER_STATUS_DEGRADED
                                                                     : TIER_STATUS_NEUTRAL;
}

static void report_history(tier_status_node_t *node, const health_member_t *member,
                           apr_pool_t *pool)
{
    tier_status_node_t *history = tier_status_array(node, "history", pool);
    const health_transition_t *transition;

    for (apr_uint32_t i = 0; (transition = health_member_history(member, i)) != NULL; i++) {
        tier_status_node_t *line = tier_status_object(history, NULL, pool);

        tier_status_number(line, TIER_STATUS_TIME, "when", transition->when, pool);
        tier_status_string(line, "from", health_member_state_name(transition->from), pool);
        tier_status_mood(
            tier_status_string(line, "to", health_member_state_name(transition->to), pool),
            mood_of(transition->to));
        tier_status_string(line, "reason", transition->reason, pool);
    }
}

static void report_probes(tier_status_node_t *node, const health_member_t *member, apr_pool_t *pool)
{
    tier_status_node_t *probes = tier_status_array(node, "probe_history", pool);
    const health_past_probe_t *past;

    for (apr_uint32_t i = 0; (past = health_member_past(member, i)) != NULL; i++) {
        tier_status_node_t *line = tier_status_object(probes, NULL, pool);

        tier_status_number(line, TIER_STATUS_TIME, "when", past->when, pool);
        tier_status_string(line, "outcome", past->passed ? "passed" : "failed", pool);
        tier_status_number(line, TIER_STATUS_DURATION, "latency", past->latency, pool);
        tier_status_string(line, "result", past->result, pool);
    }
}

static void report_counts(tier_status_node_t *node, const health_member_t *member, apr_pool_t *pool)
{
    tier_status_metric(node, TIER_STATUS_COUNTER, "probes", (apr_int64_t)member->probes,
                       "Probes of the member that ended.", pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "probes_failed",
                       (apr_int64_t)member->probes_failed, "Probes of the member that failed.",
                       pool);
    tier_status_metric(node, TIER_STATUS_COUNTER, "transitions", (apr_int64_t)member->transitions,
                       "Changes of the member's state.", pool);
    tier_status_number(node, TIER_STATUS_INTEGER, "consecutive_passes", member->passes, pool);
    tier_status_number(node, TIER_STATUS_INTEGER, "consecutive_failures", member->failures, pool);
}

/* There is no traffic to a service that members need: it can only be left out of account. */
static const char *actions_of(const health_record_t *record, apr_pool_t *pool)
{
    const health_member_t *member = &record->member;

    if (strstr(record->key.balancer, "://"))
        return health_action_words(member, pool);
    return member->mode == HEALTH_MODE_NORMAL ? "maintenance" : "normal";
}

static void report_member(tier_status_node_t *members, const health_record_t *record,
                          apr_pool_t *pool)
{
    const health_member_t *member = &record->member;
    const health_past_probe_t *last = health_member_past(member, 0);
    tier_status_node_t *node = tier_status_object(members, NULL, pool);
    char *recent = apr_palloc(pool, 65);
    apr_uint32_t state = shown(member);

    health_member_bitmap_text(member, recent);
    tier_status_string(node, "url", record->key.member, pool);
    tier_status_mood(tier_status_string(node, "state", health_member_state_name(state), pool),
                     mood_of(state));
    tier_status_number(node, TIER_STATUS_TIME, "since", member->since, pool);
    if (member->ejected_until)
        tier_status_number(node, TIER_STATUS_TIME, "ejected_until", member->ejected_until, pool);
    tier_status_string(node, "check", record->check, pool);
    if (member->advice.weight) {
        tier_status_metric(node, TIER_STATUS_GAUGE, "agent_weight", member->advice.weight,
                           "Share of its load factor that the member's agent asks for, percent.",
                           pool);
        tier_status_string(node, "agent", member->advice.drain ? "wants no new sessions" : "ready",
                           pool);
    }
    tier_status_string(node, "last_result", last ? last->result : "", pool);
    tier_status_number(node, TIER_STATUS_TIME, "last_probe", member->probed, pool);
    tier_status_metric(node, TIER_STATUS_DURATION, "latency", member->latency,
                       "Time the last passed probe took.", pool);
    tier_status_metric(node, TIER_STATUS_DURATION, "latency_average", member->latency_average,
                       "Moving average of the time passed probes take.", pool);
    report_counts(node, member, pool);
    tier_status_string(node, "recent", recent, pool);
    tier_status_actions(node, actions_of(record, pool), health_action_target(&record->key, pool),
                        pool);
    report_history(node, member, pool);
    report_probes(node, member, pool);
}

static int is_out(apr_uint32_t state)
{
    return state == HEALTH_DOWN || state == HEALTH_EJECTED || state == HEALTH_MAINTENANCE;
}

static void take_record(group_t **groups, tier_status_node_t *balancers,
                        const health_record_t *record, apr_pool_t *pool)
{
    group_t *group = find_group(groups, balancers, &record->key, pool);

    if (!group->members)
        group->members = tier_status_array(group->node, "members", pool);
    if (is_out(shown(&record->member)))
        group->down++;
    else
        group->up++;
    report_member(group->members, record, pool);
}

static void finish_group(group_t *group, apr_pool_t *pool)
{
    tier_status_mood_e mood = group->down == 0 ? TIER_STATUS_GOOD
                              : group->up == 0 ? TIER_STATUS_BAD
                                               : TIER_STATUS_DEGRADED;

    tier_status_mood(group->node, mood);
    tier_status_metric(group->node, TIER_STATUS_GAUGE, "members_up", group->up,
                       "Members that are not out of service.", pool);
    tier_status_metric(
        group->node, TIER_STATUS_GAUGE, "members_down", group->down,
        "Members that failed their checks, or live requests, and are out of service.", pool);
}

void health_report(tier_status_node_t *root, const health_table_t *table,
                   const tier_leader_t *leader, apr_pool_t *pool)
{
    tier_status_node_t *watch = tier_status_object(root, "watch", pool);
    tier_status_node_t *balancers = tier_status_array(root, "balancers", pool);
    group_t *groups = NULL;
    health_record_t *record = NULL;

    tier_status_number(watch, TIER_STATUS_INTEGER, "pid",
                       __atomic_load_n(&leader->pid, __ATOMIC_RELAXED), pool);
    tier_status_metric(watch, TIER_STATUS_COUNTER, "elections", tier_atomic_load(&leader->terms),
                       "Times that a child has become the one that probes.", pool);
    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        if (!record)
            record = apr_palloc(pool, sizeof(*record)); /* its strings are the report's */
        if (health_table_read(table, i, record)) {
            take_record(&groups, balancers, record, pool);
            record = NULL;
        }
    }
    for (group_t *group = groups; group; group = group->next)
        finish_group(group, pool);
}

void health_report_events(tier_status_node_t *root, health_table_t *table, apr_pool_t *pool)
{
    static const struct {
        const char *name;
        const char *help;
    } texts[HEALTH_TOLD_KINDS] = {
        {"delivered", "Changes that the program of TierHealthEvent was told."},
        {"failed", "Changes of which the program failed to take note."},
        {"dropped", "Changes that came too fast to be told."}};
    tier_status_node_t *events = tier_status_object(root, "events", pool);

    for (int i = 0; i < HEALTH_TOLD_KINDS; i++)
        tier_status_metric(
            events, TIER_STATUS_COUNTER, texts[i].name,
            (apr_int64_t)tier_counter_get(health_table_told(table, (health_told_e)i)),
            texts[i].help, pool);
}
