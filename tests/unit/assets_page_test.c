/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_page.h"

/* Returns what a page at /blog/post/ of www.example.com makes of a reference. */
static const char *rewritten(assets_page_t *page, const char *reference, apr_pool_t *pool)
{
    assets_change_t change;

    if (!assets_page_judge(page, ASSETS_REFERENCE_URL, reference, strlen(reference), &change, pool))
        return reference;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, reference, change.from),
                       apr_pstrmemdup(pool, change.text, change.size), reference + change.to, NULL);
}

static assets_page_t page_with(const assets_map_t *map, apr_pool_t *pool)
{
    assets_page_t page = {map, assets_url_base("WWW.example.com:80", "/blog/post/?x=/y/", pool),
                          pool};

    return page;
}

static void references_follow_the_rules(void **state)
{
    static const char *const cases[][2] = {
        {"/assets/a.png", "/static/a.png"},
        {"/assets/a.png?x=/assets/#y", "/static/a.png?x=/assets/#y"},
        {" /assets/a.png\n", " /static/a.png\n"},
        {"/assets", "/assets"},
        {"/assetsx/a", "/assetsx/a"},
        {"/logo.png", "/assets/logo.png"},
        {"/logo.png?1", "/assets/logo.png?1"},
        {"/logo.png.bak", "/logo.png.bak"},
        {"http://www.example.com/assets/a", "http://www.example.com/static/a"},
        {"HTTPS://WWW.Example.Com:443/assets/a", "HTTPS://WWW.Example.Com:443/static/a"},
        {"//www.example.com/assets/a", "//www.example.com/static/a"},
        {"//other.example.com/assets/a", "//other.example.com/assets/a"},
        {"http://user@www.example.com/assets/a", "http://user@www.example.com/assets/a"},
        {"img/a.png", "//cdn.example.net/img/a.png"},
        {"./img/a.png", "//cdn.example.net/img/a.png"},
        {"../post/img/a.png?q", "//cdn.example.net/img/a.png?q"},
        {"../../assets/b/../c", "/static/c"},
        {"../../../../assets/c", "/static/c"},
        {"/x/../assets/c", "/static/c"},
        {"1:/../../../assets/c", "/static/c"}, /* no scheme begins so */
        {":/../../../assets/c", "/static/c"},
        {"/assets/./c", "/static/c"},
        {"/assets/%2e%2E/c", "/assets/%2e%2E/c"},
        {"/x/%2e%2E/assets/c", "/x/%2e%2E/assets/c"},
        {"\\assets\\c", "\\assets\\c"},
        {"data:/assets/c", "data:/assets/c"},
        {"javascript:'/assets/c'", "javascript:'/assets/c'"},
        {"#/assets/c", "#/assets/c"},
        {"?/assets/c", "?/assets/c"},
        {"", ""},
        {"  ", "  "},
        {"http://www.example.com", "http://www.example.com"},
        {"https://old.example.org/img/x", "/static/old/x"},
        {"https://old.example.org/imgx", "https://old.example.org/imgx"},
        {"mailto:/assets/x", "mailto:/assets/x"},
        {"/same/x", "/same/x"},
        {"other/wide/x", "/deep/other/wide/x"},
    };
    assets_map_t *map = assets_map_create(*state);
    assets_page_t page = page_with(map, *state);

    assets_map_add(map, "/assets/", "/static/");
    assets_map_add(map, "/logo.png", "/assets/logo.png");
    assets_map_add(map, "/blog/post/img/", "//cdn.example.net/img/");
    assets_map_add(map, "https://old.example.org/img/", "/static/old/");
    assets_map_add(map, "/same/", "/same/");
    assets_map_add(map, "/blog/", "/deep/");
    assets_map_add(map, "/blog/post/other/", "/deep/other/");
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(rewritten(&page, cases[i][0], *state), cases[i][1]);
    assert_string_equal(rewritten(&page, "x/y", *state), "/deep/post/x/y");
    assert_string_equal(page.elsewhere, "cdn.example.net");
}

/* Sixteen bytes of a path are looked at in one go: what matters may stand anywhere. */
static void what_matters_in_a_path_may_stand_anywhere(void **state)
{
    assets_map_t *map = assets_map_create(*state);
    assets_page_t page = page_with(map, *state);

    assets_map_add(map, "/a/", "/n/");
    for (int size = 1; size < 50; size++) {
        static const char *const behind[][2] = {
            {"", NULL},     {"?/../", NULL}, {"#%", NULL},     {".png", NULL},
            {"\x01", NULL}, {"y/../z", "z"}, {"/./z", "/z"},   {"..", NULL},
            {"%20", NULL},  {" ", NULL},     {"y/%2e./z", ""}, {"\\", ""},
        };
        const char *path = apr_psprintf(*state, "%0*d", size, 0);

        for (size_t i = 0; i < COUNT(behind); i++) {
            const char *rest = behind[i][1] ? behind[i][1] : behind[i][0];
            const char *before = apr_pstrcat(*state, "/a/b/", path, behind[i][0], NULL);
            const char *kept = apr_pstrcat(*state, "/n/b/", i == 5 ? "" : path, rest, NULL);

            assert_string_equal(rewritten(&page, before, *state),
                                *rest || !behind[i][1] ? kept : before);
        }
    }
}

