/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_site.h"

static void programs_send_neither(void **state)
{
    (void)state;
    assert_null(status_site_error(NULL, NULL, "web1"));
    assert_null(status_site_error(NULL, NULL, NULL));
}

static void our_own_page(void **state)
{
    (void)state;
    assert_null(status_site_error("same-origin", "https://web1:8443", "web1:8443"));
    assert_null(status_site_error(NULL, "http://WEB1", "web1"));
}

static void other_sites(void **state)
{
    static const char *const sites[] = {"cross-site", "same-site", "none", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
        assert_non_null(status_site_error(sites[i], NULL, "web1"));
    assert_non_null(status_site_error(NULL, "null", "web1"));
    assert_non_null(status_site_error(NULL, "https://evil.example", "web1"));
    assert_non_null(status_site_error(NULL, "https://web1.evil.example", "web1"));
    assert_non_null(status_site_error(NULL, "https://web1", NULL));
    assert_non_null(status_site_error("same-origin", "https://web1:1", "web1:2"));
}

static void tokens(void **state)
{
    (void)state;
    assert_true(status_site_token_matches("0123abcd", "0123abcd"));
    assert_false(status_site_token_matches("0123abce", "0123abcd"));
    assert_false(status_site_token_matches("0123abc", "0123abcd"));
    assert_false(status_site_token_matches(NULL, "0123abcd"));
    /* Where no token could be made, nothing matches. */
    assert_false(status_site_token_matches("", ""));
}

static void local_names(void **state)
{
    static const char *const good[] = {"localhost",   "LocalHost:8080", "127.0.0.1",
                                       "10.1.2.3:80", "[::1]",          "[::1]:443"};
    static const char *const bad[] = {"",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.example",
                                      "evil.example",
                                      "localhostx",
                                      "[::1",
                                      ":80"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(status_site_is_local_name(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(status_site_is_local_name(bad[i]));
    assert_false(status_site_is_local_name(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_send_neither), cmocka_unit_test(our_own_page),
        cmocka_unit_test(other_sites), cmocka_unit_test(tokens), cmocka_unit_test(local_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
