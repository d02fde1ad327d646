/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_directives.h"
#include "cache_dictionary.h"

static cache_directives_t parse(apr_pool_t *pool, const char *lines)
{
    cache_directives_t directives;

    cache_directives_parse(&directives, fields(pool, lines), pool);
    return directives;
}

static cache_directives_t parse_response(apr_pool_t *pool, const char *lines)
{
    cache_directives_t directives;

    cache_directives_parse_response(&directives, fields(pool, lines), pool);
    return directives;
}

static void nothing_is_nothing(void **state)
{
    cache_directives_t found = parse(*state, "Other: max-age=1");

    assert_int_equal(found.flags, 0);
    assert_int_equal(found.max_age, CACHE_DELTA_NONE);
    assert_int_equal(found.s_maxage, CACHE_DELTA_NONE);
    assert_int_equal(found.min_fresh, CACHE_DELTA_NONE);
    assert_int_equal(found.max_stale, CACHE_DELTA_NONE);
    assert_null(found.no_cache_fields);
}

static void all_flags_in_any_case_over_several_lines(void **state)
{
    cache_directives_t found =
        parse(*state, "Cache-Control: no-store, NO-CACHE ,Private\n"
                      "cache-control: public,must-revalidate\t, proxy-revalidate\n"
                      "Cache-Control: must-understand, no-transform, immutable, only-if-cached");

    assert_int_equal(found.flags, (1u << 10) - 1);
}

static void numbers(void **state)
{
    cache_directives_t found =
        parse(*state, "Cache-Control: max-age=1, s-maxage=\"2\", min-fresh=3, max-stale=4, "
                      "stale-while-revalidate=5, stale-if-error=6");

    assert_int_equal(found.max_age, 1);
    assert_int_equal(found.s_maxage, 2);
    assert_int_equal(found.min_fresh, 3);
    assert_int_equal(found.max_stale, 4);
    assert_int_equal(found.stale_while_revalidate, 5);
    assert_int_equal(found.stale_if_error, 6);
    assert_int_equal(parse(*state, "Cache-Control: max-stale").max_stale, CACHE_DELTA_MAX);
}

static void wrong_numbers_are_invalid_not_absent(void **state)
{
    static const char *const wrong[] = {"max-age",
                                        "max-age=",
                                        "max-age=-1",
                                        "max-age=1.0",
                                        "max-age=a1",
                                        "max-age=1a",
                                        "max-age='1'",
                                        "max-age =1",
                                        "max-age= 1",
                                        "max-age=\"1",
                                        "max-age=\"1\"x",
                                        "max-age=1;private",
                                        "max-age=1, max-age=2",
                                        "max-age=1, Max-Age=x"};

    for (size_t i = 0; i < COUNT(wrong); i++) {
        const char *line = apr_pstrcat(*state, "Cache-Control: ", wrong[i], NULL);
        if (parse(*state, line).max_age != CACHE_DELTA_INVALID)
            fail_msg("\"%s\" was not taken for invalid", wrong[i]);
    }
    assert_int_equal(parse(*state, "Cache-Control: max-age=7, max-age=7").max_age, 7);
    assert_int_equal(parse(*state, "Cache-Control: max-age=7\nCache-Control: max-age=8").max_age,
                     CACHE_DELTA_INVALID);
}

static void quoted_strings_hide_directives(void **state)
{
    cache_directives_t found =
        parse(*state, "Cache-Control: a=\"no-store, max-age=9\", max-age=1, b=\"private\"");

    assert_int_equal(found.flags, 0);
    assert_int_equal(found.max_age, 1);
}

static void a_quote_never_closed_hides_nothing(void **state)
{
    assert_int_equal(parse(*state, "Cache-Control: a=\"x, no-store").flags, CACHE_CC_NO_STORE);
    assert_int_equal(parse(*state, "Cache-Control: a=\"x\nCache-Control: no-store").flags,
                     CACHE_CC_NO_STORE);
}

static void field_names_qualify(void **state)
{
    cache_directives_t found = parse(
        *state, "Cache-Control: no-cache=\"Set-Cookie , X-A\", private=x-b, no-cache=\"x-c\"");

    assert_int_equal(found.flags, 0);
    assert_string_equal(found.no_cache_fields, "set-cookie,x-a,x-c");
    assert_string_equal(found.private_fields, "x-b");
}

static void field_names_that_cannot_be_read_restrict_all(void **state)
{
    assert_int_equal(parse(*state, "Cache-Control: no-cache=\"\"").flags, CACHE_CC_NO_CACHE);
    assert_int_equal(parse(*state, "Cache-Control: no-cache=\"a b\"").flags, CACHE_CC_NO_CACHE);
    assert_int_equal(parse(*state, "Cache-Control: private=").flags, CACHE_CC_PRIVATE);
    assert_int_equal(parse(*state, "Cache-Control: private=\"a").flags, CACHE_CC_PRIVATE);
    assert_int_equal(parse(*state, "Cache-Control: no-store=1").flags, CACHE_CC_NO_STORE);
    assert_int_equal(parse(*state, "Cache-Control: no-store =").flags, CACHE_CC_NO_STORE);
    assert_int_equal(parse(*state, "Cache-Control: =no-store").flags, 0);
}

