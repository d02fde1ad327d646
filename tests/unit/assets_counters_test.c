/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_counters.h"
#include "status_node.h"

static void refusals_and_pages_by_reason(void **state)
{
    assets_counters_t counters = {{0}};
    tier_status_node_t *root = tier_status_root("assets", *state);
    const tier_status_node_t *refused, *untouched;

    for (int i = 0; i < ASSETS_REFUSALS; i++)
        tier_counter_add(&counters.refused[i], 10 + (apr_uint64_t)i);
    for (int i = 0; i < ASSETS_UNTOUCHED; i++)
        tier_counter_add(&counters.untouched[i], 20 + (apr_uint64_t)i);
    assets_counters_report(&counters, root, *state);
    refused = child(root, "not_stored");
    assert_int_equal(child(refused, "status")->number, 10 + ASSETS_REFUSE_STATUS);
    assert_int_equal(child(refused, "set_cookie")->number, 10 + ASSETS_REFUSE_COOKIE);
    assert_int_equal(child(refused, "private")->number, 10 + ASSETS_REFUSE_PRIVATE);
    assert_int_equal(child(refused, "vary")->number, 10 + ASSETS_REFUSE_VARY);
    assert_int_equal(child(refused, "encoded")->number, 10 + ASSETS_REFUSE_ENCODED);
    assert_int_equal(child(refused, "too_large")->number, 10 + ASSETS_REFUSE_SIZE);
    assert_int_equal(child(refused, "fields")->number, 10 + ASSETS_REFUSE_FIELDS);
    untouched = child(root, "pages_untouched");
    assert_int_equal(child(untouched, "encoded")->number, 20 + ASSETS_UNTOUCHED_ENCODED);
    assert_int_equal(child(untouched, "no_transform")->number, 20 + ASSETS_UNTOUCHED_NO_TRANSFORM);
    assert_int_equal(child(untouched, "charset")->number, 20 + ASSETS_UNTOUCHED_CHARSET);
    assert_int_equal(child(untouched, "range")->number, 20 + ASSETS_UNTOUCHED_RANGE);
}

/* Adds up what node and all below it tell. */
static apr_int64_t sum_of(const tier_status_node_t *node)
{
    apr_int64_t sum = node->number;

    for (const tier_status_node_t *below = node->first; below; below = below->next)
        sum += sum_of(below);
    return sum;
}

/* One bit each, all of them counters but the last two. */
static void every_counter_is_reported_once(void **state)
{
    enum { WORDS = sizeof(assets_counters_t) / sizeof(apr_uint64_t) };
    assets_counters_t counters = {{0}};
    apr_uint64_t *words = (apr_uint64_t *)&counters;
    tier_status_node_t *root = tier_status_root("assets", *state);
    apr_int64_t expected = 0;

    assert_true(WORDS < 63);
    for (int i = 0; i < WORDS; i++)
        words[i] = (apr_uint64_t)1 << i;
    /* The first refusal is none. */
    for (int i = 0; i < WORDS; i++)
        expected += &words[i] == &counters.refused[0].value ? 0 : (apr_int64_t)words[i];
    assets_counters_report(&counters, root, *state);
    assert_true(sum_of(root) == expected);
    assert_int_equal(child(root, "served")->kind, TIER_STATUS_COUNTER);
    assert_int_equal(child(root, "disk_bytes")->kind, TIER_STATUS_GAUGE);
    assert_true(child(root, "disk_bytes")->number == counters.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(refusals_and_pages_by_reason),
        POOL_TEST(every_counter_is_reported_once),
    };

    return RUN_TESTS(tests);
}
