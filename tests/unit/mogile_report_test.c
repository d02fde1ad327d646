/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include "mogile_report.h"
#include "status_node.h"

/* A service of two trackers that nobody asks: the report reads shared memory alone. */
typedef struct fixture_t {
    mogile_settings_t settings;
    mogile_shared_t *shared;
    mogile_service_t *service;
} fixture_t;

static void open_service(fixture_t *f, const char *database, apr_pool_t *pool)
{
    static const char *const servers[] = {"t1:7001", "t2:7001", "db"};

    mogile_settings_init(&f->settings);
    f->settings.database = database;
    f->shared = apr_pcalloc(pool, sizeof(*f->shared));
    f->service = apr_pcalloc(pool, sizeof(*f->service));
    f->service->settings = &f->settings;
    f->service->shared = f->shared;
    f->service->tracker_count = 2;
    for (int i = 0; i < 3; i++) {
        f->service->servers[i].name = servers[i];
        f->service->servers[i].breaker = &f->shared->breakers[i];
        f->service->servers[i].counts = &f->shared->counts[i];
    }
}

static const tier_status_node_t *report(const fixture_t *f, apr_pool_t *pool)
{
    tier_status_node_t *root = tier_status_root("reproxy", pool);

    mogile_report(root, f->service, pool);
    return child(root, "mogile");
}

static void one_part_a_server(void **state)
{
    const tier_status_node_t *mogile, *tracker;
    fixture_t f;

    open_service(&f, NULL, *state);
    f.shared->breakers[1].state = TIER_BREAKER_OPEN;
    tier_counter_add(&f.shared->breakers[1].refused, 5);
    tier_counter_add(&f.shared->counts[1].requests, 7);
    tier_counter_add(&f.shared->counts[1].connections, 3);
    tier_counter_add(&f.shared->counts[1].errors[MOGILE_ERROR_TIMEOUT], 2);
    f.shared->counts[1].latency = 1500;
    mogile = report(&f, *state);
    tracker = nth(child(mogile, "trackers"), 0);
    assert_string_equal(child(tracker, "server")->text, "t1:7001");
    assert_string_equal(child(tracker, "state")->text, "up");
    assert_int_equal(child(tracker, "state")->mood, TIER_STATUS_GOOD);
    tracker = nth(child(mogile, "trackers"), 1);
    assert_string_equal(child(tracker, "state")->text, "down");
    assert_int_equal(child(tracker, "state")->mood, TIER_STATUS_DEGRADED);
    assert_int_equal(child(tracker, "not_asked")->number, 5);
    assert_int_equal(child(tracker, "requests")->number, 7);
    assert_int_equal(child(tracker, "connections")->number, 3);
    assert_int_equal(child(tracker, "latency")->number, 1500);
    assert_int_equal(child(child(tracker, "errors"), "timeout")->number, 2);
    assert_int_equal(child(child(tracker, "errors"), "refused")->number, 0);
    assert_null(nth(child(mogile, "trackers"), 2));
}

static void a_database_is_one_where_it_is_configured(void **state)
{
    const tier_status_node_t *mogile, *database;
    fixture_t f;

    open_service(&f, NULL, *state);
    assert_false(has_child(report(&f, *state), "databases"));
    open_service(&f, "db", *state);
    tier_counter_add(&f.shared->counts[2].requests, 9);
    mogile = report(&f, *state);
    database = nth(child(mogile, "databases"), 0);
    assert_string_equal(child(database, "server")->text, "db");
    assert_int_equal(child(database, "requests")->number, 9);
    assert_null(nth(child(mogile, "databases"), 1));
    assert_null(nth(child(mogile, "trackers"), 2));
}

