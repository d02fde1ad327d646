/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_date.h"
#include "cache_freshness.h"

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"

static const cache_heuristic_t none = {0, 0};
static const cache_heuristic_t usual = {10, 86400};

/* The life of a response that was asked for and came at NOW. */
static cache_life_t life_of_exchange(apr_pool_t *pool, const char *request, int status,
                                     const char *lines, const cache_heuristic_t *heuristic)
{
    cache_exchange_t exchange = {CACHE_METHOD_GET};
    cache_directives_t told;
    cache_life_t life;

    exchange.request = fields(pool, request);
    exchange.response = fields(pool, lines);
    exchange.status = status;
    exchange.told = &told;
    exchange.requested = exchange.received = NOW;
    cache_directives_parse_response(&told, exchange.response, pool);
    cache_freshness_life(&life, &exchange, heuristic);
    return life;
}

static cache_life_t life_of_status(apr_pool_t *pool, int status, const char *lines,
                                   const cache_heuristic_t *heuristic)
{
    return life_of_exchange(pool, "", status, lines, heuristic);
}

static cache_life_t life_of(apr_pool_t *pool, const char *lines)
{
    return life_of_status(pool, 200, lines, &none);
}

static void explicit_lifetimes_in_their_order(void **state)
{
    static const struct {
        const char *lines;
        apr_int64_t lifetime;
    } cases[] = {
        {"Cache-Control: max-age=60", 60},
        {"Cache-Control: max-age=60, s-maxage=30", 30},
        {"Cache-Control: s-maxage=x, max-age=60", 0},
        {"Cache-Control: max-age=60\nExpires: 0", 60},
        {"Cache-Control: max-age=x\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", 0},
        {"Cache-Control: max-age=99999999999", CACHE_DELTA_MAX},
        {DATE "Expires: Sun, 06 Nov 1994 09:49:37 GMT", 3600},
        {"Expires: Sun, 06 Nov 1994 09:49:37 GMT", 3600},
        {DATE "Expires: Sun, 06 Nov 1994 07:49:37 GMT", 0},
        {DATE "Expires: 0", 0},
        {DATE "Expires: Sun, 06 Nov 1994 09:49:37 UTC", 0},
        {DATE "Expires: Sun, 06 Nov 1994 09:49:37 GMT\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", 0},
        {"CDN-Cache-Control: max-age=5\nCache-Control: s-maxage=60", 5},
        {"Cache-Control: public", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_life_t life = life_of(*state, cases[i].lines);
        if (life.lifetime != cases[i].lifetime)
            fail_msg("%s: %ld", cases[i].lines, (long)life.lifetime);
    }
}

static void expires_does_not_count_beside_a_targeted_field(void **state)
{
    cache_life_t life = life_of(*state, "CDN-Cache-Control: public\n" DATE
                                        "Expires: Sun, 06 Nov 1994 09:49:37 GMT");

    assert_int_equal(life.lifetime, 0);
    assert_true(life.flags & CACHE_LIFE_HEURISTIC);
}

static void a_tenth_of_the_age_where_the_status_allows(void **state)
{
    static const int yes[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
    static const int no[] = {201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599, 206};
    const char *lines = DATE "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT";

    for (size_t i = 0; i < COUNT(yes); i++)
        assert_int_equal(life_of_status(*state, yes[i], lines, &usual).lifetime, 360);
    for (size_t i = 0; i < COUNT(no); i++)
        assert_int_equal(life_of_status(*state, no[i], lines, &usual).lifetime, 0);
    assert_int_equal(life_of_status(*state, 599,
                                    apr_pstrcat(*state, lines, "\nCache-Control: public", NULL),
                                    &usual)
                         .lifetime,
                     360);
}

static void nobody_guesses_for_a_request_with_a_cookie(void **state)
{
    const char *lines = DATE "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT";
    const char *told = DATE "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\nCache-Control: public";

    assert_int_equal(life_of_exchange(*state, "Cookie: a=b", 200, lines, &usual).lifetime, 0);
    assert_int_equal(life_of_exchange(*state, "Cookie: a=b", 200, told, &usual).lifetime, 360);
}

static void heuristics_have_limits(void **state)
{
    assert_int_equal(
        life_of_status(*state, 200, DATE "Last-Modified: Sun, 06 Nov 1974 07:49:37 GMT", &usual)
            .lifetime,
        86400);
    assert_int_equal(
        life_of_status(*state, 200, DATE "Last-Modified: Sun, 06 Nov 1994 09:49:37 GMT", &usual)
            .lifetime,
        0);
    assert_int_equal(life_of_status(*state, 200, DATE "Last-Modified: then", &usual).lifetime, 0);
    assert_int_equal(life_of_status(*state, 200, DATE, &usual).lifetime, 0);
}

static void every_form_of_age(void **state)
{
    static const struct {
        const char *lines;
        apr_int64_t age;
    } cases[] = {
        {"Age: 7200", 7200},
        {"Age: 0", 0},
        {"Age: -7200", 0},
        {"Age: 7200.0", 0},
        {"Age: abc", 0},
        {"Age: 7200,0", 7200},
        {"Age: 0,7200", 0},
        {"Age: 7200\nAge: 0", 7200},
        {"Age: 0\nAge: 9", 0},
        {"Age: ", 0},
        {"Age: 99999999999999999999", CACHE_DELTA_MAX},
        {"Age: 72a", 0},
        {"Age: a72", 0},
        {"Age: \"72\"", 0},
        {"Age: 00072", 72},
        {"X: y", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_life_t life = life_of(*state, cases[i].lines);
        if (cache_freshness_age(&life, NOW) != cases[i].age)
            fail_msg("%s: %ld", cases[i].lines, (long)cache_freshness_age(&life, NOW));
    }
}

static void age_is_the_larger_of_date_and_field_and_counts_the_way(void **state)
{
    cache_exchange_t exchange = {CACHE_METHOD_GET};
    cache_directives_t told;
    cache_life_t life;

    exchange.response = fields(*state, DATE "Age: 5\nCache-Control: max-age=60");
    exchange.status = 200;
    exchange.told = &told;
    exchange.requested = NOW + SECONDS(20);
    exchange.received = NOW + SECONDS(30);
    cache_directives_parse(&told, exchange.response, *state);
    cache_freshness_life(&life, &exchange, &none);
    assert_int_equal(cache_freshness_age(&life, exchange.received),
                     30); /* since Date, more than 5 + 10 */
    exchange.response = fields(*state, DATE "Age: 25\nCache-Control: max-age=60");
    cache_freshness_life(&life, &exchange, &none);
    assert_int_equal(cache_freshness_age(&life, exchange.received),
                     35); /* the field and ten seconds on the way */
    assert_int_equal(cache_freshness_age(&life, exchange.received + SECONDS(7)), 42);
    assert_int_equal(cache_freshness_age(&life, exchange.received - SECONDS(7)),
                     35); /* a clock put back */
    assert_int_equal(cache_freshness_ttl(&life, exchange.received), 25);
    assert_int_equal(cache_freshness_ttl(&life, exchange.received + SECONDS(30)), -5);
}

static void a_date_in_the_future_makes_nothing_younger(void **state)
{
    cache_life_t life =
        life_of(*state, "Date: Sun, 06 Nov 2094 08:49:37 GMT\nCache-Control: max-age=60");

    assert_int_equal(cache_freshness_age(&life, NOW), 0);
    assert_int_equal(cache_freshness_date(fields(*state, "Date: wrong"), NOW), NOW);
}

static void what_a_request_makes_of_it(void **state)
{
    static const struct {
        const char *told;
        const char *asked;
        int seconds;
        cache_use_e use;
    } cases[] = {
        {"max-age=60", "", 59, CACHE_USE_FRESH},
        {"max-age=60", "", 60, CACHE_VALIDATE_STALE},
        {"max-age=60", "no-cache", 0, CACHE_VALIDATE_REQUEST},
        {"max-age=60, no-cache", "", 0, CACHE_VALIDATE_STALE},
        {"max-age=60", "max-age=30", 30, CACHE_USE_FRESH},
        {"max-age=60", "max-age=30", 31, CACHE_VALIDATE_REQUEST},
        {"max-age=60", "max-age=0", 0, CACHE_USE_FRESH},
        {"max-age=60", "max-age=x", 31, CACHE_USE_FRESH},
        {"max-age=60, immutable", "max-age=0", 31, CACHE_USE_FRESH},
        {"max-age=60, immutable", "no-cache", 31, CACHE_VALIDATE_REQUEST},
        {"max-age=60", "min-fresh=30", 30, CACHE_USE_FRESH},
        {"max-age=60", "min-fresh=30", 31, CACHE_VALIDATE_REQUEST},
        {"max-age=60", "max-stale", 600, CACHE_USE_STALE},
        {"max-age=60", "max-stale=10", 70, CACHE_USE_STALE},
        {"max-age=60", "max-stale=10", 71, CACHE_VALIDATE_STALE},
        {"max-age=60", "max-stale=x", 61, CACHE_VALIDATE_STALE},
        {"max-age=60", "max-stale, min-fresh=1", 61, CACHE_VALIDATE_REQUEST},
        {"max-age=60, must-revalidate", "max-stale", 61, CACHE_VALIDATE_STALE},
        {"max-age=60, proxy-revalidate", "max-stale", 61, CACHE_VALIDATE_STALE},
        {"s-maxage=60", "max-stale", 61, CACHE_VALIDATE_STALE},
        {"max-age=60, immutable", "max-stale, max-age=0", 61, CACHE_VALIDATE_REQUEST},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        cache_life_t life =
            life_of(*state, apr_pstrcat(*state, "Cache-Control: ", cases[i].told, NULL));
        cache_directives_t asked;
        cache_directives_parse(
            &asked, fields(*state, apr_pstrcat(*state, "Cache-Control: ", cases[i].asked, NULL)),
            *state);
        if (cache_freshness_use(&life, &asked, NOW + SECONDS(cases[i].seconds)) != cases[i].use)
            fail_msg("%s / %s at %d s", cases[i].told, cases[i].asked, cases[i].seconds);
    }
}

static void what_is_kept_and_how_long(void **state)
{
    cache_life_t plain = life_of(*state, "Cache-Control: max-age=60");
    cache_life_t with_tag = life_of(*state, "Cache-Control: max-age=60\nETag: \"a\"");
    cache_life_t dead = life_of(*state, "Cache-Control: max-age=0");
    cache_life_t always_asked =
        life_of(*state, "Cache-Control: max-age=60, no-cache\nLast-Modified: x");
    cache_life_t never_used = life_of(*state, "Cache-Control: max-age=60, no-cache");

    assert_true(cache_freshness_keep(&plain, NOW) > SECONDS(60));
    assert_true(cache_freshness_keep(&with_tag, NOW) > cache_freshness_keep(&plain, NOW));
    assert_int_equal(cache_freshness_keep(&dead, NOW), 0);
    assert_true(cache_freshness_keep(&always_asked, NOW) > 0);
    assert_int_equal(cache_freshness_keep(&never_used, NOW), 0);
}

static void stale_extensions(void **state)
{
    cache_life_t life =
        life_of(*state, "Cache-Control: max-age=1, stale-while-revalidate=5, stale-if-error=7");
    cache_life_t wrong =
        life_of(*state, "Cache-Control: max-age=1, stale-while-revalidate=x, stale-if-error=y");

    assert_int_equal(life.stale_while_revalidate, 5);
    assert_int_equal(life.stale_if_error, 7);
    assert_int_equal(wrong.stale_while_revalidate, 0);
    assert_int_equal(wrong.stale_if_error, CACHE_DELTA_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(explicit_lifetimes_in_their_order),
        POOL_TEST(expires_does_not_count_beside_a_targeted_field),
        POOL_TEST(a_tenth_of_the_age_where_the_status_allows),
        POOL_TEST(nobody_guesses_for_a_request_with_a_cookie),
        POOL_TEST(heuristics_have_limits),
        POOL_TEST(every_form_of_age),
        POOL_TEST(age_is_the_larger_of_date_and_field_and_counts_the_way),
        POOL_TEST(a_date_in_the_future_makes_nothing_younger),
        POOL_TEST(what_a_request_makes_of_it),
        POOL_TEST(what_is_kept_and_how_long),
        POOL_TEST(stale_extensions),
    };

    return RUN_TESTS(tests);
}