static void a_base_moves_relative_references(void **state)
{
    assets_map_t *map = assets_map_create(*state);
    assets_page_t page = page_with(map, *state);
    assets_change_t change;

    assets_map_add(map, "/assets/", "/static/");
    assets_page_judge(&page, ASSETS_REFERENCE_BASE, "/assets/b", 9, &change, *state);
    assert_string_equal(rewritten(&page, "c.png", *state), "/static/c.png");
    assets_page_judge(&page, ASSETS_REFERENCE_BASE, "https://a.example.net/assets/", 29, &change,
                      *state);
    assert_string_equal(rewritten(&page, "c.png", *state), "c.png");
    assert_string_equal(rewritten(&page, "/assets/c.png", *state), "/assets/c.png");
    assert_string_equal(rewritten(&page, "//www.example.com/assets/c", *state),
                        "//www.example.com/static/c");
    assets_map_add(map, "https://b.example.net/x/", "/x/");
    assert_string_equal(rewritten(&page, "https://b.example.net/x/y", *state),
                        "https://b.example.net/x/y");
    page = page_with(map, *state);
    assets_page_judge(&page, ASSETS_REFERENCE_BASE, "data:x", 6, &change, *state);
    assert_string_equal(rewritten(&page, "/assets/c", *state), "/assets/c");
}

static void the_longest_rule_of_many_is_used(void **state)
{
    assets_map_t *map = assets_map_create(*state);
    assets_map_t *other = assets_map_create(*state);
    const char *to = NULL;

    for (int i = 0; i < 1000; i++)
        assets_map_add(map, apr_psprintf(*state, "/a/%d/", i), apr_psprintf(*state, "/b%d/", i));
    assets_map_add(map, "/a/7/x/", "/deep/");
    assert_int_equal(assets_map_count(map), 1001);
    for (int i = 0; i < 1000; i++) {
        const char *path = apr_psprintf(*state, "/a/%d/y", i);

        assert_int_equal(assets_map_find(map, path, strlen(path), &to), strlen(path) - 1);
        assert_string_equal(to, apr_psprintf(*state, "/b%d/", i));
    }
    assert_int_equal(assets_map_find(map, "/a/7/x/y", 8, &to), 7);
    assert_string_equal(to, "/deep/");
    assert_int_equal(assets_map_find(map, "/a/1000/", 8, &to), 0);
    assert_int_equal(assets_map_find(map, "", 0, &to), 0);
    assert_true(assets_map_version(map) != assets_map_version(other));
    assets_map_add(map, "/a/7/x/", "/other/");
    assert_int_equal(assets_map_count(map), 1001);
    assert_int_equal(assets_map_find(map, "/a/7/x/y", 8, &to), 7);
    assert_string_equal(to, "/other/");
}

static void a_nul_in_a_reference_is_no_rule(void **state)
{
    assets_map_t *map = assets_map_create(*state);
    assets_page_t page = page_with(map, *state);
    assets_change_t change;

    assets_map_add(map, "/assets/", "/static/");
    assert_false(
        assets_page_judge(&page, ASSETS_REFERENCE_URL, "/assets/\0x", 10, &change, *state));
}

static void a_name_with_a_fingerprint_needs_no_version(void **state)
{
    static const char *const cases[][2] = {
        {"/a.css?ver=6.1", "/a.h000000000000001f.css"},
        {"/a.css?ver=6.1#x", "/a.h000000000000001f.css#x"},
        {" /a.css?ver=6.1 ", " /a.h000000000000001f.css "},
        {"../../a.css?ver", "/a.h000000000000001f.css"},
        {"/a.css?ver=6.1&x=1", "/a.h000000000000001f.css?ver=6.1&x=1"},
        {"/a.css?", "/a.h000000000000001f.css?"},
        {"/b.css?ver=6.1", "/b-1f.css?ver=6.1"},
        {"/dir/x?ver=6.1", "/other/x?ver=6.1"},
    };
    apr_array_header_t *versions = apr_array_make(*state, 1, sizeof(const char *));
    assets_map_t *map = assets_map_create(*state);
    assets_page_t page = page_with(map, *state);

    APR_ARRAY_PUSH(versions, const char *) = "ver";
    assets_map_add(map, "/a.css", "/a.h000000000000001f.css");
    assets_map_add(map, "/b.css", "/b-1f.css");
    assets_map_add(map, "/dir/", "/other/");
    assert_string_equal(rewritten(&page, "/a.css?ver=6.1", *state),
                        "/a.h000000000000001f.css?ver=6.1");
    page.versions = versions;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(rewritten(&page, cases[i][0], *state), cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_name_with_a_fingerprint_needs_no_version),
        POOL_TEST(references_follow_the_rules),
        POOL_TEST(what_matters_in_a_path_may_stand_anywhere),
        POOL_TEST(a_base_moves_relative_references),
        POOL_TEST(the_longest_rule_of_many_is_used),
        POOL_TEST(a_nul_in_a_reference_is_no_rule),
    };

    return RUN_TESTS(tests);
}
