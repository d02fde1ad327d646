/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_prometheus.h"
#include "status_tree.h"

typedef struct fixture_t {
    apr_pool_t *pool;
    status_report_t report;
    tier_status_node_t *module;
} fixture_t;

static fixture_t make(void **state)
{
    fixture_t fixture = {.pool = *state};

    status_report_begin(&fixture.report, "1", "www", 0, fixture.pool);
    fixture.module = status_report_module(&fixture.report, "m", fixture.pool);
    return fixture;
}

static const char *rendered(const fixture_t *fixture)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, fixture->pool);
    status_prometheus_render(&buffer, &fixture->report);
    return buffer.data;
}

static tier_status_node_t *add_row(tier_status_node_t *rows, const char *name, int n,
                                   apr_pool_t *pool)
{
    tier_status_node_t *row = tier_status_object(rows, NULL, pool);

    if (name)
        tier_status_string(row, "name", name, pool);
    tier_status_metric(row, TIER_STATUS_COUNTER, "served", n, "Requests served", pool);
    return row;
}

static void kinds_have_their_suffixes(void **state)
{
    fixture_t f = make(state);

    tier_status_metric(f.module, TIER_STATUS_COUNTER, "hits", 5, "Hits\nof all", f.pool);
    tier_status_number(f.module, TIER_STATUS_COUNTER, "b_total", 2, f.pool);
    tier_status_number(f.module, TIER_STATUS_BOOLEAN, "on", 9, f.pool);
    tier_status_number(f.module, TIER_STATUS_DURATION, "lag", 250000, f.pool);
    tier_status_number(f.module, TIER_STATUS_TIME, "seen", apr_time_from_sec(7), f.pool);
    tier_status_string(f.module, "text", "no metric", f.pool);
    assert_string_equal(rendered(&f), "# TYPE webtier_m_b_total counter\n"
                                      "webtier_m_b_total 2\n"
                                      "# HELP webtier_m_hits_total Hits\\nof all\n"
                                      "# TYPE webtier_m_hits_total counter\n"
                                      "webtier_m_hits_total 5\n"
                                      "# TYPE webtier_m_lag_seconds gauge\n"
                                      "webtier_m_lag_seconds 0.25\n"
                                      "# TYPE webtier_m_on gauge\n"
                                      "webtier_m_on 1\n"
                                      "# TYPE webtier_m_seen_timestamp_seconds gauge\n"
                                      "webtier_m_seen_timestamp_seconds 7\n");
}

static void elements_are_labelled_and_grouped(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *balancers = tier_status_array(f.module, "balancers", f.pool);
    tier_status_node_t *balancer = tier_status_object(balancers, NULL, f.pool);
    tier_status_node_t *members;

    tier_status_string(balancer, "name", "app\"", f.pool);
    members = tier_status_array(balancer, "members", f.pool);
    add_row(members, "a", 1, f.pool);
    tier_status_mood(add_row(members, "b", 2, f.pool), TIER_STATUS_GOOD);
    assert_string_equal(
        rendered(&f),
        "# HELP webtier_m_balancers_members_mood 1 good, 2 degraded, 3 bad.\n"
        "# TYPE webtier_m_balancers_members_mood gauge\n"
        "webtier_m_balancers_members_mood{balancer=\"app\\\"\",member=\"b\"} 1\n"
        "# HELP webtier_m_balancers_members_served_total Requests served\n"
        "# TYPE webtier_m_balancers_members_served_total counter\n"
        "webtier_m_balancers_members_served_total{balancer=\"app\\\"\",member=\"a\"} 1\n"
        "webtier_m_balancers_members_served_total{balancer=\"app\\\"\",member=\"b\"} 2\n"
        "# HELP webtier_m_balancers_mood 1 good, 2 degraded, 3 bad.\n"
        "# TYPE webtier_m_balancers_mood gauge\n"
        "webtier_m_balancers_mood{balancer=\"app\\\"\"} 1\n"
        "# HELP webtier_m_mood 1 good, 2 degraded, 3 bad.\n"
        "# TYPE webtier_m_mood gauge\n"
        "webtier_m_mood 1\n"
        "# HELP webtier_mood 1 good, 2 degraded, 3 bad.\n"
        "# TYPE webtier_mood gauge\n"
        "webtier_mood 1\n");
}

static void no_series_comes_twice(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *rows = tier_status_array(f.module, "rows", f.pool);

    add_row(rows, "same", 1, f.pool);
    add_row(rows, "same", 2, f.pool);
    add_row(rows, NULL, 3, f.pool);
    tier_status_number(f.module, TIER_STATUS_GAUGE, "x", 1, f.pool);
    tier_status_number(f.module, TIER_STATUS_GAUGE, "x", 2, f.pool);
    assert_string_equal(rendered(&f), "# HELP webtier_m_rows_served_total Requests served\n"
                                      "# TYPE webtier_m_rows_served_total counter\n"
                                      "webtier_m_rows_served_total{row=\"same\"} 1\n"
                                      "webtier_m_rows_served_total{row=\"same\",index=\"1\"} 2\n"
                                      "webtier_m_rows_served_total{row=\"2\"} 3\n"
                                      "# TYPE webtier_m_x gauge\n"
                                      "webtier_m_x 1\n");
}

static void a_history_is_no_metric(void **state)
{
    fixture_t f = make(state);

    add_row(tier_status_array(f.module, "history", f.pool), "then", 1, f.pool);
    add_row(tier_status_array(f.module, "probe_history", f.pool), "then", 1, f.pool);
    assert_string_equal(rendered(&f), "");
}

static void names_are_made_valid(void **state)
{
    fixture_t f = make(state);

    tier_status_number(f.module, TIER_STATUS_GAUGE, "a-b c\n", 1, f.pool);
    assert_contains(rendered(&f), "\nwebtier_m_a_b_c_ 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(kinds_have_their_suffixes), POOL_TEST(elements_are_labelled_and_grouped),
        POOL_TEST(no_series_comes_twice),     POOL_TEST(a_history_is_no_metric),
        POOL_TEST(names_are_made_valid),
    };

    return RUN_TESTS(tests);
}
