/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "access.h"

static int admits(const tier_access_t *access, const char *address, int forwarded, apr_pool_t *pool)
{
    apr_sockaddr_t *made;

    assert_int_equal(apr_sockaddr_info_get(&made, address, APR_UNSPEC, 80, 0, pool), APR_SUCCESS);
    return tier_access_admits(access, made, forwarded);
}

static void nobody_by_itself(void **state)
{
    tier_access_t *access = tier_access_make(*state);

    assert_false(admits(access, "127.0.0.1", 0, *state));
}

static void local_is_loopback(void **state)
{
    tier_access_t *access = tier_access_make(*state);

    assert_true(tier_access_admit(access, "local", *state));
    assert_true(admits(access, "127.0.0.1", 0, *state));
    assert_true(admits(access, "127.9.8.7", 0, *state));
    assert_true(admits(access, "::1", 0, *state));
    assert_true(admits(access, "::ffff:127.0.0.1", 0, *state));
    assert_false(admits(access, "128.0.0.1", 0, *state));
    assert_false(admits(access, "::ffff:10.0.0.1", 0, *state));
    assert_false(admits(access, "::2", 0, *state));
    assert_false(admits(access, "::127.0.0.1", 0, *state));
}

static void nothing_forwarded_is_local(void **state)
{
    tier_access_t *access = tier_access_make(*state);

    tier_access_admit(access, "local", *state);
    assert_false(admits(access, "127.0.0.1", 1, *state));
    assert_false(admits(access, "::1", 1, *state));
}

static void networks(void **state)
{
    tier_access_t *access = tier_access_make(*state);

    assert_true(tier_access_admit(access, "10.0.0.0/8", *state));
    assert_true(tier_access_admit(access, "192.0.2.7", *state));
    assert_true(tier_access_admit(access, "2001:db8::/32", *state));
    assert_true(admits(access, "10.1.2.3", 0, *state));
    assert_true(admits(access, "::ffff:10.1.2.3", 0, *state));
    assert_true(admits(access, "192.0.2.7", 1, *state)); /* an address is admitted by name */
    assert_true(admits(access, "2001:db8:1::1", 0, *state));
    assert_false(admits(access, "192.0.2.8", 0, *state));
    assert_false(admits(access, "2001:db9::1", 0, *state));
    assert_false(admits(access, "127.0.0.1", 0, *state));
}

static void all_is_everybody(void **state)
{
    tier_access_t *access = tier_access_make(*state);

    assert_true(tier_access_admit(access, "all", *state));
    assert_true(admits(access, "203.0.113.9", 1, *state));
}

static void other_words_are_refused(void **state)
{
    static const char *const words[] = {
        "",           "Local",     "none", "localhost",      "10.0.0.0/33",  "10.0.0.256",
        "10.0.0.0/x", "10.0.0.0/", "/8",   "2001:db8::/129", "10.0.0.0/8/8", "1.2.3.4.5",
        "::g",        "10.0.0.1 ", "-1"};
    tier_access_t *access = tier_access_make(*state);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (tier_access_admit(access, words[i], *state))
            fail_msg("\"%s\" was taken", words[i]);
    }
    assert_int_equal(access->networks->nelts, 0);
    assert_false(access->all || access->local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(nobody_by_itself), test_with_pool(local_is_loopback),
        test_with_pool(networks),         test_with_pool(nothing_forwarded_is_local),
        test_with_pool(all_is_everybody), test_with_pool(other_words_are_refused),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
