/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_stale.h"
#include "common_support.h"

#define RECEIVED apr_time_from_sec(1000000)

/* Fresh for 10 s, usable stale for 20 s while revalidated and for 30 s on errors. */
static cache_life_t life_of(apr_uint32_t flags)
{
    cache_life_t life = {flags, 10, RECEIVED, 0, 20, 30};

    return life;
}

static apr_time_t after(int seconds)
{
    return RECEIVED + apr_time_from_sec(seconds);
}

static void test_windows_end(void **state)
{
    cache_life_t life = life_of(0);

    (void)state;
    assert_int_equal(cache_stale_while_revalidate(&life, &cache_directives_none, after(30)), 1);
    assert_int_equal(cache_stale_while_revalidate(&life, &cache_directives_none, after(30) + 1), 0);
    assert_int_equal(cache_stale_if_error(&life, &cache_directives_none, after(40)), 1);
    assert_int_equal(cache_stale_if_error(&life, &cache_directives_none, after(40) + 1), 0);
}

static void test_nothing_said_nothing_allowed(void **state)
{
    cache_life_t life = life_of(0);

    (void)state;
    life.stale_while_revalidate = 0;
    life.stale_if_error = CACHE_DELTA_NONE;
    assert_int_equal(cache_stale_while_revalidate(&life, &cache_directives_none, after(10)), 0);
    assert_int_equal(cache_stale_if_error(&life, &cache_directives_none, after(10)), 0);
}

static void test_rules_come_first(void **state)
{
    static const apr_uint32_t flags[] = {CACHE_LIFE_NO_CACHE, CACHE_LIFE_MUST_REVALIDATE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        cache_life_t life = life_of(flags[i]);

        assert_int_equal(cache_stale_while_revalidate(&life, &cache_directives_none, after(15)), 0);
        assert_int_equal(cache_stale_if_error(&life, &cache_directives_none, after(15)), 0);
    }
}

static void test_what_the_request_wants(void **state)
{
    cache_life_t life = life_of(0);
    cache_directives_t asked = cache_directives_none;

    (void)state;
    asked.flags = CACHE_CC_NO_CACHE;
    assert_int_equal(cache_stale_while_revalidate(&life, &asked, after(15)), 0);
    assert_int_equal(cache_stale_if_error(&life, &asked, after(15)), 0);
    asked = cache_directives_none;
    asked.max_age = 14;
    assert_int_equal(cache_stale_while_revalidate(&life, &asked, after(15)), 0);
    assert_int_equal(cache_stale_if_error(&life, &asked, after(15)), 1);
    asked.max_age = 15;
    assert_int_equal(cache_stale_while_revalidate(&life, &asked, after(15)), 1);
    asked.min_fresh = 0;
    assert_int_equal(cache_stale_while_revalidate(&life, &asked, after(15)), 0);
}

static void test_defaults_only_where_nothing_is_said(void **state)
{
    static const cache_stale_defaults_t defaults = {100, 200};
    static const cache_stale_defaults_t none = {CACHE_DELTA_NONE, CACHE_DELTA_NONE};
    cache_directives_t told = cache_directives_none;
    cache_life_t life = life_of(0);

    (void)state;
    cache_stale_default(&life, &told, &none);
    assert_int_equal(life.stale_while_revalidate, 20);
    cache_stale_default(&life, &told, &defaults);
    assert_int_equal(life.stale_while_revalidate, 100);
    assert_int_equal(life.stale_if_error, 200);
    life = life_of(0);
    told.stale_while_revalidate = 0;
    told.stale_if_error = CACHE_DELTA_INVALID;
    cache_stale_default(&life, &told, &defaults);
    assert_int_equal(life.stale_while_revalidate, 20);
    assert_int_equal(life.stale_if_error, 30);
}

static void test_no_default_for_what_may_never_be_used_unasked(void **state)
{
    static const cache_stale_defaults_t defaults = {100, 200};
    cache_life_t life = life_of(0);

    (void)state;
    life.lifetime = 0;
    cache_stale_default(&life, &cache_directives_none, &defaults);
    assert_int_equal(life.stale_while_revalidate, 20);
    assert_int_equal(life.stale_if_error, 200);
}