static void targeted_directives_win(void **state)
{
    cache_directives_t found = parse_response(
        *state, "Cache-Control: no-store, max-age=1\nCDN-Cache-Control: max-age=60, x=?0;q=\"a\"");

    assert_int_equal(found.flags, CACHE_CC_TARGETED);
    assert_int_equal(found.max_age, 60);
}

static void targeted_lines_are_one_dictionary(void **state)
{
    cache_directives_t found = parse_response(
        *state, "CDN-Cache-Control: max-age=1, no-store\n"
                "CDN-Cache-Control: max-age=99999999999, private=\"x-a\", no-store=?0, public;a=1");

    assert_int_equal(found.flags, CACHE_CC_TARGETED | CACHE_CC_PUBLIC);
    assert_int_equal(found.max_age, CACHE_DELTA_MAX);
    assert_string_equal(found.private_fields, "x-a");
}

static void a_targeted_field_that_is_wrong_does_not_count(void **state)
{
    static const char *const wrong[] = {
        "",           "max-age=60, &&&", "max-age=\"60\"",  "max-age=60.0", "max-age=-1",
        "max-age",    "MAX-AGE=60",      "max-age=60,",     "max-age= 60",  "max-age =60",
        "no-store=1", "max-age=(1 2)",   "no-cache=:YQ==:", "public=\"a\""};

    for (size_t i = 0; i < COUNT(wrong); i++) {
        const char *lines =
            apr_pstrcat(*state, "Cache-Control: max-age=5\nCDN-Cache-Control: ", wrong[i], NULL);
        cache_directives_t found = parse_response(*state, lines);
        if (found.max_age != 5 || found.flags != 0)
            fail_msg("\"%s\" was believed", wrong[i]);
    }
}

static void count_member(void *baton, const cache_member_t *member)
{
    (void)member;
    ++*(int *)baton;
}

static int members(apr_pool_t *pool, const char *text)
{
    int told = 0;
    int count = cache_dictionary_parse(text, count_member, &told, pool);

    if (count >= 0)
        assert_int_equal(told, count);
    return count;
}

static void dictionaries(void **state)
{
    static const char *const right[] = {"a",
                                        "*a-_.*9=1",
                                        "a=\"x\\\"\\\\\"",
                                        "a=:YWJj:",
                                        "a=?1;b;c=2",
                                        "a=tok/en:x",
                                        "a=*t",
                                        "a=-12.125",
                                        "a=(1 \"b\";x=1 ?0);y",
                                        "a=()",
                                        "  a  ",
                                        "a=( 1  2 )",
                                        "a=123456789012345",
                                        "a=123456789012.1",
                                        "a;  b"};
    static const char *const wrong[] = {"A",
                                        "a=",
                                        "a=?2",
                                        "a=?",
                                        "a=\"x",
                                        "a=\"\\x\"",
                                        "a=\"\x01\"",
                                        "a=:YQ",
                                        "a=1.",
                                        "a=1.1234",
                                        "a=-",
                                        "a=1234567890123456",
                                        "a=1234567890123.1",
                                        "a=(1",
                                        "a=(1,2)",
                                        "a=(1\"b\")",
                                        "a b",
                                        "a,",
                                        ",a",
                                        "a;",
                                        "a;B",
                                        "a;b=",
                                        "a=(1;)",
                                        "9a",
                                        "a=@1",
                                        "a=\"\\"};

    for (size_t i = 0; i < COUNT(right); i++) {
        if (members(*state, right[i]) != 1)
            fail_msg("\"%s\" was refused", right[i]);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (members(*state, wrong[i]) != -1)
            fail_msg("\"%s\" was accepted", wrong[i]);
    }
    assert_int_equal(members(*state, ""), 0);
    assert_int_equal(members(*state, "a, b=1 \t,\tc"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(nothing_is_nothing),
        POOL_TEST(all_flags_in_any_case_over_several_lines),
        POOL_TEST(numbers),
        POOL_TEST(wrong_numbers_are_invalid_not_absent),
        POOL_TEST(quoted_strings_hide_directives),
        POOL_TEST(a_quote_never_closed_hides_nothing),
        POOL_TEST(field_names_qualify),
        POOL_TEST(field_names_that_cannot_be_read_restrict_all),
        POOL_TEST(targeted_directives_win),
        POOL_TEST(targeted_lines_are_one_dictionary),
        POOL_TEST(a_targeted_field_that_is_wrong_does_not_count),
        POOL_TEST(dictionaries),
    };

    return RUN_TESTS(tests);
}