static void lookups_by_outcome_and_source(void **state)
{
    const tier_status_node_t *mogile;
    fixture_t f;

    open_service(&f, NULL, *state);
    for (int i = 0; i < MOGILE_FINDS; i++)
        tier_counter_add(&f.shared->totals.finds[i], 10 + i);
    for (int i = 0; i < MOGILE_FROMS; i++)
        tier_counter_add(&f.shared->totals.found[i], 20 + i);
    tier_counter_add(&f.shared->totals.waited, 30);
    tier_counter_add(&f.shared->totals.dropped, 31);
    mogile = report(&f, *state);
    assert_int_equal(child(child(mogile, "lookups"), "found")->number, 10 + MOGILE_FOUND);
    assert_int_equal(child(child(mogile, "lookups"), "unknown_key")->number, 10 + MOGILE_NO_KEY);
    assert_int_equal(child(child(mogile, "lookups"), "unknown_domain")->number,
                     10 + MOGILE_NO_DOMAIN);
    assert_int_equal(child(child(mogile, "lookups"), "no_answer")->number, 10 + MOGILE_NOWHERE);
    for (int i = 0; i < MOGILE_FROMS; i++)
        assert_int_equal(
            child(child(mogile, "answered_by"), mogile_lookup_source((mogile_from_e)i))->number,
            20 + i);
    assert_int_equal(child(mogile, "lookups_waited")->number, 30);
    assert_int_equal(child(mogile, "paths_dropped")->number, 31);
}

static void what_was_written(void **state)
{
    const tier_status_node_t *mogile;
    fixture_t f;

    open_service(&f, NULL, *state);
    tier_counter_add(&f.shared->writes.uploads, 1);
    tier_counter_add(&f.shared->writes.bytes, 2);
    tier_counter_add(&f.shared->writes.deletions, 3);
    tier_counter_add(&f.shared->writes.failed, 4);
    mogile = report(&f, *state);
    assert_int_equal(child(mogile, "uploads")->number, 1);
    assert_int_equal(child(mogile, "uploaded_bytes")->number, 2);
    assert_int_equal(child(mogile, "deletions")->number, 3);
    assert_int_equal(child(mogile, "writes_failed")->number, 4);
}

static const mogile_copy_t *copy_on(const char *node, apr_pool_t *pool)
{
    mogile_file_t *file = mogile_file_make(pool);

    assert_int_equal(
        mogile_file_add(file, apr_pstrcat(pool, "http://", node, "/0/000/000/0000000004.fid", NULL),
                        pool),
        APR_SUCCESS);
    return &APR_ARRAY_IDX(file->copies, 0, mogile_copy_t);
}

/* Returns the device of that name. */
static const tier_status_node_t *device(const tier_status_node_t *mogile, const char *name)
{
    const tier_status_node_t *node = child(mogile, "devices")->first;

    while (node && strcmp(child(node, "device")->text, name) != 0)
        node = node->next;
    assert_non_null(node);
    return node;
}

static void a_device_that_failed_is_tried_last(void **state)
{
    const tier_status_node_t *mogile, *ill;
    fixture_t f;

    open_service(&f, NULL, *state);
    assert_null(child(report(&f, *state), "devices")->first);
    mogile_devices_worked(&f.shared->devices, copy_on("10.0.0.1:7500/dev1", *state));
    mogile_devices_failed(&f.shared->devices, copy_on("10.0.0.2:7500/dev2", *state),
                          REPROXY_FAILURE_STATUS, tier_clock_now() + apr_time_from_sec(1000));
    mogile_devices_failed(&f.shared->devices, copy_on("10.0.0.3:7500/dev3", *state),
                          REPROXY_FAILURE_STATUS, tier_clock_now() - apr_time_from_sec(1000));
    mogile = report(&f, *state);
    assert_string_equal(child(device(mogile, "10.0.0.3:7500 dev3"), "state")->text, "well");
    assert_string_equal(child(device(mogile, "10.0.0.1:7500 dev1"), "state")->text, "well");
    assert_int_equal(child(device(mogile, "10.0.0.1:7500 dev1"), "requests")->number, 1);
    assert_null(child(device(mogile, "10.0.0.1:7500 dev1"), "failures")->first);
    ill = device(mogile, "10.0.0.2:7500 dev2");
    assert_string_equal(child(ill, "state")->text, "tried last");
    assert_int_equal(child(ill, "state")->mood, TIER_STATUS_DEGRADED);
    assert_int_equal(child(child(ill, "failures"), "status")->number, 1);
    assert_null(nth(child(ill, "failures"), 1)); /* only what has happened is told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(one_part_a_server),
        test_with_pool(a_database_is_one_where_it_is_configured),
        test_with_pool(lookups_by_outcome_and_source),
        test_with_pool(what_was_written),
        test_with_pool(a_device_that_failed_is_tried_last),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
