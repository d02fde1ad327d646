/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_charset.h"
#include "assets_rewriting.h"
#include "assets_srcset.h"

/* Makes every reference "[reference]"; one that begins with '/' leads elsewhere then. */
static int bracket(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                   assets_change_t *change, apr_pool_t *pool)
{
    (void)baton;
    if (kind == ASSETS_REFERENCE_BASE)
        return 1; /* must not be believed */
    change->from = 0;
    change->to = size;
    change->text = apr_pstrcat(pool, "[", apr_pstrmemdup(pool, text, size), "]", NULL);
    change->size = size + 2;
    change->is_elsewhere = size > 0 && *text == '/';
    return 1;
}

static const assets_judge_t judge = {bracket};

static void check_cut(apr_pool_t *pool, rewrite_e kind, const char *html, const char *expected,
                      apr_size_t chunk)
{
    rewriting_t got = rewrite(kind, &judge, html, strlen(html), chunk, pool);

    rewriting_write(&got, "", 1);
    assert_string_equal(got.out, expected);
    free(got.out);
}

static void check(apr_pool_t *pool, rewrite_e kind, const char *html, const char *expected)
{
    for (apr_size_t chunk = strlen(html) + 1; chunk > 0; chunk--)
        check_cut(pool, kind, html, expected, chunk);
}

