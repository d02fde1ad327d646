/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_rewriting.h"

/* Makes every reference "[reference]", so that a test shows what was found and as what. */
static int bracket(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                   assets_change_t *change, apr_pool_t *pool)
{
    (void)baton;
    (void)kind;
    change->from = 0;
    change->to = size;
    change->text = apr_pstrcat(pool, "[", apr_pstrmemdup(pool, text, size), "]", NULL);
    change->size = size + 2;
    change->is_elsewhere = 0;
    return 1;
}

static const assets_judge_t judge = {bracket};

static void check(apr_pool_t *pool, const char *css, const char *expected)
{
    for (apr_size_t chunk = strlen(css) + 1; chunk > 0; chunk--) {
        rewriting_t got = rewrite(REWRITE_CSS, &judge, css, strlen(css), chunk, pool);

        rewriting_write(&got, "", 1);
        assert_string_equal(got.out, expected);
        free(got.out);
    }
}

static void check_all(apr_pool_t *pool, const char *const cases[][2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(pool, cases[i][0], cases[i][1]);
}

static void references_are_found(void **state)
{
    static const char *const cases[][2] = {
        {"a{b:url(x.png)}", "a{b:url([x.png])}"},
        {"url(  x.png\n )", "url(  [x.png]\n )"},
        {"URL(\"x y\")", "URL(\"[x y]\")"},
        {"url( 'x' )", "url( '[x]' )"},
        {"@import \"a.css\" screen;", "@import \"[a.css]\" screen;"},
        {"@import/**/'a.css';", "@import/**/'[a.css]';"},
        {"@IMPORT url(a.css) layer(x);", "@IMPORT url([a.css]) layer(x);"},
        {"image-set('a' 1x, \"b\" 2x)", "image-set('[a]' 1x, \"[b]\" 2x)"},
        {"-webkit-image-set(url(a) 1x)", "-webkit-image-set(url([a]) 1x)"},
        {"image-set('a' type('image/png')) 'c'", "image-set('[a]' type('image/png')) 'c'"},
        {"src:url(a)format('woff'),url(b)", "src:url([a])format('woff'),url([b])"},
        {"calc((1px + 2px)*3) url(a)", "calc((1px + 2px)*3) url([a])"},
        /* the end of the style sheet closes what is open */
        {"url(x", "url([x]"},
        {"url(x  ", "url([x]  "},
        {"url('x", "url('[x]"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void what_is_no_reference_is_left_alone(void **state)
{
    static const char *const cases[] = {
        "/* url(x) */",
        "/**/ /***/ /* * / url(x) */",
        "content:\"url(x)\"",
        "content:'a\\'url(x)'",
        "content:\"a\\\r\nurl(x)\"",
        "my-url(x)",
        "1url(x)",
        "#url(x)",
        "u\\72l(x)",
        "url (x)",
        "url(a b)",
        "url(a\"b)",
        "url(a(b)",
        "url(a\\\nb)",
        "url('a\n')",
        "@importurl 'x'",
        "@charset \"x\"; 'y'",
        "@import; 'x'",
        "image-set(x) 'y'",
        "a/b 'x'",
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check(*state, cases[i], cases[i]);
    check(*state, "url(a b\\) url(c)) url(d)", "url(a b\\) url(c)) url([d])");
}

static void escapes_are_decoded_and_written(void **state)
{
    static const char *const cases[][2] = {
        {"url(a\\29 b)", "url([a\\29 b])"},
        {"url(\\2f x\\))", "url([/x\\29 ])"},
        {"url('\\'')", "url('[\\27 ]')"},
        {"url('a\\\nb')", "url('[ab]')"},
        {"url('<\\3c')", "url('[\\3c \\3c ]')"},
        {"url('\\0')", "url('[?]')"},
        {"url('\\00000041x')", "url('[\xef\xbf\xbd"
                               "41x]')"},
        {"url('\\e9')", "url('[\xc3\xa9]')"},
        {"url('\\20AC')", "url('[\xe2\x82\xac]')"},
        {"url('\\1F600')", "url('[\xf0\x9f\x98\x80]')"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void a_token_without_end_passes(void **state)
{
    apr_size_t size = ASSETS_HELD_MAX + 100;
    char *css = apr_palloc(*state, size + 16);

    memset(css, 'x', size);
    memcpy(css, "url(", 4);
    strcpy(css + size, ") url(y)");
    for (apr_size_t chunk = 1000; chunk < 2 * size; chunk *= 3) {
        rewriting_t got = rewrite(REWRITE_CSS, &judge, css, size + 8, chunk, *state);

        assert_int_equal(got.size, size + 10);
        assert_int_equal(got.edits, 1);
        assert_memory_equal(got.out, css, size);
        assert_memory_equal(got.out + size, ") url([y])", 10);
        free(got.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(references_are_found),
        POOL_TEST(what_is_no_reference_is_left_alone),
        POOL_TEST(escapes_are_decoded_and_written),
        POOL_TEST(a_token_without_end_passes),
    };

    return RUN_TESTS(tests);
}
