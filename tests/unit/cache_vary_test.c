/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_vary.h"

static void assert_names(apr_pool_t *pool, const char *lines, const char *expected)
{
    const char *names = "unset";

    assert_int_equal(cache_vary_parse(&names, fields(pool, lines), pool), CACHE_VARY_FIELDS);
    assert_string_equal(names, expected);
}

static void one_set_whatever_its_spelling(void **state)
{
    assert_names(*state, "Vary: Accept", "accept");
    assert_names(*state, "Vary: Foo, Bar, Baz", "bar,baz,foo");
    assert_names(*state, "Vary: baz\nVary:  BAR ,,foo\t\nVary: bar", "bar,baz,foo");
}

static void any_in_every_spelling(void **state)
{
    static const char *const any[] = {"Vary: *",         "Vary: *, *",      "Vary: ,*,",
                                      "Vary: Accept, *", "Vary: *, Accept", "Vary: Accept\nVary: *",
                                      "Vary:  *  ",      "Vary: a b",       "Vary: a\"b\"",
                                      "Vary: a;q=1"};
    const char *names;

    for (size_t i = 0; i < COUNT(any); i++) {
        if (cache_vary_parse(&names, fields(*state, any[i]), *state) != CACHE_VARY_ANY)
            fail_msg("%s", any[i]);
    }
    assert_int_equal(cache_vary_parse(&names, fields(*state, "Vary: a"), NULL), CACHE_VARY_FIELDS);
}

static void none(void **state)
{
    const char *names;

    assert_int_equal(cache_vary_parse(&names, fields(*state, "X: y"), *state), CACHE_VARY_NONE);
    assert_int_equal(cache_vary_parse(&names, fields(*state, "Vary: "), *state), CACHE_VARY_NONE);
    assert_int_equal(cache_vary_parse(&names, fields(*state, "Vary: , ,"), *state),
                     CACHE_VARY_NONE);
}

static void too_many_names_are_any(void **state)
{
    const char *line = "Vary: a";
    const char *names;

    for (int i = 1; i < CACHE_VARY_MAX_NAMES; i++)
        line = apr_psprintf(*state, "%s, f%d", line, i);
    assert_int_equal(cache_vary_parse(&names, fields(*state, line), *state), CACHE_VARY_FIELDS);
    line = apr_pstrcat(*state, line, ", more", NULL);
    assert_int_equal(cache_vary_parse(&names, fields(*state, line), *state), CACHE_VARY_ANY);
}

static int same(apr_pool_t *pool, const char *names, const char *one, const char *other)
{
    return strcmp(cache_vary_selector(names, fields(pool, one), pool),
                  cache_vary_selector(names, fields(pool, other), pool)) == 0;
}

static void requests_that_match(void **state)
{
    assert_true(
        same(*state, "accept-encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: BR,gzip"));
    assert_true(same(*state, "accept-encoding", "Accept-Encoding: gzip\nAccept-Encoding: br",
                     "accept-encoding: br,gzip"));
    assert_true(same(*state, "accept", "Accept: a/b; q = 0.5, c/d", "Accept: c/d, a/b;q=0.5"));
    assert_true(same(*state, "accept-language", "Accept-Language: de, EN;q=0.5",
                     "Accept-Language: en;q=0.5, de"));
    assert_true(same(*state, "foo", "Foo:   1 ", "Foo: 1"));
    assert_true(same(*state, "foo", "Foo: 1\nBar: 2", "Foo: 1\nBar: 3"));
    assert_true(same(*state, "foo", "Foo: 1,2", "Foo:  1 ,\t2 "));
    assert_true(same(*state, "foo", "Foo: 1,2", "Foo: 1\nFoo: 2"));
    assert_false(same(*state, "foo", "Foo: 1,2", "Foo: 12"));
    assert_false(same(*state, "foo", "Foo: 1 2", "Foo: 1,2"));
    assert_false(same(*state, "foo", "Foo: \"1,2\"", "Foo: \"1, 2\""));
    assert_false(same(*state, "cookie", "Cookie: a=1,2", "Cookie: a=1, 2"));
    assert_false(same(*state, "user-agent", "User-Agent: a,b", "User-Agent: a, b"));
    assert_true(same(*state, "cookie", "Cookie: a=1", "Cookie:  a=1 "));
    assert_true(same(*state, "foo", "Bar: 1", "Bar: 2"));
    assert_true(same(*state, "accept", "Accept: ", "Accept: , ,"));
}

static void requests_that_do_not(void **state)
{
    assert_false(same(*state, "foo", "Foo: 1", "Foo: 2"));
    assert_false(same(*state, "foo", "Foo: 1", "Bar: 1"));
    assert_false(same(*state, "foo", "Foo: ", "Bar: 1"));
    assert_false(same(*state, "foo", "Foo: a", "Foo: A"));
    assert_false(same(*state, "foo", "Foo: a, b", "Foo: b, a"));
    assert_false(same(*state, "bar,foo", "Foo: 1\nBar: 2", "Foo: 2\nBar: 1"));
    assert_false(same(*state, "bar,foo", "Bar: 1\n", "Foo: 1"));
    assert_false(
        same(*state, "accept-language", "Accept-Language: de, en", "Accept-Language: en, de"));
    assert_false(same(*state, "accept-language", "Accept-Language: de;q=0.1, en;q=0.9",
                      "Accept-Language: de;q=0.9, en;q=0.1"));
}

