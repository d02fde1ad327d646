/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "status_tree.h"

static void a_root_is_an_empty_object(void **state)
{
    tier_status_node_t *root = tier_status_root("health", *state);

    assert_int_equal(root->kind, TIER_STATUS_OBJECT);
    assert_int_equal(root->mood, TIER_STATUS_NEUTRAL);
    assert_string_equal(root->name, "health");
    assert_null(root->first);
    assert_null(root->last);
    assert_null(root->next);
}

static void children_keep_their_order(void **state)
{
    tier_status_node_t *root = tier_status_root("x", *state);
    tier_status_node_t *one = tier_status_object(root, "one", *state);
    tier_status_node_t *two = tier_status_array(root, "two", *state);
    tier_status_node_t *three = tier_status_string(root, "three", "drei", *state);

    assert_ptr_equal(root->first, one);
    assert_ptr_equal(one->next, two);
    assert_ptr_equal(two->next, three);
    assert_null(three->next);
    assert_ptr_equal(root->last, three);
    assert_int_equal(one->kind, TIER_STATUS_OBJECT);
    assert_int_equal(two->kind, TIER_STATUS_ARRAY);
    assert_int_equal(three->kind, TIER_STATUS_STRING);
    assert_string_equal(three->text, "drei");
}

static void elements_of_an_array_have_no_name(void **state)
{
    tier_status_node_t *array = tier_status_array(tier_status_root("x", *state), "list", *state);
    tier_status_node_t *element = tier_status_object(array, NULL, *state);

    assert_null(element->name);
    assert_ptr_equal(array->first, element);
}

static void scalars_carry_value_help_and_mood(void **state)
{
    tier_status_node_t *root = tier_status_root("x", *state);
    tier_status_node_t *port = tier_status_number(root, TIER_STATUS_INTEGER, "port", 80, *state);
    tier_status_node_t *hits = tier_status_metric(root, TIER_STATUS_COUNTER, "hits", APR_INT64_MAX,
                                                  "Answers from the cache.", *state);

    assert_int_equal(port->number, 80);
    assert_null(port->help);
    assert_int_equal(hits->kind, TIER_STATUS_COUNTER);
    assert_true(hits->number == APR_INT64_MAX);
    assert_string_equal(hits->help, "Answers from the cache.");
    assert_ptr_equal(tier_status_mood(hits, TIER_STATUS_BAD), hits);
    assert_int_equal(hits->mood, TIER_STATUS_BAD);
}

static void a_missing_text_is_empty(void **state)
{
    tier_status_node_t *root = tier_status_root("x", *state);

    assert_string_equal(tier_status_string(root, "why", NULL, *state)->text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_root_is_an_empty_object),
        test_with_pool(children_keep_their_order),
        test_with_pool(elements_of_an_array_have_no_name),
        test_with_pool(scalars_carry_value_help_and_mood),
        test_with_pool(a_missing_text_is_empty),
    };
    return cmocka_run_group_tests_name("common_status_tree", tests, start_apr, stop_apr);
}
