/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_tags.h"

static cache_tag_t tag(const char *site, const char *name)
{
    return cache_tags_named(site, cache_text_span(name));
}

static void tags_of_other_kinds_and_sites_differ(void **state)
{
    (void)state;
    assert_true(tag("a:80", "x") == tag("a:80", "x"));
    assert_true(tag("a:80", "x") != tag("b:80", "x"));
    assert_true(tag("a:80", "x") != tag("a:80", "X"));
    assert_true(tag("a:80", "x") != cache_tags_host("a:80", "x"));
    assert_true(tag("a:80", "") != cache_tags_site("a:80"));
    assert_true(cache_tags_url("a:80") != cache_tags_site("a:80"));
    assert_true(cache_tags_host("a:80", "Shop.Test") == cache_tags_host("a:80", "shop.test"));
}

static apr_array_header_t *read_lines(const char *lines, apr_pool_t *pool)
{
    apr_array_header_t *tags = apr_array_make(pool, 4, sizeof(cache_tag_t));

    cache_tags_add(tags, "s", fields(pool, lines), "Cache-Tag");
    return tags;
}

static void tags_are_read_from_all_lines(void **state)
{
    static const char *const spellings[] = {
        "Cache-Tag: a b",
        "Cache-Tag: a,b",
        "Cache-Tag:  ,a ,\t, b,",
        "Cache-Tag: a\nX: c\ncache-tag: b",
    };

    for (size_t i = 0; i < COUNT(spellings); i++) {
        apr_array_header_t *tags = read_lines(spellings[i], *state);
        assert_int_equal(tags->nelts, 2);
        assert_true(APR_ARRAY_IDX(tags, 0, cache_tag_t) == tag("s", "a"));
        assert_true(APR_ARRAY_IDX(tags, 1, cache_tag_t) == tag("s", "b"));
    }
    assert_int_equal(read_lines("Cache-Tag: , ", *state)->nelts, 0);
    assert_int_equal(read_lines("X: a", *state)->nelts, 0);
}

static void too_many_are_told_from_as_many_as_can_be(void **state)
{
    char *line = apr_pstrdup(*state, "Cache-Tag: x");

    for (int i = 1; i < CACHE_TAGS_MOST; i++)
        line = apr_psprintf(*state, "%s %d", line, i);
    assert_int_equal(read_lines(line, *state)->nelts, CACHE_TAGS_MOST);
    line = apr_pstrcat(*state, line, " y z a b c", NULL);
    assert_int_equal(read_lines(line, *state)->nelts, CACHE_TAGS_MOST + 1);
}

static void texts_hold_tags_and_epochs(void **state)
{
    char *text = cache_tags_text(read_lines("Cache-Tag: a b", *state), *state);
    apr_uint64_t epoch;

    assert_int_equal(cache_tags_count(text), 2);
    assert_true(cache_tags_get(text, 1, &epoch) == tag("s", "b"));
    assert_true(epoch == 0);
    cache_tags_set_epoch(text, 0, APR_UINT64_C(0xfedcba9876543210));
    assert_true(cache_tags_get(text, 0, &epoch) == tag("s", "a"));
    assert_true(epoch == APR_UINT64_C(0xfedcba9876543210));
    assert_true(cache_tags_get(text, 1, &epoch) == tag("s", "b") && epoch == 0);
}

static void what_is_no_such_text_has_no_tags(void **state)
{
    char *many = apr_palloc(*state, (CACHE_TAGS_MOST + 1) * CACHE_TAGS_DIGITS + 1);

    memset(many, '0', (CACHE_TAGS_MOST + 1) * CACHE_TAGS_DIGITS);
    many[(CACHE_TAGS_MOST + 1) * CACHE_TAGS_DIGITS] = '\0';
    assert_int_equal(cache_tags_count(many), 0);
    many[CACHE_TAGS_MOST * CACHE_TAGS_DIGITS] = '\0';
    assert_int_equal(cache_tags_count(many), CACHE_TAGS_MOST);
    many[CACHE_TAGS_MOST * CACHE_TAGS_DIGITS - 1] = '\0';
    assert_int_equal(cache_tags_count(many), 0);
    many[32] = '\0';
    many[3] = 'A';
    assert_int_equal(cache_tags_count(many), 0);
    assert_int_equal(cache_tags_count(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(tags_of_other_kinds_and_sites_differ),
        POOL_TEST(tags_are_read_from_all_lines),
        POOL_TEST(too_many_are_told_from_as_many_as_can_be),
        POOL_TEST(texts_hold_tags_and_epochs),
        POOL_TEST(what_is_no_such_text_has_no_tags),
    };
    return RUN_TESTS(tests);
}
