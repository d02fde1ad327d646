/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include "health_report.h"
#include "status_node.h"

static health_entry_t *add(health_table_t *table, const char *scope, const char *balancer,
                           const char *member, const char *row)
{
    health_key_t key;
    health_entry_t *entry;

    assert_true(health_key_set(&key, scope, balancer, member));
    entry = health_table_claim(table, &key, 1);
    for (; *row; row++) {
        health_outcome_t outcome = {*row == '+', 2000, 1234,
                                    *row == '+' ? "status 200 OK" : "refused"};
        health_state_e from;

        health_member_judge(&entry->record.member, 2, 3, &outcome, &from);
    }
    return entry;
}

static tier_status_node_t *report(const health_table_t *table, apr_pool_t *pool)
{
    tier_status_node_t *root = tier_status_root("health", pool);
    tier_leader_t leader = {.terms = 3, .pid = 77};

    health_report(root, table, &leader, pool);
    assert_int_equal(child(child(root, "watch"), "pid")->number, 77);
    assert_int_equal(child(child(root, "watch"), "elections")->number, 3);
    return root;
}

static const tier_status_node_t *only_member(const health_table_t *table, apr_pool_t *pool)
{
    return nth(child(nth(child(report(table, pool), "balancers"), 0), "members"), 0);
}

static void member_is(const tier_status_node_t *member, const char *state, tier_status_mood_e mood)
{
    assert_string_equal(child(member, "state")->text, state);
    assert_int_equal(child(member, "state")->mood, mood);
}

static void empty_table(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(4)), 4);

    assert_null(child(report(table, *state), "balancers")->first);
}

static void members_of_balancers(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(8)), 8);
    const tier_status_node_t *balancers, *balancer, *member, *line;

    health_entry_set_check(add(table, "", "balancer://a", "http://1", "++"), "tcp");
    add(table, "shop:80", "balancer://a", "http://1", "---");
    add(table, "", "balancer://a", "http://2", "+---");
    add(table, "", "balancer://b", "http://1", "");
    balancers = child(report(table, *state), "balancers");
    balancer = nth(balancers, 0);
    assert_string_equal(child(balancer, "name")->text, "balancer://a");
    assert_string_equal(child(balancer, "virtual_host")->text, "main server");
    assert_int_equal(balancer->mood, TIER_STATUS_DEGRADED);
    assert_int_equal(child(balancer, "members_up")->number, 1);
    assert_int_equal(child(balancer, "members_down")->number, 1);
    member = nth(child(balancer, "members"), 0);
    assert_string_equal(child(member, "url")->text, "http://1");
    assert_string_equal(child(member, "check")->text, "tcp");
    assert_string_equal(child(member, "recent")->text, "++");
    assert_int_equal(child(member, "latency")->number, 2000);
    assert_int_equal(child(member, "state")->mood, TIER_STATUS_GOOD);
    member = nth(child(balancer, "members"), 1);
    assert_string_equal(child(member, "state")->text, "down");
    assert_int_equal(child(member, "state")->mood, TIER_STATUS_BAD);
    assert_int_equal(child(member, "probes")->number, 4);
    assert_int_equal(child(member, "probes_failed")->number, 3);
    assert_int_equal(child(member, "consecutive_failures")->number, 3);
    line = nth(child(member, "history"), 0);
    assert_string_equal(child(line, "from")->text, "up");
    assert_string_equal(child(line, "to")->text, "down");
    assert_string_equal(child(line, "reason")->text, "refused");
    assert_int_equal(child(line, "when")->number, 1234);
    assert_null(nth(child(member, "history"), 2));
    line = nth(child(member, "probe_history"), 0);
    assert_string_equal(child(line, "outcome")->text, "failed");
    assert_string_equal(child(line, "result")->text, "refused");
    assert_int_equal(child(line, "latency")->number, 2000);
    assert_int_equal(child(line, "when")->number, 1234);
    line = nth(child(member, "probe_history"), 3);
    assert_string_equal(child(line, "outcome")->text, "passed");
    assert_string_equal(child(line, "result")->text, "status 200 OK");
    assert_null(nth(child(member, "probe_history"), 4));
    assert_string_equal(child(nth(balancers, 1), "virtual_host")->text, "shop:80");
    assert_int_equal(nth(balancers, 1)->mood, TIER_STATUS_BAD);
    assert_int_equal(nth(balancers, 2)->mood, TIER_STATUS_GOOD);
    assert_int_equal(child(nth(child(nth(balancers, 2), "members"), 0), "state")->mood,
                     TIER_STATUS_NEUTRAL);
    assert_null(nth(balancers, 3));
}

/* What holds of a member, where several things are said of it: an administrator's maintenance
 * before all, failing checks before an ejection, both before a drain. */
