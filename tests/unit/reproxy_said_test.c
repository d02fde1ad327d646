/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_plan.h"
#include "reproxy_said.h"

static void urls(void **state)
{
    reproxy_said_t said;

    reproxy_said_init(&said, *state);
    reproxy_said_urls(&said, "  http://a/1\thttp://b/2  ", *state);
    reproxy_said_urls(&said, "http://c/3", *state);
    reproxy_said_urls(&said, " ", *state);
    assert_int_equal(said.urls->nelts, 3);
    assert_string_equal(APR_ARRAY_IDX(said.urls, 1, const char *), "http://b/2");
    for (int i = 0; i < 100; i++)
        reproxy_said_urls(&said, "http://d", *state);
    assert_int_equal(said.urls->nelts, REPROXY_PLAN_MAX);
}

static void sizes(void **state)
{
    static const char *const bad[] = {"", "-1", "1x", "1 2", "+1", "99999999999999999999", " 1"};
    reproxy_said_t said;

    reproxy_said_init(&said, *state);
    assert_int_equal(said.size, -1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(reproxy_said_size(&said, bad[i]));
        assert_int_equal(said.size, -1);
    }
    assert_true(reproxy_said_size(&said, "0"));
    assert_int_equal(said.size, 0);
}

static void caching(void **state)
{
    reproxy_said_t said;

    reproxy_said_init(&said, *state);
    assert_true(reproxy_said_cache(&said, "60 ; Content-Type  ETag", *state));
    assert_int_equal(said.cache_for, 60);
    assert_int_equal(said.cache_fields->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(said.cache_fields, 1, const char *), "ETag");
    assert_true(reproxy_said_cache(&said, "99999999999", *state));
    assert_int_equal(said.cache_for, 7 * 24 * 3600);
    assert_false(reproxy_said_cache(&said, "soon", *state));
    assert_false(reproxy_said_cache(&said, "; A", *state));
    assert_false(reproxy_said_cache(&said, "-5", *state));
}

static void maps(void **state)
{
    static const struct {
        const char *value, *path, *url;
    } cases[] = {
        {"/private/a", "/srv/a", NULL},
        {"/private/a%20b%2Fc?q", "/srv/a b/c", NULL},
        {"/private/deep/x", "/deep/x", NULL},
        {"/stored/a%20b?q=1", NULL, "http://s/p/a%20b?q=1"},
        {"/private/..a/b..", "/srv/..a/b..", NULL},
        {"/private/../x", NULL, NULL},
        {"/private/%2E%2e/x", NULL, NULL},
        {"/private/x/..", NULL, NULL},
        {"/stored/../x", NULL, NULL},
        {"/stored/%2e%2e/x", NULL, NULL},
        {"/private/%", NULL, NULL},
        {"/private/%0g", NULL, NULL},
        {"/private/%00", NULL, NULL},
        {"/privat", NULL, NULL},
        {"private/x", NULL, NULL},
        {"", NULL, NULL},
    };
    static const reproxy_map_t entries[] = {
        {"/private/", "/srv/", 0}, {"/private/deep/", "/deep/", 0}, {"/stored/", "http://s/p/", 1}};
    apr_array_header_t *map = apr_array_make(*state, 3, sizeof(reproxy_map_t));

    for (size_t i = 0; i < COUNT(entries); i++)
        APR_ARRAY_PUSH(map, reproxy_map_t) = entries[i];
    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_said_t said;

        reproxy_said_init(&said, *state);
        assert_int_equal(reproxy_said_mapped(&said, map, cases[i].value, *state),
                         cases[i].path || cases[i].url);
        assert_int_equal(said.path != NULL, cases[i].path != NULL);
        if (cases[i].path)
            assert_string_equal(said.path, cases[i].path);
        if (cases[i].url)
            assert_string_equal(APR_ARRAY_IDX(said.urls, 0, const char *), cases[i].url);
        assert_false(reproxy_said_mapped(&said, NULL, cases[i].value, *state));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(urls),
        test_with_pool(sizes),
        test_with_pool(caching),
        test_with_pool(maps),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
