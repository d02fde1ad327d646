/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_testing.h"

#include "linger_pace.h"

#define LIMIT apr_time_from_msec(2)
#define NEAR  200
#define FAR   apr_time_from_msec(50)
#define REACH (8 * LIMIT) /* a longer gap says that the client is far */

static void nothing_known_nothing_lingered(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    assert_int_equal(linger_pace_pays(&pace, REACH), 0);
}

static void one_short_gap_is_enough_at_first(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    linger_pace_passed(&pace, LIMIT, LIMIT, REACH);
    assert_int_equal(linger_pace_pays(&pace, REACH), 1);
    assert_int_equal(pace.odds, LINGER_PACE_SURE);
}

static void a_single_miss_is_forgiven_two_are_not(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    linger_pace_hit(&pace);
    linger_pace_missed(&pace);
    assert_int_equal(linger_pace_pays(&pace, REACH), 1);
    linger_pace_missed(&pace);
    assert_int_equal(linger_pace_pays(&pace, REACH), 0);
    linger_pace_passed(&pace, NEAR, LIMIT, REACH);
    assert_int_equal(linger_pace_pays(&pace, REACH), 1);
}

static void a_miss_and_a_really_long_gap_are_enough(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    linger_pace_hit(&pace);
    linger_pace_missed(&pace);
    linger_pace_passed(&pace, FAR, LIMIT, REACH);
    assert_int_equal(linger_pace_pays(&pace, REACH), 0);
}

static void a_gap_that_may_be_our_own_delay_says_nothing(void **state)
{
    linger_pace_t pace = {0};
    int i;

    (void)state;
    linger_pace_hit(&pace);
    for (i = 0; i < 1000; i++) {
        linger_pace_passed(&pace, REACH, LIMIT, REACH);
    }
    assert_int_equal(linger_pace_pays(&pace, REACH), 1);
}

/* How often is lingered for a client whose gaps are like this, when no linger pays. */
static int tries(linger_pace_t *pace, apr_interval_time_t gap, int responses)
{
    int tried = 0;

    while (responses-- > 0) {
        linger_pace_passed(pace, gap, LIMIT, REACH);
        if (linger_pace_pays(pace, REACH)) {
            linger_pace_missed(pace);
            tried++;
        }
    }
    return tried;
}

static void a_far_client_is_never_tried(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    assert_int_equal(tries(&pace, REACH + 1, 100000), 0);
}

static void a_slow_client_is_tried_ever_more_seldom(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    assert_int_equal(tries(&pace, LIMIT + 1, LINGER_PACE_FIRST), 0);
    assert_int_equal(tries(&pace, LIMIT + 1, 1), 1);
    assert_int_equal(tries(&pace, LIMIT + 1, 2 * LINGER_PACE_FIRST), 0);
    assert_int_equal(tries(&pace, LIMIT + 1, 1), 1);
    assert_in_range(tries(&pace, LIMIT + 1, 8192), 5, 8); /* after 64, 128, ... 4096 more */
    assert_int_equal(pace.patience, LINGER_PACE_PATIENCE);
    assert_int_equal(tries(&pace, LIMIT + 1, 10 * (LINGER_PACE_PATIENCE + 1)), 10);
}

static void a_try_that_pays_goes_on(void **state)
{
    linger_pace_t pace = {0};

    (void)state;
    assert_int_equal(tries(&pace, LIMIT * 2, 17 + 33), 2);
    linger_pace_hit(&pace);
    assert_int_equal(pace.odds, LINGER_PACE_EVEN);
    assert_int_equal(pace.patience, LINGER_PACE_FIRST);
    assert_int_equal(linger_pace_pays(&pace, REACH), 1);
    linger_pace_hit(&pace);
    assert_true(pace.odds > LINGER_PACE_EVEN);
}

static void odds_stay_in_range(void **state)
{
    linger_pace_t pace = {0};
    int i;

    (void)state;
    for (i = 0; i < 100; i++) {
        linger_pace_passed(&pace, i % 50 < 25 ? NEAR : FAR, LIMIT, REACH);
        assert_in_range(pace.odds, 0, LINGER_PACE_SURE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_nothing_lingered),
        cmocka_unit_test(one_short_gap_is_enough_at_first),
        cmocka_unit_test(a_single_miss_is_forgiven_two_are_not),
        cmocka_unit_test(a_miss_and_a_really_long_gap_are_enough),
        cmocka_unit_test(a_gap_that_may_be_our_own_delay_says_nothing),
        cmocka_unit_test(a_far_client_is_never_tried),
        cmocka_unit_test(a_slow_client_is_tried_ever_more_seldom),
        cmocka_unit_test(a_try_that_pays_goes_on),
        cmocka_unit_test(odds_stay_in_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