static void one_state_of_several(void **state)
{
    static const struct {
        health_state_e checks;
        health_mode_e mode;
        int ejected;
        const char *shown;
        tier_status_mood_e mood;
        int up;
    } rows[] = {
        {HEALTH_UP, HEALTH_MODE_NORMAL, 1, "ejected", TIER_STATUS_BAD, 0},
        {HEALTH_DOWN, HEALTH_MODE_NORMAL, 1, "down", TIER_STATUS_BAD, 0},
        {HEALTH_UP, HEALTH_MODE_DRAIN, 0, "drain", TIER_STATUS_DEGRADED, 1},
        {HEALTH_UP, HEALTH_MODE_DRAIN, 1, "ejected", TIER_STATUS_BAD, 0},
        {HEALTH_DOWN, HEALTH_MODE_DRAIN, 0, "down", TIER_STATUS_BAD, 0},
        {HEALTH_DOWN, HEALTH_MODE_MAINTENANCE, 1, "maintenance", TIER_STATUS_DEGRADED, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
        health_member_t *member = &add(table, "", "balancer://a", "http://1", "")->record.member;
        const tier_status_node_t *balancer;

        member->state = rows[i].checks;
        member->mode = rows[i].mode;
        member->ejected_until = rows[i].ejected ? 5000 : 0;
        balancer = nth(child(report(table, *state), "balancers"), 0);
        member_is(nth(child(balancer, "members"), 0), rows[i].shown, rows[i].mood);
        assert_int_equal(child(balancer, "members_up")->number, rows[i].up);
        assert_int_equal(child(balancer, "members_down")->number, !rows[i].up);
    }
}

static void end_of_an_ejection(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
    health_entry_t *entry = add(table, "", "balancer://a", "http://1", "++");

    assert_false(has_child(only_member(table, *state), "ejected_until"));
    entry->record.member.ejected_until = 5000;
    assert_int_equal(child(only_member(table, *state), "ejected_until")->number, 5000);
}

static void what_an_agent_wants(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
    health_entry_t *entry = add(table, "", "balancer://a", "http://1", "++");
    const tier_status_node_t *member = only_member(table, *state);

    assert_false(has_child(member, "agent_weight") || has_child(member, "agent"));
    entry->record.member.advice.weight = 30;
    member = only_member(table, *state);
    assert_int_equal(child(member, "agent_weight")->number, 30);
    assert_string_equal(child(member, "agent")->text, "ready");
    entry->record.member.advice.drain = 1;
    assert_string_equal(child(only_member(table, *state), "agent")->text, "wants no new sessions");
}

/* Its key is what the page sends back. */
static void what_can_be_asked_of_a_member(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
    const tier_status_node_t *actions;

    add(table, "shop:80", "balancer://a", "http://1", "++")->record.member.ejects = 1;
    actions = child(only_member(table, *state), "actions");
    assert_int_equal(actions->kind, TIER_STATUS_ACTIONS);
    assert_string_equal(actions->text, "drain maintenance eject");
    assert_string_equal(actions->target, "shop:80 balancer://a http://1");
}

/* Nothing goes through a service that members need. */
static void what_can_be_asked_of_a_service(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
    health_entry_t *entry = add(table, "", "db", "mysql://10.0.0.5:3306", "++");

    assert_string_equal(child(only_member(table, *state), "actions")->text, "maintenance");
    entry->record.member.mode = HEALTH_MODE_MAINTENANCE;
    assert_string_equal(child(only_member(table, *state), "actions")->text, "normal");
}

static void what_became_of_events(void **state)
{
    health_table_t *table = health_table_format(apr_pcalloc(*state, health_table_size(1)), 1);
    tier_status_node_t *root = tier_status_root("health", *state);
    const tier_status_node_t *events;

    tier_counter_add(health_table_told(table, HEALTH_TOLD_DELIVERED), 3);
    tier_counter_add(health_table_told(table, HEALTH_TOLD_FAILED), 2);
    tier_counter_add(health_table_told(table, HEALTH_TOLD_DROPPED), 1);
    health_report_events(root, table, *state);
    events = child(root, "events");
    assert_int_equal(child(events, "delivered")->number, 3);
    assert_int_equal(child(events, "failed")->number, 2);
    assert_int_equal(child(events, "dropped")->number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(empty_table),
        test_with_pool(members_of_balancers),
        test_with_pool(one_state_of_several),
        test_with_pool(end_of_an_ejection),
        test_with_pool(what_an_agent_wants),
        test_with_pool(what_can_be_asked_of_a_member),
        test_with_pool(what_can_be_asked_of_a_service),
        test_with_pool(what_became_of_events),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
