/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_node.h"
#include "reproxy_report.h"
#include "status_node.h"

#define S(n) apr_time_from_sec(n)

static void names(void **state)
{
    reproxy_table_t *table = apr_pcalloc(*state, sizeof(*table));
    reproxy_node_t *first = reproxy_node_find(table, "http://a:1");
    char *name = apr_palloc(*state, 500);

    assert_ptr_equal(reproxy_node_find(table, "http://a:1"), first);
    assert_ptr_not_equal(reproxy_node_find(table, "http://a:2"), first);
    memset(name, 'x', 499);
    name[REPROXY_NODE_NAME] = '\0';
    assert_ptr_equal(reproxy_node_find(table, name), &table->rest);
    for (int i = 0; i < 2 * REPROXY_NODES_MAX; i++)
        reproxy_node_find(table, apr_psprintf(*state, "http://b:%d", i));
    assert_ptr_equal(reproxy_node_find(table, "http://c:1"), &table->rest);
    assert_ptr_equal(reproxy_node_find(table, "http://a:1"), first);
}

static void sickness(void **state)
{
    reproxy_node_t *node = apr_pcalloc(*state, sizeof(*node));
    apr_time_t now = S(100);

    assert_false(reproxy_node_is_sick(node, now));
    reproxy_node_failed(node, REPROXY_FAILURE_STATUS, now, now);
    assert_false(reproxy_node_is_sick(node, now));
    reproxy_node_failed(node, REPROXY_FAILURE_CONNECT, now, now);
    assert_true(reproxy_node_is_sick(node, now + S(1) - 1));
    /* One tries it, the others wait for what comes of it. */
    assert_false(reproxy_node_is_sick(node, now + S(1)));
    assert_true(reproxy_node_is_sick(node, now + S(1)));
    /* It fails again, soon after it was asked; those who asked at the same time see the same, and
     * who did not wait for long says nothing. */
    now += S(1);
    for (int i = 0; i < 20; i++)
        reproxy_node_failed(node, REPROXY_FAILURE_TIMEOUT, now, now + 1 + i);
    reproxy_node_failed(node, REPROXY_FAILURE_TIMEOUT, 0, now + 50);
    assert_true(reproxy_node_is_sick(node, now + S(2)));
    assert_false(reproxy_node_is_sick(node, now + S(2) + 1));
    for (int i = 0; i < 20; i++, now += 10)
        reproxy_node_failed(node, REPROXY_FAILURE_STALL, now + 5, now + 10);
    assert_true(reproxy_node_is_sick(node, now + S(30) - 1));
    assert_false(reproxy_node_is_sick(node, now + S(30)));
    reproxy_node_answered(node, 5);
    assert_false(reproxy_node_is_sick(node, now));
    assert_int_equal(tier_counter_get(&node->failures[REPROXY_FAILURE_STALL]), 20);
}

static void a_sick_node_is_waited_for_less(void **state)
{
    reproxy_node_t *node = apr_pcalloc(*state, sizeof(*node));

    assert_int_equal(reproxy_node_patience(node, S(8)), S(1));
    assert_int_equal(reproxy_node_patience(node, apr_time_from_msec(200)), apr_time_from_msec(100));
    assert_int_equal(reproxy_node_patience(node, apr_time_from_msec(50)), apr_time_from_msec(50));
    for (int i = 0; i < 1000; i++)
        reproxy_node_answered(node, S(1));
    assert_in_range(reproxy_node_patience(node, S(8)), S(3), S(5));
    assert_int_equal(reproxy_node_patience(node, S(2)), S(2));
}

static void the_slow_twentieth(void **state)
{
    reproxy_node_t *node = apr_pcalloc(*state, sizeof(*node));
    unsigned bits = 1;

    for (int i = 0; i < 19; i++)
        reproxy_node_answered(node, 1000);
    assert_int_equal(reproxy_node_slow(node), 0);
    for (int i = 0; i < 20000; i++) {
        bits = bits * 1103515245 + 12345;
        reproxy_node_answered(node, bits >> 16 & 1023);
    }
    /* Samples are even from 0 to 1023: the figure swings about 973. */
    assert_in_range(reproxy_node_slow(node), 850, 1200);
    for (int i = 0; i < 200; i++)
        reproxy_node_answered(node, 50000);
    assert_true(reproxy_node_slow(node) > 30000);
    assert_int_equal(tier_counter_get(&node->answers), 20219);
}

static void reported(void **state)
{
    reproxy_table_t *table = apr_pcalloc(*state, sizeof(*table));
    tier_status_node_t *root = tier_status_root("reproxy", *state), *list;

    reproxy_node_failed(reproxy_node_find(table, "http://a:1"), REPROXY_FAILURE_CONNECT, 1,
                        APR_INT64_MAX / 2);
    tier_counter_add(&table->rest.requests, 3);
    tier_counter_add(&table->counts[REPROXY_COUNT_CUT], 2);
    reproxy_report(root, table, *state);
    for (list = root->first; strcmp(list->name, "nodes") != 0; list = list->next)
        assert_int_equal(list->number, strcmp(list->name, "cut") == 0 ? 2 : 0);
    assert_string_equal(list->first->first->text, "http://a:1");
    assert_string_equal(list->first->first->next->text, "sick");
    assert_string_equal(list->last->first->text, "(all others)");
    assert_ptr_equal(list->first->next, list->last);
}

static void what_a_node_did_is_told(void **state)
{
    reproxy_table_t *table = apr_pcalloc(*state, sizeof(*table));
    reproxy_node_t *node = reproxy_node_find(table, "http://a:1");
    tier_status_node_t *root = tier_status_root("reproxy", *state);
    const tier_status_node_t *row;

    tier_counter_add(&node->requests, 3);
    tier_counter_add(&node->bytes, 5000);
    reproxy_node_answered(node, 1000);
    reproxy_node_answered(node, 3000);
    node->slow = 2900;
    for (int i = REPROXY_FAILURE_CONNECT; i < REPROXY_FAILURES; i++)
        tier_counter_add(&node->failures[i], (apr_uint64_t)i);
    reproxy_report(root, table, *state);
    row = nth(child(root, "nodes"), 0);
    assert_string_equal(child(row, "node")->text, "http://a:1");
    assert_string_equal(child(row, "state")->text, "well");
    assert_int_equal(child(row, "requests")->number, 3);
    assert_int_equal(child(row, "body_bytes")->number, 5000);
    assert_int_equal(child(row, "first_byte_mean")->number, 2000);
    assert_int_equal(child(row, "first_byte_slow")->number, 2900);
    for (int i = REPROXY_FAILURE_CONNECT; i < REPROXY_FAILURES; i++)
        assert_int_equal(child(row, apr_pstrcat(*state, "failed_",
                                                reproxy_failure_name((reproxy_failure_e)i), NULL))
                             ->number,
                         i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(names),
        test_with_pool(sickness),
        test_with_pool(a_sick_node_is_waited_for_less),
        test_with_pool(the_slow_twentieth),
        test_with_pool(reported),
        test_with_pool(what_a_node_did_is_told),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
