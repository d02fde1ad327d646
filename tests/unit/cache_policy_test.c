/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_freshness.h"
#include "cache_policy.h"

typedef struct case_t {
    cache_policy_t policy;
    const char *response;
    apr_int64_t lifetime; /* -1: none is said */
    int status;
} case_t;

/* Returns the lifetime that the response says after the policy has been applied. */
static apr_int64_t lifetime(const case_t *it, apr_uint32_t *flags, apr_pool_t *pool)
{
    static const cache_heuristic_t none = {0, 0};
    cache_exchange_t exchange = {CACHE_METHOD_GET};
    cache_directives_t told;
    cache_life_t life;

    exchange.request = fields(pool, "");
    exchange.response = fields(pool, it->response);
    exchange.status = it->status ? it->status : 200;
    exchange.told = &told;
    exchange.requested = exchange.received = NOW;
    cache_directives_parse_response(&told, exchange.response, pool);
    cache_policy_apply(&it->policy, &exchange, &told);
    cache_freshness_life(&life, &exchange, &none);
    *flags = life.flags;
    return cache_freshness_is_explicit(&exchange) ? life.lifetime : -1;
}

#define CC   "Cache-Control: "
#define TYPE "Content-Type: text/html\n"
#define PAST "Expires: Thu, 19 Nov 1981 08:52:00 GMT"

static void lifetimes(void **state)
{
    static const case_t cases[] = {
        {{0, 0, 0}, "A: b", -1},
        {{600, 0, 0}, TYPE "A: b", 600},
        {{600, 0, 0}, "A: b", -1}, /* what is it? */
        {{600, 0, 0}, "A: b", 600, .status = 404},
        {{600, 0, 0}, "A: b", -1, .status = 302},
        {{600, 0, 0}, "A: b", -1, .status = 500},
        {{600, 0, 0}, "A: b", -1, .status = 501},
        {{600, 0, 0}, CC "max-age=5", 5},
        {{600, 0, 0}, TYPE CC "public", 600},
        {{600, 0, 0}, TYPE CC "no-cache", -1},
        {{600, 0, 0}, TYPE "Pragma: no-cache", -1},
        {{600, 0, 0}, TYPE "Pragma: no-cache\n" CC "public", 600},
        {{600, 0, 0}, PAST, 0},
        {{600, 0, 0}, CC "max-age=abc", 0},
        {{0, 60, 0}, "A: b", -1},
        {{0, 60, 0}, CC "max-age=5", 60},
        {{0, 60, 0}, CC "max-age=0", 60},
        {{0, 60, 0}, CC "max-age=100", 100},
        {{0, 60, 0}, PAST, 60},
        {{0, 60, 0}, CC "s-maxage=5, max-age=100", 60},
        {{0, 0, 60}, CC "s-maxage=500", 60},
        {{0, 0, 60}, "Expires: Sun, 06 Nov 2094 08:49:37 GMT", 60},
        {{0, 0, 60}, CC "max-age=5", 5},
        {{0, 10, 60}, "CDN-Cache-Control: max-age=500\n" CC "max-age=1", 60},
    };
    apr_uint32_t flags;

    for (size_t i = 0; i < COUNT(cases); i++) {
        apr_int64_t seconds = lifetime(&cases[i], &flags, *state);
        if (seconds != cases[i].lifetime)
            fail_msg("case %d: %d", (int)i, (int)seconds);
    }
}

static void s_maxage_keeps_meaning_proxy_revalidate(void **state)
{
    static const case_t it = {{0, 60, 0}, CC "s-maxage=5", 60};
    apr_uint32_t flags;

    assert_int_equal(lifetime(&it, &flags, *state), 60);
    assert_true(flags & CACHE_LIFE_MUST_REVALIDATE);
}

static int keeps_cookies(const char *response, const char *pattern, apr_pool_t *pool)
{
    apr_array_header_t *patterns = apr_array_make(pool, 1, sizeof(const char *));
    cache_policy_t policy = {0, 0, 0, patterns};
    apr_table_t *table = fields(pool, response);

    APR_ARRAY_PUSH(patterns, const char *) = pattern;
    cache_policy_drop_cookies(&policy, table);
    return apr_table_get(table, "Set-Cookie") != NULL;
}

static void only_listed_cookies_are_dropped(void **state)
{
    static const cache_policy_t nothing = {0, 0, 0, NULL};
    apr_table_t *table = fields(*state, "Set-Cookie: a=1");

    assert_false(keeps_cookies("Set-Cookie: a=1; Path=/", "a", *state));
    assert_false(keeps_cookies("Set-Cookie:  a = 1", "a", *state));
    assert_false(keeps_cookies("Set-Cookie: a1=1\nSet-Cookie: a2", "a*", *state));
    assert_true(keeps_cookies("Set-Cookie: a=1\nSet-Cookie: b=1", "a", *state));
    assert_true(keeps_cookies("Set-Cookie: ab=1", "a", *state));
    assert_false(keeps_cookies("X: y", "a", *state));
    cache_policy_drop_cookies(&nothing, table);
    assert_non_null(apr_table_get(table, "Set-Cookie"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(lifetimes),
        POOL_TEST(s_maxage_keeps_meaning_proxy_revalidate),
        POOL_TEST(only_listed_cookies_are_dropped),
    };
    return RUN_TESTS(tests);
}
