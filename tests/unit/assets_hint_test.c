/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_page.h"
#include "assets_scan.h"

static const char *text_of(const assets_hints_t *hints, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, hints->text, hints->size);
}

static int is_asset(const void *prefix, const char *path)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

/* Returns what is learnt from a page at /shop/ of www.example.com, fed in chunks. */
static const char *learnt(const char *html, apr_size_t chunk, apr_pool_t *pool)
{
    assets_map_t *map = assets_map_create(pool);
    assets_hints_t *hints = apr_pcalloc(pool, sizeof(*hints));
    assets_page_t page = {map, assets_url_base("www.example.com", "/shop/", pool), pool};
    assets_judge_t judge = {assets_page_judge, &page, assets_page_hint};
    assets_scan_t *scan = assets_scan_create(ASSETS_SCAN_HTML, &judge, pool);

    page.hints = hints;
    page.is_asset = is_asset;
    page.is_asset_baton = "/assets/";
    assets_map_add(map, "/old/", "/new/");
    assets_map_add(map, "/cdn/", "https://cdn.example.net/");
    for (const char *p = html, *end = html + strlen(html); p < end; p += chunk)
        assets_scan_feed(scan, p, (apr_size_t)(end - p) < chunk ? (apr_size_t)(end - p) : chunk);
    assets_scan_end(scan);
    return text_of(hints, pool);
}

static void check_all(void **state, const char *const cases[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (apr_size_t chunk = strlen(cases[i][0]); chunk > 0; chunk--)
            assert_string_equal(learnt(cases[i][0], chunk, *state), cases[i][1]);
    }
}

static void a_head_says_what_is_loaded(void **state)
{
    static const char *const cases[][2] = {
        {"<link rel=stylesheet href=/assets/a.css>", "</assets/a.css>; rel=preload; as=style"},
        {"<LINK HREF='/assets/a.css' REL='x StyleSheet'>",
         "</assets/a.css>; rel=preload; as=style"},
        {"<link href=../assets/a.css?v=1.2#x rel=stylesheet media=all>",
         "</assets/a.css?v=1.2>; rel=preload; as=style"},
        {"<script src=\"/assets/a.js\" defer></script>", "</assets/a.js>; rel=preload; as=script"},
        {"<script type=module src=/assets/a.js></script>", "</assets/a.js>; rel=modulepreload"},
        {"<link rel=modulepreload href=/assets/a.js>", "</assets/a.js>; rel=modulepreload"},
        {"<link rel=preload as=font crossorigin href=/assets/a.woff2>",
         "</assets/a.woff2>; rel=preload; as=font; crossorigin"},
        {"<link rel=stylesheet href=/old/a.css>", "</new/a.css>; rel=preload; as=style"},
        {"<link rel=stylesheet href=' /cdn/a.css '>",
         "<https://cdn.example.net/a.css>; rel=preload; as=style"},
        {"<link rel=stylesheet href=/assets/a.css><link rel=stylesheet href=/assets/a.css>"
         "<script src=/assets/b.js></script>",
         "</assets/a.css>; rel=preload; as=style, </assets/b.js>; rel=preload; as=script"},
        {"<head><base href=/assets/><link rel=stylesheet href=a.css><body>",
         "</assets/a.css>; rel=preload; as=style"},
    };

    check_all(state, cases, COUNT(cases));
}