static void check_all(apr_pool_t *pool, const char *const cases[][2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(pool, REWRITE_HTML, cases[i][0], cases[i][1]);
}

static void check_same(apr_pool_t *pool, const char *const cases[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(pool, REWRITE_HTML, cases[i], cases[i]);
}

static void all_ways_to_write_an_attribute(void **state)
{
    static const char *const cases[][2] = {
        {"<img src=\"a\">", "<img src=\"[a]\">"},
        {"<img src='a'>", "<img src='[a]'>"},
        {"<img src=a>", "<img src=[a]>"},
        {"<img src=a/>", "<img src=[a/]>"},
        {"<img src = \n 'a' alt=\"b\">", "<img src = \n '[a]' alt=\"b\">"},
        {"<IMG SRC=a\talt>", "<IMG SRC=[a]\talt>"},
        {"<img alt='>'src='a'>", "<img alt='>'src='[a]'>"},
        {"<img/src=a>", "<img/src=[a]>"},
        {"<img x/src=a>", "<img x/src=[a]>"},
        {"<img =src src=a>", "<img =src src=[a]>"},
        {"<img src=a src=b>", "<img src=[a] src=b>"},
        {"<img src src=b>", "<img src src=b>"},
        {"<img src=\"a&amp;b\">", "<img src=\"[a&#38;b]\">"},
        {"<img src='&#47;&#x2f;&sol;'>", "<img src='[///]'>"},
        {"<img src=a\"b>", "<img src=[a&#34;b]>"},
        {"<img src=\"a&ampb&amp=&amp \">", "<img src=\"[a&#38;ampb&#38;amp=&#38; ]\">"},
        {"<img src=\"&#0;&#xD800;&#x110000;&nosuch;&#;\">",
         "<img src=\"[\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&#38;nosuch;&#38;#;]\">"},
        {"<img src=a<b", "<img src=a<b"},
        {"<img src=\"a", "<img src=\"a"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void all_attributes_that_hold_references(void **state)
{
    static const char *const cases[][2] = {
        {"<a href=a>", "<a href=[a]>"},
        {"<a data=a content=b ping=c action=d data-src=e>",
         "<a data=a content=b ping=c action=d data-src=e>"},
        {"<object data=a>", "<object data=[a]>"},
        {"<video poster=a>", "<video poster=[a]>"},
        {"<body background=a>", "<body background=[a]>"},
        {"<button formaction=a>", "<button formaction=[a]>"},
        {"<svg><use xlink:href=a></svg>", "<svg><use xlink:href=[a]></svg>"},
        {"<svg><image href='a'/></svg>", "<svg><image href='[a]'/></svg>"},
        {"<html amp><amp-img src=a srcset='b 2x'></amp-img><style amp-custom>p{b:url(c)}</style>",
         "<html amp><amp-img src=[a] srcset='[b] 2x'></amp-img><style amp-custom>p{b:url([c])}"
         "</style>"},
        {"<img srcset='a, b 2x,c 3x'>", "<img srcset='[a], [b] 2x,[c] 3x'>"},
        {"<link imagesrcset='a 1x' href=b>", "<link imagesrcset='[a] 1x' href=[b]>"},
        {"<p style='color:red;background:url(a)'>", "<p style='color:red;background:url([a])'>"},
        {"<p style=\"b:url(&quot;a&quot;) url(c)\">",
         "<p style=\"b:url(&quot;[a]&quot;) url([c])\">"},
        {"<p style=\"b:url('a&amp;\\'')\">", "<p style=\"b:url('[a&#38;\\27 ]')\">"},
        {"<meta http-equiv=refresh content='5; url=a'>",
         "<meta http-equiv=refresh content='5; url=[a]'>"},
        {"<meta content='0;URL = \"a\"' http-equiv=Refresh>",
         "<meta content='0;URL = \"[a]\"' http-equiv=Refresh>"},
        {"<meta http-equiv=refresh content=5>", "<meta http-equiv=refresh content=5>"},
        {"<meta name=x content='0;url=a'>", "<meta name=x content='0;url=a'>"},
        {"<base href=a><a href=b><base href=c>", "<base href=a><a href=[b]><base href=c>"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void what_is_no_tag_is_left_alone(void **state)
{
    static const char *const cases[] = {
        "a < b <3 <= <\"",
        "<!doctype html PUBLIC \"<img src=a>",
        "<!-- <img src=a> -->",
        "<!--> <!---> <!-- --!> <!----!>",
        "<!--!> <img src=a> -->",
        "<!---!> <img src=a> -->",
        "<!-- -- > <img src=a> --!->  <img src=a> -->",
        "<? <img src=a",
        "<![if <img src=a",
        "<![CDATA[ <img src=a",
        "</img src=a>",
        "</ img src=a>",
        "</>",
        "<script>'<img src=a>'</script >",
        "<script><!-- <img src=a> <script> <img src=b> </script> <img src=c> </script>",
        "<script><!-- <script> --> <img src=a> </script>",
        "<script><!--<script></script><img src=a>--></script>",
        "<script></scriptx><img src=a></script>",
        "<textarea><img src=a></textarea>",
        "<title><img src=a></title\n>",
        "<style><img src=a></style>",
        "<style>/* url(a) </style>",
        "<xmp><img src=a></xmp>",
        "<iframe><img src=a></iframe>",
        "<noembed><img src=a></noembed>",
        "<noframes><img src=a></noframes>",
        "<plaintext><img src=a></plaintext><img src=a>",
        "<svg><![CDATA[ <img src=a> ]] ]>]]></svg>",
        "<svg></p><script><img src=a></script>",
        "<svg></br><script><img src=a></script>",
    };

    check_same(*state, cases, COUNT(cases));
}

static void behind_it_pages_go_on(void **state)
{
    static const char *const before[] = {
        "<!-->",
        "<!--->",
        "<!-- a -->",
        "<!----!>",
        "<!-- <!-- -->",
        "<!doctype html>",
        "<?xml version='1.0'?>",
        "<![if !IE]>",
        "</>",
        "</p x='>'>",
        "<script>'<!--'</script>",
        "<script><!-- <script> </script> </script>",
        "<script><!-- <script> --> </script>",
        "<script><!--></script>",
        "<SCRIPT></Script\t>",
        "<script></script/>",
        "<script/></script>",
        "<textarea></textarea x=y>",
        "<style></styl></style>",
        "<style>b{b:url(</style>",
        "<noscript>",
        "<svg><style><!-- --></style></svg>",
        "<svg><script/></svg>",
        "<svg><title></title></svg>",
        "<svg/><script></script>",
        "<svg><![CDATA[x]]></svg>",
        "<svg><foreignObject><style></style></foreignObject></svg>",
        "<svg><p></svg><script>'<svg>'</script>",
        "<math><mi><style>*</style></mi></math>",
        "<svg></p><style>a</style>",
        "<svg></path><script/>",
        "<svg></a></bb><script/>",
    };

    for (size_t i = 0; i < COUNT(before); i++)
        check(*state, REWRITE_HTML, apr_pstrcat(*state, before[i], "<img src=a>", NULL),
              apr_pstrcat(*state, before[i], "<img src=[a]>", NULL));
}

static void styles_are_css(void **state)
{
    static const char *const cases[][2] = {
        {"<style>a{b:url(c)}</style>", "<style>a{b:url([c])}</style>"},
        {"<style>@import 'a';b{c:url(\"d<e\")}</style>url(f)",
         "<style>@import '[a]';b{c:url(\"[d\\3c e]\")}</style>url(f)"},
        {"<style>b{c:url(d</style ><img src=e>", "<style>b{c:url(d</style ><img src=[e]>"},
        {"<style>a{}</style><style>@import 'b'</style>",
         "<style>a{}</style><style>@import '[b]'</style>"},
        {"<style>url(a", "<style>url([a]"},
    };

    check_all(*state, cases, COUNT(cases));
}

/* In SVG a style sheet is text as any other: HTML standard 13.2.6.5. */
static void styles_of_svg_are_css_too(void **state)
{
    static const char *const cases[][2] = {
        {"<svg><style>a{b:url(c)}</style><image href=d>",
         "<svg><style>a{b:url([c])}</style><image href=[d]>"},
        {"<svg><STYLE x=y>@import 'a';</STYLE ><style>@import 'b'</style>",
         "<svg><STYLE x=y>@import '[a]';</STYLE ><style>@import '[b]'</style>"},
        {"<svg><style>url(&quot;a&quot;) url(b&amp;&#x63;) url('d>e')</style>",
         "<svg><style>url(&quot;[a]&quot;) url([b&#38;c]) url('[d&#62;e]')</style>"},
        {"<svg><style>a{b:url(c)<![CDATA[d:url('e&f'); g > h{i:url('j>k')}]]>url(l)</style>",
         "<svg><style>a{b:url([c])<![CDATA[d:url('[e&f]'); g > h{i:url('j>k')}]]>url([l])</style>"},
        {"<svg><style><!-- url(a) -->url(b<!---->c) url(d) /*<!-- -->url(e)*/</style>",
         "<svg><style><!-- url(a) -->url(b<!---->c) url([d]) /*<!-- -->url(e)*/</style>"},
        {"<svg><style>a < b <3 url(c)</> url(d)</ x> url(e)<!x>url(f)</style>",
         "<svg><style>a < b <3 url([c])</> url([d])</ x> url([e])<!x>url([f])</style>"},
        {"<svg><style>url(a</style>", "<svg><style>url([a]</style>"},
        {"<svg><style></style><style/><![CDATA[url(a)]]><use href=b>",
         "<svg><style></style><style/><![CDATA[url(a)]]><use href=[b]>"},
        {"<svg><style>url(a)<use href=b>url(c)</style><use href=d>",
         "<svg><style>url(a)<use href=[b]>url(c)</style><use href=[d]>"},
        {"<svg><style>url(a)</g>url(b)</style><use href=c>",
         "<svg><style>url(a)</g>url(b)</style><use href=[c]>"},
        {"<svg><style>url(a)<p>url(b)<style>url(c)</style>",
         "<svg><style>url(a)<p>url(b)<style>url([c])</style>"},
        {"<math><style>url(a)</style><mi><style>url(b)</style>",
         "<math><style>url(a)</style><mi><style>url([b])</style>"},
        {"<svg><style/>url(a)</style>", "<svg><style/>url(a)</style>"},
        {"<svg><style>url('a<3')</style>", "<svg><style>url('[a\\3c 3]')</style>"},
        {"<svg><style>url(a)</styl", "<svg><style>url(a)</styl"},
        {"<svg><style>url(a)", "<svg><style>url(a)"},
    };

    check_all(*state, cases, COUNT(cases));
}

/* Up to the end of its end tag it is held, and not a byte longer. */
static void long_styles_of_svg_pass(void **state)
{
    static const apr_size_t chunks[] = {1000, 4096, 65535, 65536, 65548, 65549, 200000};

    for (int over = 0; over < 2; over++) {
        int spaces = (int)(ASSETS_HELD_MAX - strlen("url(a)</style")) + over;
        const char *page =
            apr_psprintf(*state, "<svg><style>url(a)%*s</style><use href=b>", spaces, "");
        const char *expected = apr_psprintf(*state, "<svg><style>%s%*s</style><use href=[b]>",
                                            over ? "url(a)" : "url([a])", spaces, "");

        for (size_t i = 0; i < COUNT(chunks); i++)
            check_cut(*state, REWRITE_HTML, page, expected, chunks[i]);
    }
}

static const char *divided(const char *text, int count, apr_pool_t *pool)
{
    const char *sheet = "<svg><style>";

    for (int i = 0; i < count; i++)
        sheet = apr_pstrcat(pool, sheet, text, "<!-- -->", NULL);
    return apr_pstrcat(pool, sheet, "</style>", NULL);
}

static void styles_of_svg_have_so_many_comments(void **state)
{
    const char *more = divided("url(a)", 33, *state);

    check(*state, REWRITE_HTML, divided("url(a)", 32, *state), divided("url([a])", 32, *state));
    check(*state, REWRITE_HTML, more, more);
}

/* Attributes are not terminated: what stands behind them is none of theirs. */
static void candidates_end_with_their_attribute(void **state)
{
    static const char *const values[] = {"a 1x,", "a,", "a b(,"};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        apr_size_t size = strlen(values[i]) - 1;
        apr_size_t cursor = 0;
        assets_span_t url;

        assert_true(assets_srcset_next(values[i], size, &cursor, &url));
        assert_int_equal(url.to, 1);
        assert_int_equal(cursor, size);
        assert_false(assets_srcset_next(values[i], size, &cursor, &url));
    }
}

static void integrity_elsewhere_needs_cors(void **state)
{
    static const char *const cases[][2] = {
        {"<script src=/a integrity=x></script>",
         "<script crossorigin=\"anonymous\" src=[/a] integrity=x></script>"},
        {"<b><link a=b integrity=x href=/a>",
         "<b><link crossorigin=\"anonymous\" a=b integrity=x href=[/a]>"},
        {"<script src=a integrity=x></script>", "<script src=[a] integrity=x></script>"},
        {"<script src=/a></script>", "<script src=[/a]></script>"},
        {"<link href=/a integrity=x crossorigin=use-credentials>",
         "<link href=[/a] integrity=x crossorigin=use-credentials>"},
        {"<img src=a><link href=/a integrity>",
         "<img src=[a]><link crossorigin=\"anonymous\" href=[/a] integrity>"},
    };

    check_all(*state, cases, COUNT(cases));
}

static void xml_is_read_as_xml(void **state)
{
    static const char *const cases[][2] = {
        {"<?x <img src='a'/> ?><img src='a'/>", "<?x <img src='a'/> ?><img src='[a]'/>"},
        {"<![CDATA[<img src='a'/>]]><img src='a'/>", "<![CDATA[<img src='a'/>]]><img src='[a]'/>"},
        {"<!DOCTYPE a [<!ENTITY b '>'>]><img src='a'/>",
         "<!DOCTYPE a [<!ENTITY b '>'>]><img src='[a]'/>"},
        {"<title/><img src='a'/>", "<title/><img src='[a]'/>"},
        {"<script><img src='a'/></script>", "<script><img src='[a]'/></script>"},
        {"<_a href='b'/>", "<_a href='[b]'/>"},
        {"<style>a{b:url(c)}</style><img src='d'/>",
         "<style>a{b:url([c])}</style><img src='[d]'/>"},
        {"<style>/*<![CDATA[*/a > b{c:url(d)}/*]]>*/@import 'e';</style>",
         "<style>/*<![CDATA[*/a > b{c:url([d])}/*]]>*/@import '[e]';</style>"},
        {"<style><?x url(a)?>url(b)</style>", "<style><?x url(a)?>url([b])</style>"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check(*state, REWRITE_XML, cases[i][0], cases[i][1]);
}

static void a_tag_without_end_passes(void **state)
{
    static const char *const heads[] = {"<a href=\"", "<a ", "<a href=", "<!-- ", "<a title='x' y"};
    apr_size_t size = ASSETS_HELD_MAX + 1000;
    char *page = apr_palloc(*state, size + 32);

    for (size_t i = 0; i < COUNT(heads); i++) {
        memset(page, 'x', size);
        memcpy(page, heads[i], strlen(heads[i]));
        strcpy(page + size, "\" -->><img src=a>");
        for (apr_size_t chunk = 999; chunk < 3 * size; chunk *= 5) {
            rewriting_t got = rewrite(REWRITE_HTML, &judge, page, strlen(page), chunk, *state);

            assert_int_equal(got.edits, 1);
            assert_int_equal(got.size, strlen(page) + 2);
            assert_memory_equal(got.out, page, size);
            free(got.out);
        }
    }
}

/* Returns "<img", count times attribute, and rest. */
static const char *with_many(const char *attribute, int count, const char *rest, apr_pool_t *pool)
{
    const char *page = "<img";

    for (int i = 0; i < count; i++)
        page = apr_pstrcat(pool, page, attribute, NULL);
    return apr_pstrcat(pool, page, rest, NULL);
}

static void many_attributes_are_no_trouble(void **state)
{
    const char *lost = with_many(" srx=x", 64, " src=a>", *state);

    check(*state, REWRITE_HTML, with_many(" alt=x", 100, " src=a>", *state),
          with_many(" alt=x", 100, " src=[a]>", *state));
    check(*state, REWRITE_HTML, with_many(" srx=x", 63, " src=a>", *state),
          with_many(" srx=x", 63, " src=[a]>", *state));
    check(*state, REWRITE_HTML, lost, lost);
}

/* The scanner looks at so many bytes in one go: wherever they begin and end must make no
 * difference.
 */
static void tags_may_stand_anywhere(void **state)
{
    static const char before[] =
        "<p class=\"x y\">\n<img a='\"' src=/b/ alt><a x=\"'\" href='c' y/></p >"
        "<b id = 'i' src = d><I SRC=\"e\"src=no><svg/><hr title=\"";
    static const char behind[] =
        "\"><img src=f><title>x</title><video\tposter='g'\fdata-src=\"no\"></video\n>";
    static const apr_size_t chunks[] = {1, 7, 63, 64, 65, 129, 4096};
    char title[2 * 64 + 1];

    memset(title, '/', sizeof(title));
    for (size_t size = 0; size < sizeof(title); size++) {
        const char *page = apr_psprintf(*state, "%.*s%s%.*s%s", (int)size, title, before, (int)size,
                                        title, behind);
        const char *expected = apr_psprintf(
            *state,
            "%.*s<p class=\"x y\">\n<img a='\"' src=[/b/] alt><a x=\"'\" href='[c]' y/></p >"
            "<b id = 'i' src = [d]><I SRC=\"[e]\"src=no><svg/><hr title=\"%.*s\"><img src=[f]>"
            "<title>x</title><video\tposter='[g]'\fdata-src=\"no\"></video\n>",
            (int)size, title, (int)size, title);

        for (size_t i = 0; i < COUNT(chunks); i++)
            check_cut(*state, REWRITE_HTML, page, expected, chunks[i]);
    }
}

static void charsets_that_can_be_read(void **state)
{
    static const char *const readable[] = {"utf-8", "ISO-8859-1", "Shift_JIS", "gb18030", ""};
    static const char *const unreadable[] = {"UTF-16",      "utf-16le", "UTF-32",    "\"utf-16\"",
                                             "ISO-2022-JP", "utf-7",    "HZ-GB-2312"};

    (void)state;
    assert_true(assets_charset_is_readable(NULL, 0));
    for (size_t i = 0; i < COUNT(readable); i++)
        assert_true(assets_charset_is_readable(readable[i], strlen(readable[i])));
    for (size_t i = 0; i < COUNT(unreadable); i++)
        assert_false(assets_charset_is_readable(unreadable[i], strlen(unreadable[i])));
    assert_true(assets_charset_has_wide_mark("\xff\xfe", 2));
    assert_true(assets_charset_has_wide_mark("\xfe\xff<", 3));
    assert_false(assets_charset_has_wide_mark("\xef\xbb\xbf", 3));
    assert_false(assets_charset_has_wide_mark("\xff", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(all_ways_to_write_an_attribute),
        POOL_TEST(all_attributes_that_hold_references),
        POOL_TEST(what_is_no_tag_is_left_alone),
        POOL_TEST(behind_it_pages_go_on),
        POOL_TEST(styles_are_css),
        POOL_TEST(styles_of_svg_are_css_too),
        POOL_TEST(long_styles_of_svg_pass),
        POOL_TEST(styles_of_svg_have_so_many_comments),
        POOL_TEST(candidates_end_with_their_attribute),
        POOL_TEST(integrity_elsewhere_needs_cors),
        POOL_TEST(xml_is_read_as_xml),
        POOL_TEST(a_tag_without_end_passes),
        POOL_TEST(many_attributes_are_no_trouble),
        POOL_TEST(tags_may_stand_anywhere),
        POOL_TEST(charsets_that_can_be_read),
    };

    return RUN_TESTS(tests);
}
