/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_testing.h"

#include "linger_outcome.h"

static void outcomes_are_counted_apart_and_summed(void **state)
{
    linger_tally_t tallies[3];

    (void)state;
    memset(tallies, 0, sizeof(tallies));
    linger_tally_add(&tallies[0], LINGER_HIT);
    linger_tally_add(&tallies[2], LINGER_HIT);
    linger_tally_add(&tallies[2], LINGER_STARVED);
    assert_int_equal(linger_tally_sum(tallies, 3, LINGER_HIT), 2);
    assert_int_equal(linger_tally_sum(tallies, 2, LINGER_HIT), 1);
    assert_int_equal(linger_tally_sum(tallies, 3, LINGER_STARVED), 1);
    assert_int_equal(linger_tally_sum(tallies, 3, LINGER_TIMEOUT), 0);
    assert_int_equal(linger_tally_sum(NULL, 0, LINGER_HIT), 0);
}

static void children_share_no_cache_line(void **state)
{
    (void)state;
    assert_int_equal(sizeof(linger_tally_t) % 64, 0);
}

static void each_outcome_has_its_own_words(void **state)
{
    int i, k;

    (void)state;
    for (i = 0; i < LINGER_OUTCOMES; i++) {
        assert_non_null(linger_outcome_name(i));
        assert_true(strlen(linger_outcome_help(i)) > 20);
        for (k = 0; k < i; k++) {
            assert_string_not_equal(linger_outcome_name(i), linger_outcome_name(k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_counted_apart_and_summed),
        cmocka_unit_test(children_share_no_cache_line),
        cmocka_unit_test(each_outcome_has_its_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