static void what_else_there_is_gives_no_hint(void **state)
{
    static const char *const cases[][2] = {
        {"<link rel='alternate stylesheet' href=/assets/a.css>", ""},
        {"<link rel=stylesheet media=print href=/assets/a.css>", ""},
        {"<link rel=stylesheet disabled href=/assets/a.css>", ""},
        {"<link rel=stylesheet integrity=x href=/assets/a.css>", ""},
        {"<link rel=stylesheet crossorigin=use-credentials href=/assets/a.css>", ""},
        {"<link rel=icon href=/assets/a.png><link href=/assets/a.css>", ""},
        {"<link rel=preload href=/assets/a><link rel=preload as=x href=/assets/a>", ""},
        {"<link rel=stylesheet><link rel=stylesheet href='' />", ""},
        {"<script async src=/assets/a.js></script>", ""},
        {"<script type=text/template src=/assets/a.js></script>", ""},
        {"<script>'/assets/a.js'</script><!-- <script src=/assets/a.js> -->", ""},
        {"<img src=/assets/a.png rel=stylesheet>", ""},
        {"<link rel=stylesheet href=/private/a.css>", ""},
        {"<link rel=stylesheet href=//cdn.example.net/a.css>", ""},
        {"<link rel=stylesheet href='/assets/a.css?token=0123456789abcdef01'>", ""},
        {"<link rel=stylesheet href='/assets/a.css?a&amp;b'>", ""},
        {"<link rel=stylesheet href='/assets/&#62;a.css'>", ""},
        {"<link rel=stylesheet href='/assets/\xc3\xa9.css'>", ""},
        {"<body><link rel=stylesheet href=/assets/a.css><script src=/assets/b.js></script>", ""},
    };

    check_all(state, cases, COUNT(cases));
}

static void hints_are_few_and_short(void **state)
{
    const assets_hint_t style = {"preload", "style", 0};
    assets_hints_t hints = {0};
    char *longer = apr_pcalloc(*state, 300);

    memset(longer, 'x', 257);
    assets_hints_add(&hints, &style, longer);
    assert_int_equal(hints.count, 0);
    longer[200] = '\0';
    for (int i = 0; i < 20; i++) {
        longer[0] = (char)('a' + i);
        assets_hints_add(&hints, &style, longer);
    }
    assert_int_equal(hints.count, 4);
    assert_in_range(hints.size, 900, ASSETS_HINTS_SIZE);
    hints = (assets_hints_t){0};
    for (int i = 0; i < 20; i++)
        assets_hints_add(&hints, &style, apr_psprintf(*state, "/%d", i));
    assert_int_equal(hints.count, ASSETS_HINTS_MOST);
}

static void pages_are_remembered_until_another_takes_the_place(void **state)
{
    const assets_hint_t style = {"preload", "style", 0};
    assets_hint_pages_t *pages = apr_pcalloc(*state, sizeof(*pages));
    assets_hints_t hints = {0}, none = {0}, got;

    assert_false(assets_hint_pages_get(pages, 7, &got));
    assets_hints_add(&hints, &style, "/a.css");
    assets_hint_pages_put(pages, 7, &hints);
    assert_true(assets_hint_pages_get(pages, 7, &got));
    assert_string_equal(text_of(&got, *state), "</a.css>; rel=preload; as=style");
    assert_false(assets_hint_pages_get(pages, 7 + ASSETS_HINT_PAGES, &got));
    assets_hint_pages_put(pages, 7 + ASSETS_HINT_PAGES, &none);
    assert_true(assets_hint_pages_get(pages, 7, &got));
    pages->pages[7].is_locked = 1;
    assert_false(assets_hint_pages_get(pages, 7, &got));
    assets_hint_pages_put(pages, 7, &none);
    pages->pages[7].is_locked = 0;
    assert_true(assets_hint_pages_get(pages, 7, &got));
    assets_hint_pages_put(pages, 7 + ASSETS_HINT_PAGES, &hints);
    assert_false(assets_hint_pages_get(pages, 7, &got));
    assets_hint_pages_put(pages, 7 + ASSETS_HINT_PAGES, &none);
    assert_false(assets_hint_pages_get(pages, 7 + ASSETS_HINT_PAGES, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_head_says_what_is_loaded),
        POOL_TEST(what_else_there_is_gives_no_hint),
        POOL_TEST(hints_are_few_and_short),
        POOL_TEST(pages_are_remembered_until_another_takes_the_place),
    };

    return RUN_TESTS(tests);
}
