/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_json.h"
#include "status_mood.h"
#include "status_report.h"
#include "status_tree.h"

static const char *rendered(const tier_status_node_t *root, apr_pool_t *pool)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, pool);
    status_json_render(&buffer, root);
    return buffer.data;
}

static void empty_parents(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);

    assert_string_equal(rendered(root, *state), "{}\n");
    tier_status_array(root, "list", *state);
    assert_string_equal(rendered(root, *state), "{\n  \"list\": []\n}\n");
}

static void each_kind(void **state)
{
    apr_pool_t *pool = *state;
    tier_status_node_t *root = tier_status_root(NULL, pool), *list;

    tier_status_string(root, "string", "a\"b", pool);
    tier_status_number(root, TIER_STATUS_BOOLEAN, "yes", 7, pool);
    tier_status_number(root, TIER_STATUS_BOOLEAN, "no", 0, pool);
    tier_status_number(root, TIER_STATUS_INTEGER, "integer", -1, pool);
    tier_status_number(root, TIER_STATUS_COUNTER, "counter", INT64_MAX, pool);
    tier_status_number(root, TIER_STATUS_TIME, "then", apr_time_from_sec(1000000000), pool);
    tier_status_number(root, TIER_STATUS_TIME, "never", 0, pool);
    tier_status_number(root, TIER_STATUS_DURATION, "span", 1500000, pool);
    list = tier_status_array(root, "list", pool);
    tier_status_string(list, NULL, "x", pool);
    tier_status_object(list, NULL, pool);
    assert_string_equal(rendered(root, pool), "{\n"
                                              "  \"string\": \"a\\\"b\",\n"
                                              "  \"yes\": true,\n"
                                              "  \"no\": false,\n"
                                              "  \"integer\": -1,\n"
                                              "  \"counter\": 9223372036854775807,\n"
                                              "  \"then\": \"2001-09-09T01:46:40.000Z\",\n"
                                              "  \"never\": null,\n"
                                              "  \"span\": 1.5,\n"
                                              "  \"list\": [\n"
                                              "    \"x\",\n"
                                              "    {}\n"
                                              "  ]\n"
                                              "}\n");
}

static void actions_are_a_target_and_words(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);

    tier_status_actions(root, "drain eject", "- b \"m\"", *state);
    assert_string_equal(rendered(root, *state),
                        "{\n  \"actions\": {\"target\": \"- b \\\"m\\\"\", \"allowed\": "
                        "[\"drain\", \"eject\"]}\n}\n");
    root->first->text = "";
    assert_string_equal(rendered(root, *state), "{\n  \"actions\": {\"target\": \"- b "
                                                "\\\"m\\\"\", \"allowed\": []}\n}\n");
}

/* A program that may act finds there what it has to send. */
static void who_may_act_has_the_token(void **state)
{
    status_report_t report;

    status_report_begin(&report, "1.0", "www", 1, *state);
    assert_lacks(rendered(report.root, *state), "token");
    status_report_allow(&report, "12ab", *state);
    assert_contains(rendered(report.root, *state), "\"token\": \"12ab\"");
}

static void a_missing_text_is_null(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);

    tier_status_string(root, "s", NULL, *state)->text = NULL;
    assert_string_equal(rendered(root, *state), "{\n  \"s\": null\n}\n");
}

static void objects_tell_their_mood(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);
    tier_status_node_t *part = tier_status_object(root, "part", *state);

    tier_status_mood(tier_status_string(part, "state", "down", *state), TIER_STATUS_BAD);
    assert_string_equal(rendered(root, *state), "{\n"
                                                "  \"mood\": \"bad\",\n"
                                                "  \"part\": {\n"
                                                "    \"mood\": \"bad\",\n"
                                                "    \"state\": \"down\"\n"
                                                "  }\n"
                                                "}\n");
}

static void no_member_comes_twice(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);

    tier_status_mood(tier_status_string(root, "mood", "own", *state), TIER_STATUS_BAD);
    assert_string_equal(rendered(root, *state), "{\n  \"mood\": \"own\"\n}\n");
}

static void names_are_escaped(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);

    tier_status_number(root, TIER_STATUS_INTEGER, "a\"\n", 1, *state);
    tier_status_number(root, TIER_STATUS_INTEGER, NULL, 2, *state);
    assert_string_equal(rendered(root, *state), "{\n  \"a\\\"\\n\": 1,\n  \"\": 2\n}\n");
}

static void the_nearest_judgement_counts(void **state)
{
    tier_status_node_t *root = tier_status_root(NULL, *state);
    tier_status_node_t *part = tier_status_object(root, "part", *state);
    tier_status_node_t *deeper = tier_status_object(part, "deeper", *state);

    assert_int_equal(status_mood_of(root), TIER_STATUS_NEUTRAL);
    tier_status_mood(tier_status_string(deeper, "a", "", *state), TIER_STATUS_BAD);
    assert_int_equal(status_mood_of(root), TIER_STATUS_BAD);
    tier_status_mood(tier_status_string(part, "b", "", *state), TIER_STATUS_GOOD);
    assert_int_equal(status_mood_of(root), TIER_STATUS_GOOD);
    tier_status_mood(tier_status_string(part, "c", "", *state), TIER_STATUS_DEGRADED);
    assert_int_equal(status_mood_of(root), TIER_STATUS_DEGRADED);
    tier_status_mood(part, TIER_STATUS_GOOD);
    assert_int_equal(status_mood_of(root), TIER_STATUS_GOOD);
}

static void a_silent_module_is_off(void **state)
{
    apr_pool_t *pool = *state;
    status_report_t report;
    tier_status_node_t *silent, *speaking;

    status_report_begin(&report, "9.9", "www", apr_time_from_sec(1), pool);
    silent = status_report_module(&report, "silent", pool);
    speaking = status_report_module(&report, "speaking", pool);
    tier_status_number(speaking, TIER_STATUS_INTEGER, "n", 1, pool);
    status_report_module_done(silent, pool);
    status_report_module_done(speaking, pool);
    assert_string_equal(rendered(report.root, pool), "{\n"
                                                     "  \"webtier\": \"9.9\",\n"
                                                     "  \"time\": \"1970-01-01T00:00:01.000Z\",\n"
                                                     "  \"server\": {\n"
                                                     "    \"name\": \"www\"\n"
                                                     "  },\n"
                                                     "  \"modules\": {\n"
                                                     "    \"silent\": {\n"
                                                     "      \"state\": \"off\"\n"
                                                     "    },\n"
                                                     "    \"speaking\": {\n"
                                                     "      \"n\": 1\n"
                                                     "    }\n"
                                                     "  }\n"
                                                     "}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(empty_parents),
        POOL_TEST(each_kind),
        POOL_TEST(a_missing_text_is_null),
        POOL_TEST(actions_are_a_target_and_words),
        POOL_TEST(who_may_act_has_the_token),
        POOL_TEST(objects_tell_their_mood),
        POOL_TEST(no_member_comes_twice),
        POOL_TEST(names_are_escaped),
        POOL_TEST(the_nearest_judgement_counts),
        POOL_TEST(a_silent_module_is_off),
    };

    return RUN_TESTS(tests);
}
