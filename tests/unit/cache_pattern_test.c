/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_pattern.h"

static void stars_take_any_number_of_characters(void **state)
{
    static const struct {
        const char *pattern, *name;
        int matches;
    } cases[] = {
        {"a", "a", 1},
        {"a", "A", 0},
        {"a", "ab", 0},
        {"a", "", 0},
        {"", "", 1},
        {"", "a", 0},
        {"*", "", 1},
        {"*", "abc", 1},
        {"utm_*", "utm_", 1},
        {"utm_*", "utm_x", 1},
        {"utm_*", "xutm_x", 0},
        {"*_id", "gl_id", 1},
        {"*_id", "gl_idx", 0},
        {"a*b*c", "abc", 1},
        {"a*b*c", "aXbXbXc", 1},
        {"a*b*c", "acb", 0},
        {"**a", "bba", 1},
        {"a**", "a", 1},
        {"*ab", "aab", 1},
        {"?", "x", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_span_t name = cache_text_span(cases[i].name);
        if (cache_pattern_matches(cases[i].pattern, name) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].name);
    }
}

/* A pattern made to be slow: exponential work would not end. */
static void many_stars_end(void **state)
{
    char name[4096];
    cache_span_t span = {name, sizeof(name)};

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(cache_pattern_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", span), 0);
}

static void one_of_a_list(void **state)
{
    apr_array_header_t *patterns = apr_array_make(*state, 2, sizeof(const char *));

    APR_ARRAY_PUSH(patterns, const char *) = "a*";
    APR_ARRAY_PUSH(patterns, const char *) = "b";
    assert_int_equal(cache_pattern_any(patterns, cache_text_span("b")), 1);
    assert_int_equal(cache_pattern_any(patterns, cache_text_span("c")), 0);
    assert_int_equal(cache_pattern_any(NULL, cache_text_span("c")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(stars_take_any_number_of_characters),
        POOL_TEST(many_stars_end),
        POOL_TEST(one_of_a_list),
    };
    return RUN_TESTS(tests);
}
