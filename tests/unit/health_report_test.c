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
    assert_string_equal(child(nth(balancers, 1), "virtual_host")->text, "shop:80");
    assert_int_equal(nth(balancers, 1)->mood, TIER_STATUS_BAD);
    assert_int_equal(nth(balancers, 2)->mood, TIER_STATUS_GOOD);
    assert_int_equal(child(nth(child(nth(balancers, 2), "members"), 0), "state")->mood,
                     TIER_STATUS_NEUTRAL);
    assert_null(nth(balancers, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(empty_table),
        test_with_pool(members_of_balancers),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
