/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_allow.h"

static int allows(const char *entries, const char *text, const char *address, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(reproxy_allow_entry_t));
    apr_sockaddr_t *addresses = NULL;
    reproxy_url_t url;
    char *last, *word;

    for (word = apr_strtok(apr_pstrdup(pool, entries), " ", &last); word;
         word = apr_strtok(NULL, " ", &last))
        assert_null(reproxy_allow_add(list, word, pool));
    assert_null(reproxy_url_parse(&url, text, pool));
    if (address)
        assert_int_equal(apr_sockaddr_info_get(&addresses, address, APR_UNSPEC, url.port, 0, pool),
                         0);
    return reproxy_allow_host(list, &url) || reproxy_allow_addresses(list, &url, addresses);
}

static void entries(void **state)
{
    static const struct {
        const char *list, *url, *address;
        int allowed;
    } cases[] = {
        {"", "http://10.0.0.1/", "10.0.0.1", 0},
        {"10.0.0.1", "http://10.0.0.1/", "10.0.0.1", 1},
        {"10.0.0.1", "https://10.0.0.1/", "10.0.0.1", 1},
        {"10.0.0.1", "http://10.0.0.1:443/", "10.0.0.1", 0},
        {"10.0.0.1", "http://10.0.0.1:81/", "10.0.0.1", 0},
        {"10.0.0.1:*", "http://10.0.0.1:81/", "10.0.0.1", 1},
        {"10.0.0.1:81", "http://10.0.0.1:81/", "10.0.0.1", 1},
        {"10.1.0.0/16:81", "http://10.1.255.1:81/", "10.1.255.1", 1},
        {"10.1.0.0/16:81", "http://10.2.0.1:81/", "10.2.0.1", 0},
        {"0.0.0.0/0:*", "http://10.2.0.1:81/", "10.2.0.1", 1},
        {"[fd00::]/8:80", "http://[fd12::1]/", "fd12::1", 1},
        {"[fd00::]/8:80", "http://[fe80::1]/", "fe80::1", 0},
        {"[::1]", "http://[::1]/", "::1", 1},
        {"a.example.com", "http://A.example.com/", "10.0.0.1", 1},
        {"A.Example.com:81", "http://a.example.com:81/", "10.0.0.1", 1},
        {"a.example.com", "http://b.a.example.com/", "10.0.0.1", 0},
        {"10.0.0.0/8", "http://whatever/", "10.0.0.1", 1},
        {"10.0.0.0/8", "http://whatever/", "11.0.0.1", 0},
        {"10.0.0.0/8", "http://whatever/", NULL, 0},
        {"a b", "http://b/", NULL, 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(allows(cases[i].list, cases[i].url, cases[i].address, *state),
                         cases[i].allowed);
}

static void each_address_counts(void **state)
{
    apr_array_header_t *list = apr_array_make(*state, 2, sizeof(reproxy_allow_entry_t));
    apr_sockaddr_t *good, *bad;
    reproxy_url_t url;

    assert_null(reproxy_allow_add(list, "10.0.0.0/8", *state));
    assert_null(reproxy_url_parse(&url, "http://both/", *state));
    apr_sockaddr_info_get(&good, "10.0.0.1", APR_INET, 80, 0, *state);
    apr_sockaddr_info_get(&bad, "192.168.0.1", APR_INET, 80, 0, *state);
    assert_true(reproxy_allow_addresses(list, &url, good));
    good->next = bad;
    assert_false(reproxy_allow_addresses(list, &url, good));
    assert_false(reproxy_allow_addresses(NULL, &url, good));
    assert_false(reproxy_allow_host(NULL, &url));
}

static void what_is_no_entry(void **state)
{
    static const char *const cases[] = {
        "",        "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/a",   "10.0.0.0/-1", "host/8", "a:0",
        "a:65536", "a:x",         "a:",         "a:123456",     "[::1",        "[a]:80", "::1",
        "a b",     "http://a/",   "10.0.0.300", "[fd00::]/129", "[::1]80",     "/8",     ":80",
    };
    apr_array_header_t *list = apr_array_make(*state, 2, sizeof(reproxy_allow_entry_t));

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_non_null(reproxy_allow_add(list, cases[i], *state));
    assert_int_equal(list->nelts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(entries),
        test_with_pool(each_address_counts),
        test_with_pool(what_is_no_entry),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
