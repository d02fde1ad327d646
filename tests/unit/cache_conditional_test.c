/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_conditional.h"

#define EARLIER "Sun, 06 Nov 1994 07:49:37 GMT"
#define AT_NOW  "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER   "Sun, 06 Nov 1994 09:49:37 GMT"

static void weak_and_strong_comparison(void **state)
{
    (void)state;
    assert_true(cache_conditional_weak_match("\"1\"", "W/\"1\""));
    assert_true(cache_conditional_weak_match("W/\"1\"", " W/\"1\" "));
    assert_false(cache_conditional_weak_match("\"1\"", "\"2\""));
    assert_false(cache_conditional_weak_match("\"1\"", "w/\"1\""));
    assert_true(cache_conditional_strong_match("\"1\"", "\"1\""));
    assert_false(cache_conditional_strong_match("W/\"1\"", "\"1\""));
    assert_false(cache_conditional_strong_match("\"1\"", "W/\"1\""));
    assert_false(cache_conditional_strong_match("W/\"1\"", "W/\"1\""));
}

static void the_clients_own_condition(void **state)
{
    static const struct {
        const char *request;
        const char *stored;
        int not_modified;
    } cases[] = {
        {"X: y", "ETag: \"1\"", 0},
        {"If-None-Match: \"1\"", "ETag: \"1\"", 1},
        {"If-None-Match: \"2\"", "ETag: \"1\"", 0},
        {"If-None-Match: W/\"1\"", "ETag: \"1\"", 1},
        {"If-None-Match: \"1\"", "ETag: W/\"1\"", 1},
        {"If-None-Match: \"0\", \"1\"", "ETag: \"1\"", 1},
        {"If-None-Match: \"0\",,W/\"1\",", "ETag: \"1\"", 1},
        {"If-None-Match: \"0\"\nIf-None-Match: \"1\"", "ETag: \"1\"", 1},
        {"If-None-Match: \"a,\\\", \"1\"", "ETag: \"1\"",
         1}, /* a backslash escapes nothing in a tag */
        {"If-None-Match: \"a, b\"", "ETag: \"a, b\"", 1},
        {"If-None-Match: *", "ETag: \"1\"", 1},
        {"If-None-Match: *", "X: y", 1},
        {"If-None-Match: \"*\"", "ETag: \"1\"", 0},
        {"If-None-Match: abc", "ETag: abc",
         1}, /* not a tag of the grammar, and sent all the same */
        {"If-None-Match: \"never closed", "ETag: \"1\"", 0},
        {"If-None-Match: \"1\"", "X: y", 0},
        {"If-None-Match: ", "ETag: \"1\"", 0},
        {"If-Modified-Since: " AT_NOW, "Last-Modified: " AT_NOW, 1},
        {"If-Modified-Since: " LATER, "Last-Modified: " AT_NOW, 1},
        {"If-Modified-Since: " EARLIER, "Last-Modified: " AT_NOW, 0},
        {"If-Modified-Since: yesterday", "Last-Modified: " EARLIER, 0},
        {"If-Modified-Since: " AT_NOW, "Last-Modified: wrong\nDate: " EARLIER, 1},
        {"If-Modified-Since: " EARLIER, "Date: " AT_NOW, 0},
        {"If-Modified-Since: " AT_NOW, "X: y", 1}, /* as of its arrival */
        {"If-Modified-Since: " EARLIER, "X: y", 0},
        {"If-None-Match: \"2\"\nIf-Modified-Since: " LATER, "ETag: \"1\"\nLast-Modified: " AT_NOW,
         0},
        {"If-None-Match: \"1\"\nIf-Modified-Since: " EARLIER, "ETag: \"1\"\nLast-Modified: " AT_NOW,
         1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cache_conditional_not_modified(fields(*state, cases[i].request),
                                           fields(*state, cases[i].stored), NOW,
                                           NOW) != cases[i].not_modified)
            fail_msg("%s / %s", cases[i].request, cases[i].stored);
    }
}

static void conditions_for_the_origin(void **state)
{
    assert_true(cache_conditional_is_for_origin(fields(*state, "If-Match: *")));
    assert_true(cache_conditional_is_for_origin(fields(*state, "If-Unmodified-Since: " AT_NOW)));
    assert_false(
        cache_conditional_is_for_origin(fields(*state, "If-None-Match: *\nIf-Range: \"1\"")));
}

static void a_304_is_about_the_stored_response(void **state)
{
    static const struct {
        const char *fresh;
        const char *stored;
        int selects;
    } cases[] = {
        {"ETag: \"1\"", "ETag: \"1\"", 1},
        {"ETag: \"1\"", "ETag: W/\"1\"", 1},
        {"ETag: \"2\"", "ETag: \"1\"", 0},
        {"ETag: \"2\"", "X: y", 0},
        {"X: y", "ETag: \"1\"", 1},
        {"Last-Modified: a", "Last-Modified: a", 1},
        {"Last-Modified: b", "Last-Modified: a", 0},
        {"Last-Modified: b", "ETag: \"1\"", 1},
        {"X: y", "X: y", 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(cache_conditional_selects(fields(*state, cases[i].fresh),
                                                   fields(*state, cases[i].stored)),
                         cases[i].selects);
}

static void what_a_head_describes(void **state)
{
    static const struct {
        const char *head;
        int describes;
    } cases[] = {
        {"X: y", 1},
        {"ETag: \"a\"\nContent-Length: 10", 1},
        {"ETag: W/\"a\"", 1},
        {"ETag: \"b\"", 0},
        {"Last-Modified: then", 1},
        {"Last-Modified: now", 0},
        {"ETag: \"a\"\nLast-Modified: now", 0},
        {"Content-Length: 11", 0},
        {"Content-Length: x", 0},
    };
    const apr_table_t *stored = fields(*state, "ETag: \"a\"\nLast-Modified: then");
    const apr_table_t *bare = fields(*state, "X: y");

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(cache_conditional_describes(fields(*state, cases[i].head), stored, 10),
                         cases[i].describes);
    assert_false(cache_conditional_describes(fields(*state, "ETag: \"a\""), bare, 10));
    assert_false(cache_conditional_describes(fields(*state, "Last-Modified: then"), bare, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(weak_and_strong_comparison), POOL_TEST(the_clients_own_condition),
        POOL_TEST(conditions_for_the_origin),  POOL_TEST(a_304_is_about_the_stored_response),
        POOL_TEST(what_a_head_describes),
    };

    return RUN_TESTS(tests);
}