/* What counts of Accept-Encoding: the codings that are taken, of those worth a variant. */
static void codings_that_match(void **state)
{
    static const char *const same_as[][2] = {
        {"gzip, deflate, br, zstd", "zstd;q=0.1,br,x-gzip"},
        {"gzip", "GZIP;q=1.0, deflate"},
        {"gzip", "gzip, br;q=0"},
        {"gzip", "gzip, br;q=0.000, *;q=0"},
        {"*", "br, gzip, zstd"},
        {"*, br;q=0", "gzip, zstd"},
        {"identity", ""},
        {"deflate", "identity;q=1"},
        {"*;q=0, gzip", "gzip"},
    };
    static const char *const other_than[][2] = {
        {"gzip", "br"},
        {"gzip", "gzip, br"},
        {"gzip;q=0", "gzip"},
        {"gzip, identity;q=0", "gzip"},
        {"gzip, identity;q=0", "br, identity;q=0"},
    };

    for (size_t i = 0; i < COUNT(same_as); i++) {
        if (!same(*state, "accept-encoding",
                  apr_pstrcat(*state, "Accept-Encoding: ", same_as[i][0], NULL),
                  apr_pstrcat(*state, "Accept-Encoding: ", same_as[i][1], NULL)))
            fail_msg("%s and %s", same_as[i][0], same_as[i][1]);
    }
    for (size_t i = 0; i < COUNT(other_than); i++) {
        if (same(*state, "accept-encoding",
                 apr_pstrcat(*state, "Accept-Encoding: ", other_than[i][0], NULL),
                 apr_pstrcat(*state, "Accept-Encoding: ", other_than[i][1], NULL)))
            fail_msg("%s and %s", other_than[i][0], other_than[i][1]);
    }
    assert_false(same(*state, "accept-encoding", "Accept-Encoding: ", "X: y"));
}

static void codings_of_responses(void **state)
{
    assert_true(cache_vary_is_plain(fields(*state, "X: y")));
    assert_true(cache_vary_is_plain(fields(*state, "Content-Encoding:  BR ")));
    assert_true(cache_vary_is_plain(fields(*state, "Content-Encoding: identity")));
    assert_false(cache_vary_is_plain(fields(*state, "Content-Encoding: deflate")));
    assert_false(cache_vary_is_plain(fields(*state, "Content-Encoding: gzip, br")));
    assert_false(cache_vary_is_plain(fields(*state, "Content-Encoding: ")));
}

static void values_cannot_imitate_other_fields(void **state)
{
    apr_table_t *one = apr_table_make(*state, 2);
    apr_table_t *other = apr_table_make(*state, 2);

    apr_table_setn(one, "A", "x\n1:y");
    apr_table_setn(other, "A", "x");
    apr_table_setn(other, "B", "y");
    assert_string_not_equal(cache_vary_selector("a,b", one, *state),
                            cache_vary_selector("a,b", other, *state));
}

static void weights_order_languages(void **state)
{
    const char *names = "accept-language";
    const char *selector = cache_vary_selector(
        names,
        fields(*state,
               "Accept-Language: a;q=0.1, b;q=1.0, c;q=0.55, d;q=0, e, f;q=2, g;q=0.5555, h;q=1.9"),
        *state);

    assert_non_null(
        strstr(selector, ":b;q=1.0,e,f;q=2,h;q=1.9,g;q=0.5555,c;q=0.55,a;q=0.1,d;q=0,"));
}

static void a_list_too_long_to_sort_still_selects(void **state)
{
    const char *list = "Accept: a0";

    for (int i = 1; i < 100; i++)
        list = apr_psprintf(*state, "%s, a%d", list, i);
    assert_true(same(*state, "accept", list, list));
    assert_false(same(*state, "accept", list, apr_pstrcat(*state, list, "x", NULL)));
}

static void the_list_of_sets(void **state)
{
    const char *list = cache_vary_list_add(NULL, "a", *state);

    assert_string_equal(list, "a");
    list = cache_vary_list_add(list, "", *state);
    assert_string_equal(list, "\na");
    list = cache_vary_list_add(list, "b,c", *state);
    assert_string_equal(list, "b,c\n\na");
    assert_string_equal(cache_vary_list_add(list, "a", *state), "a\nb,c\n");
    list = cache_vary_list_add(cache_vary_list_add(list, "d", *state), "e", *state);
    assert_string_equal(list, "e\nd\nb,c\n");
    assert_string_equal(cache_vary_list_next(&list, *state), "e");
    assert_string_equal(cache_vary_list_next(&list, *state), "d");
    assert_string_equal(cache_vary_list_next(&list, *state), "b,c");
    assert_string_equal(cache_vary_list_next(&list, *state), "");
    assert_null(cache_vary_list_next(&list, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(one_set_whatever_its_spelling),
        POOL_TEST(any_in_every_spelling),
        POOL_TEST(none),
        POOL_TEST(too_many_names_are_any),
        POOL_TEST(requests_that_match),
        POOL_TEST(requests_that_do_not),
        POOL_TEST(codings_that_match),
        POOL_TEST(codings_of_responses),
        POOL_TEST(values_cannot_imitate_other_fields),
        POOL_TEST(weights_order_languages),
        POOL_TEST(a_list_too_long_to_sort_still_selects),
        POOL_TEST(the_list_of_sets),
    };

    return RUN_TESTS(tests);
}
