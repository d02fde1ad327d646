/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_route.h"

static void a_section_has_three_urls(void **state)
{
    const char *base = "/tier-status";

    (void)state;
    assert_int_equal(status_route_find("/tier-status", base), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("/tier-status/", base), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("/tier-status/json", base), STATUS_ROUTE_JSON);
    assert_int_equal(status_route_find("/tier-status/metrics", base), STATUS_ROUTE_METRICS);
}

static void everything_else_is_none(void **state)
{
    static const char *const paths[] = {
        "/tier-status/JSON",
        "/tier-status/jsno",
        "/tier-status/json/",
        "/tier-status//",
        "/tier-status/x/json",
        "/tier-statusjson",
        "/tier-statu",
        "/json",
        "",
        "*",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(status_route_find(paths[i], "/tier-status"), STATUS_ROUTE_NONE);
}

static void a_slash_behind_the_base_is_no_matter(void **state)
{
    (void)state;
    assert_int_equal(status_route_find("/s/", "/s/"), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("/s/json", "/s/"), STATUS_ROUTE_JSON);
    assert_int_equal(status_route_find("/s", "/s/"),
                     STATUS_ROUTE_NONE); /* not in <Location "/s/"> */
}

static void the_root_is_a_base(void **state)
{
    (void)state;
    assert_int_equal(status_route_find("/", "/"), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("/json", "/"), STATUS_ROUTE_JSON);
    assert_int_equal(status_route_find("/x", "/"), STATUS_ROUTE_NONE);
}

static void a_base_called_json_is_a_page(void **state)
{
    (void)state;
    assert_int_equal(status_route_find("/json", "/json"), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("/json/json", "/json"), STATUS_ROUTE_JSON);
}

static void without_a_base_the_leaf_decides(void **state)
{
    (void)state;
    assert_int_equal(status_route_find("/any/json", NULL), STATUS_ROUTE_JSON);
    assert_int_equal(status_route_find("/any/metrics", NULL), STATUS_ROUTE_METRICS);
    assert_int_equal(status_route_find("/any", NULL), STATUS_ROUTE_PAGE);
    assert_int_equal(status_route_find("*", NULL), STATUS_ROUTE_PAGE);
}

static void the_page_of_each_url(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(status_route_page("/s", STATUS_ROUTE_PAGE, pool), "/s");
    assert_string_equal(status_route_page("/s/", STATUS_ROUTE_PAGE, pool), "/s");
    assert_string_equal(status_route_page("/s/json", STATUS_ROUTE_JSON, pool), "/s");
    assert_string_equal(status_route_page("/metrics", STATUS_ROUTE_METRICS, pool), "");
    assert_string_equal(status_route_page("/", STATUS_ROUTE_PAGE, pool), "");
}

static void no_link_leads_to_another_host(void **state)
{
    assert_string_equal(status_route_page("///host/s/", STATUS_ROUTE_PAGE, *state), "/host/s");
}

static void refresh(void **state)
{
    (void)state;
    assert_int_equal(status_route_refresh("refresh=5"), 5);
    assert_int_equal(status_route_refresh("refresh=3600"), 3600);
    assert_int_equal(status_route_refresh("refresh=3601"), 0);
    assert_int_equal(status_route_refresh("refresh=99999999999999999999"), 0);
    assert_int_equal(status_route_refresh("refresh="), 0);
    assert_int_equal(status_route_refresh("refresh=-1"), 0);
    assert_int_equal(status_route_refresh("refresh=5s"), 0);
    assert_int_equal(status_route_refresh("x=5"), 0);
    assert_int_equal(status_route_refresh(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_section_has_three_urls),
        POOL_TEST(everything_else_is_none),
        POOL_TEST(a_slash_behind_the_base_is_no_matter),
        POOL_TEST(the_root_is_a_base),
        POOL_TEST(a_base_called_json_is_a_page),
        POOL_TEST(without_a_base_the_leaf_decides),
        POOL_TEST(the_page_of_each_url),
        POOL_TEST(no_link_leads_to_another_host),
        POOL_TEST(refresh),
    };

    return RUN_TESTS(tests);
}
