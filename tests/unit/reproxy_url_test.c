/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_url.h"

static void urls_taken_apart(void **state)
{
    static const struct {
        const char *text, *node, *authority, *target;
    } cases[] = {
        {"http://10.0.0.1:7500/dev1/0.fid", "http://10.0.0.1:7500", "10.0.0.1:7500", "/dev1/0.fid"},
        {"HTTP://Host.Example.COM/A?b=C#d", "http://host.example.com:80", "host.example.com",
         "/A?b=C"},
        {"https://a", "https://a:443", "a", "/"},
        {"https://a:443/", "https://a:443", "a", "/"},
        {"http://a:443/", "http://a:443", "a:443", "/"},
        {"http://a?x=1", "http://a:80", "a", "/?x=1"},
        {"http://a#x", "http://a:80", "a", "/"},
        {"http://[FD00::1]:81/x", "http://[fd00::1]:81", "[fd00::1]:81", "/x"},
        {"http://a_b-c.d/%20\xC3\xA9", "http://a_b-c.d:80", "a_b-c.d", "/%20%C3%A9"},
        {"http://a:/x", "http://a:80", "a", "/x"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_url_t url;

        assert_null(reproxy_url_parse(&url, cases[i].text, *state));
        assert_string_equal(url.node, cases[i].node);
        assert_string_equal(url.authority, cases[i].authority);
        assert_string_equal(url.target, cases[i].target);
    }
}

static void what_is_none(void **state)
{
    static const char *const cases[][2] = {
        {"", "http://"},
        {"ftp://a/", "http://"},
        {"/path", "http://"},
        {"http:/a", "http://"},
        {"http://", "no host"},
        {"http:///x", "no host"},
        {"http://:80/", "host"},
        {"http://u@a/", "user"},
        {"http://u:p@a/", "user"},
        {"http://a b/", "host"},
        {"http://a\\b/", "host"},
        {"http://[::1/", "host"},
        {"http://[]/", "host"},
        {"http://[::1]x/", "port"},
        {"http://a:0/", "port"},
        {"http://a:65536/", "port"},
        {"http://a:1x/", "port"},
        {"http://a:99999999999/", "port"},
        {"http://a/b c", "space"},
        {"http://a/\r\nX: y", "control"},
        {"http://a/\x7F", "control"},
        {"http://a%00/", "host"},
        {"http://\xC3\xA9/", "host"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_url_t url;
        const char *problem = reproxy_url_parse(&url, cases[i][0], *state);

        assert_non_null(problem);
        assert_non_null(strstr(problem, cases[i][1]));
    }
}

static void hosts_have_an_end(void **state)
{
    char text[400] = "http://";
    reproxy_url_t url;

    memset(text + 7, 'a', 300);
    assert_non_null(reproxy_url_parse(&url, text, *state));
    text[7 + 253] = '\0';
    assert_null(reproxy_url_parse(&url, text, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(urls_taken_apart),
        test_with_pool(what_is_none),
        test_with_pool(hosts_have_an_end),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
