/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_counters.h"
#include "status_node.h"

static void errors_are_counted_by_kind(void **state)
{
    cache_counters_t counters = {{0}};
    tier_status_node_t *root = tier_status_root("cache", *state);
    const tier_status_node_t *errors;

    cache_counters_error(&counters, APR_SUCCESS);
    cache_counters_error(&counters, APR_NOTFOUND);
    cache_counters_error(&counters, APR_TIMEUP);
    cache_counters_error(&counters, APR_EAGAIN);
    cache_counters_error(&counters, APR_ENOSPC);
    cache_counters_error(&counters, APR_EGENERAL);
    cache_counters_report(&counters, root, *state);
    errors = child(root, "store_errors");
    assert_int_equal(child(errors, "timeout")->number, 1);
    assert_int_equal(child(errors, "breaker_open")->number, 1);
    assert_int_equal(child(errors, "no_space")->number, 1);
    assert_int_equal(child(errors, "corrupt")->number, 0);
    assert_int_equal(child(errors, "other")->number, 1);
}

static void every_counter_is_reported_once(void **state)
{
    cache_counters_t counters = {{0}};
    tier_status_node_t *root = tier_status_root("cache", *state);
    tier_counter_t *all = (tier_counter_t *)&counters;
    apr_int64_t expected = 0;
    apr_int64_t sum = 0;

    for (size_t i = 0; i < sizeof(counters) / sizeof(*all); i++)
        tier_counter_add(&all[i], (apr_uint64_t)1 << i);
    /* The first of forwarded and of refused count nothing that happens: "none" and "storable". */
    expected = ((apr_int64_t)1 << (sizeof(counters) / sizeof(*all))) - 1;
    expected -= (apr_int64_t)tier_counter_get(&counters.forwarded[CACHE_FWD_NONE]);
    expected -= (apr_int64_t)tier_counter_get(&counters.refused[CACHE_STORABLE]);
    cache_counters_report(&counters, root, *state);
    for (const tier_status_node_t *node = root->first; node; node = node->next) {
        sum += node->kind == TIER_STATUS_COUNTER ? node->number : 0;
        for (const tier_status_node_t *below = node->first; below; below = below->next)
            sum += below->number;
    }
    assert_true(sum == expected);
}

static void calls_are_counted_by_how_long_they_took(void **state)
{
    cache_counters_t counters = {{0}};
    tier_status_node_t *root = tier_status_root("cache", *state);
    const tier_status_node_t *calls;

    cache_counters_latency(&counters, 0);
    cache_counters_latency(&counters, 100);
    cache_counters_latency(&counters, 101);
    cache_counters_latency(&counters, 100000);
    cache_counters_latency(&counters, 100001);
    cache_counters_report(&counters, root, *state);
    calls = child(root, "memcached_calls");
    assert_int_equal(child(calls, "to_100us")->number, 2);
    assert_int_equal(child(calls, "to_250us")->number, 1);
    assert_int_equal(child(calls, "to_100ms")->number, 1);
    assert_int_equal(child(calls, "over_100ms")->number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(errors_are_counted_by_kind),
        POOL_TEST(every_counter_is_reported_once),
        POOL_TEST(calls_are_counted_by_how_long_they_took),
    };

    return RUN_TESTS(tests);
}