static void test_what_those_who_wait_may_make_of_it(void **state)
{
    cache_life_t life = life_of(0);

    (void)state;
    assert_int_equal(cache_stale_worth(&life, after(5)), CACHE_STALE_USABLE);
    assert_int_equal(cache_stale_worth(&life, after(25)), CACHE_STALE_USABLE);
    assert_int_equal(cache_stale_worth(&life, after(31)), CACHE_STALE_TOO_OLD);
    life.flags = CACHE_LIFE_MUST_REVALIDATE;
    assert_int_equal(cache_stale_worth(&life, after(15)), CACHE_STALE_TOO_OLD);
    life.flags = CACHE_LIFE_NO_CACHE;
    assert_int_equal(cache_stale_worth(&life, after(5)), CACHE_STALE_NEVER);
    life = life_of(0);
    life.lifetime = life.stale_while_revalidate = 0;
    assert_int_equal(cache_stale_worth(&life, after(0)), CACHE_STALE_NEVER);
    life.stale_while_revalidate = 5;
    assert_int_equal(cache_stale_worth(&life, after(1)), CACHE_STALE_USABLE);
}

static void test_errors(void **state)
{
    static const int errors[] = {500, 502, 503, 504};
    static const int others[] = {200, 304, 404, 501, 505, 599};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(cache_stale_is_error(errors[i]), 1);
    for (int i = 0; i < 6; i++)
        assert_int_equal(cache_stale_is_error(others[i]), 0);
}

static void test_outcomes(void **state)
{
    (void)state;
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_NO_STORE, 200, 0), CACHE_FLIGHT_UNCACHEABLE);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_NO_FRESHNESS, 404, 1),
                     CACHE_FLIGHT_UNCACHEABLE);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_NO_FRESHNESS, 502, 0), CACHE_FLIGHT_FAILED);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_STORE, 200, 0), CACHE_FLIGHT_FAILED);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_INCOMPLETE, 200, 0), CACHE_FLIGHT_FAILED);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_INCOMPLETE, 200, 1), CACHE_FLIGHT_LOST);
}

/* A store keeps what may still be used, no longer and no less long. */
static void test_keeping(void **state)
{
    cache_life_t life = life_of(0);

    (void)state;
    life.stale_while_revalidate = 600;
    assert_int_equal(cache_freshness_keep(&life, after(0)), apr_time_from_sec(610));
    assert_int_equal(cache_freshness_keep(&life, after(110)), apr_time_from_sec(500));
    assert_int_equal(cache_freshness_keep(&life, after(700)), 0);
    life.stale_while_revalidate = 0;
    assert_int_equal(cache_freshness_keep(&life, after(0)), apr_time_from_sec(70));
    life.flags = CACHE_LIFE_MUST_REVALIDATE;
    life.stale_if_error = 600;
    assert_int_equal(cache_freshness_keep(&life, after(20)), 0);
}

static void test_stale_since(void **state)
{
    cache_life_t life = life_of(0);

    (void)state;
    cache_stale_since(&life, after(100));
    assert_int_equal(life.lifetime, 10);
    cache_stale_since(&life, after(4));
    assert_int_equal(life.lifetime, 4);
    assert_int_equal(cache_stale_while_revalidate(&life, &cache_directives_none, after(24)), 1);
    life.initial_age = apr_time_from_sec(3);
    cache_stale_since(&life, after(-5));
    assert_int_equal(life.lifetime, 3);
    assert_int_equal(cache_stale_outcome(CACHE_REFUSED_PURGED, 200, 0), CACHE_FLIGHT_LOST);
}

static void test_what_is_read_on_without_a_client(void **state)
{
    const apr_interval_time_t longest = apr_time_from_sec(30);
    const apr_size_t much = 1024 * 1024;

    (void)state;
    assert_int_equal(cache_stale_is_finished_alone(-1, 0, 0), 1);
    assert_int_equal(cache_stale_is_finished_alone(-1, much, longest), 1);
    assert_int_equal(cache_stale_is_finished_alone(-1, 0, longest + 1), 0);
    assert_int_equal(cache_stale_is_finished_alone(-1, much + 1, 0), 0);
    assert_int_equal(cache_stale_is_finished_alone(9999999, much + 1, longest), 1);
    assert_int_equal(cache_stale_is_finished_alone(9999999, much + 1, longest + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_end),
        cmocka_unit_test(test_nothing_said_nothing_allowed),
        cmocka_unit_test(test_rules_come_first),
        cmocka_unit_test(test_what_the_request_wants),
        cmocka_unit_test(test_defaults_only_where_nothing_is_said),
        cmocka_unit_test(test_no_default_for_what_may_never_be_used_unasked),
        cmocka_unit_test(test_what_those_who_wait_may_make_of_it),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_keeping),
        cmocka_unit_test(test_stale_since),
        cmocka_unit_test(test_what_is_read_on_without_a_client),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
