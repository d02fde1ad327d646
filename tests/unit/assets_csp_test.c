/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_csp.h"

static void policies_that_name_the_host(void **state)
{
    static const char *const cases[] = {
        "",
        "frame-ancestors 'self'; upgrade-insecure-requests",
        "img-src cdn.example.net",
        "default-src 'self'; IMG-SRC 'self'  https://CDN.example.net",
        "script-src https://cdn.example.net/assets/",
        "style-src *.example.net",
        "font-src https://*.example.net ;",
        "default-src *",
        "default-src 'none'; img-src https:",
        "frame-src 'self', img-src cdn.example.net",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(assets_csp_allows(cases[i], "cdn.example.net"));
    assert_true(assets_csp_allows("img-src cdn.example.net:8080", "cdn.example.net:8080"));
}

static void policies_that_do_not(void **state)
{
    static const char *const cases[] = {
        "script-src 'self'",
        "default-src 'none'",
        "img-src",
        "img-src example.net xcdn.example.net cdn.example.net.org "
        "https://example.net/cdn.example.net",
        "img-src *.cdn.example.net *.ample.net",
        "img-src 'self'; connect-src cdn.example.net; report-uri https://cdn.example.net/x",
        "img-src 'self',frame-src cdn.example.net",
        "img-src https:/",
        "img-src //",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_false(assets_csp_allows(cases[i], "cdn.example.net"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(policies_that_name_the_host),
        POOL_TEST(policies_that_do_not),
    };

    return RUN_TESTS(tests);
}
