/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_report.h"

#include "clock.h"
#include "status_tree.h"

static void add(tier_status_node_t *node, const char *name, const tier_counter_t *counter,
                const char *help, apr_pool_t *pool)
{
    tier_status_metric(node, TIER_STATUS_COUNTER, name, (apr_int64_t)tier_counter_get(counter),
                       help, pool);
}

static void report_server(tier_status_node_t *list, const mogile_server_t *server, apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_object(list, NULL, pool);
    int is_open = tier_atomic_load(&server->breaker->state) == TIER_BREAKER_OPEN;
    tier_status_node_t *errors;

    tier_status_string(node, "server", server->name, pool);
    tier_status_mood(tier_status_string(node, "state", is_open ? "down" : "up", pool),
                     is_open ? TIER_STATUS_DEGRADED : TIER_STATUS_GOOD);
    add(node, "requests", &server->counts->requests, "Requests and probes that ended.", pool);
    add(node, "connections", &server->counts->connections, "Connections begun.", pool);
    add(node, "not_asked", &server->breaker->refused,
        "Requests it did not get because it did not answer.", pool);
    tier_status_metric(node, TIER_STATUS_DURATION, "latency",
                       tier_atomic_load64(&server->counts->latency),
                       "Moving average of the time its answers take.", pool);
    errors = tier_status_object(node, "errors", pool);
    for (int i = 0; i < MOGILE_ERRORS; i++)
        add(errors, mogile_error_name((mogile_error_e)i), &server->counts->errors[i],
            "Requests that failed, by kind.", pool);
}

static void report_servers(tier_status_node_t *root, const mogile_service_t *service,
                           apr_pool_t *pool)
{
    tier_status_node_t *trackers = tier_status_array(root, "trackers", pool);

    for (int i = 0; i < service->tracker_count; i++)
        report_server(trackers, &service->servers[i], pool);
    if (service->settings->database)
        report_server(tier_status_array(root, "databases", pool),
                      &service->servers[service->tracker_count], pool);
}

static void report_lookups(tier_status_node_t *root, const mogile_totals_t *totals,
                           apr_pool_t *pool)
{
    static const char *const finds[MOGILE_FINDS] = {"found", "unknown_key", "unknown_domain",
                                                    "no_answer"};
    tier_status_node_t *node = tier_status_object(root, "lookups", pool);
    tier_status_node_t *sources = tier_status_object(root, "answered_by", pool);

    for (int i = 0; i < MOGILE_FINDS; i++)
        add(node, finds[i], &totals->finds[i], "Look-ups of keys, by what came of them.", pool);
    for (int i = 0; i < MOGILE_FROMS; i++)
        add(sources, mogile_lookup_source((mogile_from_e)i), &totals->found[i],
            "Look-ups of keys, by who had the answer.", pool);
    add(root, "lookups_waited", &totals->waited,
        "Look-ups that waited for another of the same key.", pool);
    add(root, "paths_dropped", &totals->dropped, "Keys looked up anew because their paths failed.",
        pool);
}

static void report_device(tier_status_node_t *list, const mogile_device_t *device, apr_time_t now,
                          apr_pool_t *pool)
{
    tier_status_node_t *node = tier_status_object(list, NULL, pool);
    int is_ill = tier_atomic_load64(&device->until) > now;
    tier_status_node_t *failures;

    tier_status_string(node, "device", device->name, pool);
    tier_status_mood(tier_status_string(node, "state", is_ill ? "tried last" : "well", pool),
                     is_ill ? TIER_STATUS_DEGRADED : TIER_STATUS_GOOD);
    add(node, "requests", &device->requests, "Deliveries it was asked for.", pool);
    failures = tier_status_object(node, "failures", pool);
    for (int i = REPROXY_FAILURE_NONE + 1; i < REPROXY_FAILURES; i++) {
        if (tier_counter_get(&device->failures[i]) > 0)
            add(failures, reproxy_failure_name((reproxy_failure_e)i), &device->failures[i],
                "Deliveries that failed, by kind.", pool);
    }
}

static void report_devices(tier_status_node_t *root, const mogile_devices_t *devices,
                           apr_pool_t *pool)
{
    tier_status_node_t *list = tier_status_array(root, "devices", pool);
    apr_time_t now = tier_clock_now();

    for (int i = 0; i < MOGILE_DEVICES_MOST; i++) {
        const mogile_device_t *device = mogile_devices_at(devices, i);

        if (device)
            report_device(list, device, now, pool);
    }
}

void mogile_report(tier_status_node_t *parent, const mogile_service_t *service, apr_pool_t *pool)
{
    tier_status_node_t *root = tier_status_object(parent, "mogile", pool);
    const mogile_shared_t *shared = service->shared;

    report_servers(root, service, pool);
    report_lookups(root, &shared->totals, pool);
    add(root, "uploads", &shared->writes.uploads, "Files stored by PUT.", pool);
    add(root, "uploaded_bytes", &shared->writes.bytes, "Bytes of files stored by PUT.", pool);
    add(root, "deletions", &shared->writes.deletions, "Keys removed by DELETE.", pool);
    add(root, "writes_failed", &shared->writes.failed,
        "PUT and DELETE that could not be done, by no fault of the client.", pool);
    report_devices(root, &shared->devices, pool);
}
