/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_failure.h"
#include "reproxy_plan.h"

static int ask(reproxy_plan_t *plan, int rounds)
{
    int copy = reproxy_plan_next(plan, rounds);

    if (copy >= 0)
        reproxy_plan_ask(plan, copy);
    return copy;
}

static void each_once_in_order(void **state)
{
    reproxy_plan_t plan = {.count = 3};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&plan, 1), i);
        reproxy_plan_done(&plan, i, REPROXY_FAILURE_CUT);
    }
    assert_int_equal(ask(&plan, 1), -1);
}

static void sick_nodes_come_last(void **state)
{
    reproxy_plan_t plan = {.count = 3};

    (void)state;
    plan.copies[0].is_sick = 1;
    assert_int_equal(ask(&plan, 1), 1);
    assert_int_equal(ask(&plan, 1), 2);
    assert_int_equal(ask(&plan, 1), 0);
    assert_int_equal(ask(&plan, 1), -1);
    reproxy_plan_done(&plan, 2, REPROXY_FAILURE_NONE);
    assert_int_equal(ask(&plan, 1), 2);
}

static void a_continuation_tries_again_what_may_go_better(void **state)
{
    reproxy_plan_t plan = {.count = 2};
    int asked = 0;

    (void)state;
    assert_int_equal(ask(&plan, 1), 0);
    reproxy_plan_done(&plan, 0, REPROXY_FAILURE_CUT);
    assert_int_equal(ask(&plan, 3), 1);
    reproxy_plan_done(&plan, 1, REPROXY_FAILURE_CHANGED);
    for (int copy; (copy = ask(&plan, 3)) >= 0; asked++) {
        assert_int_equal(copy, 0);
        reproxy_plan_done(&plan, copy, REPROXY_FAILURE_CUT);
    }
    assert_int_equal(asked, 2);
}

static void what_is_out_of_reach_is_tried_less(void **state)
{
    reproxy_plan_t plan = {.count = 1};
    int asked = 0;

    (void)state;
    for (int copy; (copy = ask(&plan, 3)) >= 0; asked++)
        reproxy_plan_done(&plan, copy, REPROXY_FAILURE_TIMEOUT);
    assert_int_equal(asked, 2);
}

static void verdicts(void **state)
{
    static const struct {
        reproxy_failure_e first, second, verdict;
    } cases[] = {
        {REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_ABSENT},
        {REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_CONNECT, REPROXY_FAILURE_CONNECT},
        {REPROXY_FAILURE_CONNECT, REPROXY_FAILURE_TIMEOUT, REPROXY_FAILURE_TIMEOUT},
        {REPROXY_FAILURE_STATUS, REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_STATUS},
        {REPROXY_FAILURE_REFUSED, REPROXY_FAILURE_ABSENT, REPROXY_FAILURE_REFUSED},
        {REPROXY_FAILURE_SIZE, REPROXY_FAILURE_STALL, REPROXY_FAILURE_STALL},
        {REPROXY_FAILURE_NONE, REPROXY_FAILURE_NONE, REPROXY_FAILURE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        reproxy_plan_t plan = {.count = 2};

        reproxy_plan_done(&plan, 0, cases[i].first);
        reproxy_plan_done(&plan, 1, cases[i].second);
        assert_int_equal(reproxy_plan_verdict(&plan), cases[i].verdict);
    }
}

static void no_copy(void **state)
{
    reproxy_plan_t plan = {.count = 0};

    (void)state;
    assert_int_equal(reproxy_plan_next(&plan, 1), -1);
    assert_int_equal(reproxy_plan_verdict(&plan), REPROXY_FAILURE_NONE);
}

static void every_failure_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < REPROXY_FAILURES; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reproxy_failure_name((reproxy_failure_e)i),
                                    reproxy_failure_name((reproxy_failure_e)j));
    assert_string_equal(reproxy_failure_name(REPROXY_FAILURES), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once_in_order),
        cmocka_unit_test(sick_nodes_come_last),
        cmocka_unit_test(a_continuation_tries_again_what_may_go_better),
        cmocka_unit_test(what_is_out_of_reach_is_tried_less),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(no_copy),
        cmocka_unit_test(every_failure_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
