/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_group.h"

#define MS(n) apr_time_from_msec(n)

typedef struct fixture_t {
    kept_log_t log;
    apr_uint32_t panic;
    health_group_t group;
} fixture_t;

static void open_group(fixture_t *f, apr_uint32_t percent)
{
    memset(f, 0, sizeof(*f));
    keep_log(&f->log);
    f->group.log = &f->log.log;
    f->group.percent = percent;
    f->group.panic = percent ? &f->panic : NULL;
    assert_true(health_key_set(&f->group.key, "", "balancer://app", ""));
}

static void count_and_judge(fixture_t *f, int good, int out, int stopped)
{
    health_group_begin(&f->group);
    while (good-- > 0)
        health_group_count(&f->group, HEALTH_STANDING_READY, 0);
    while (out-- > 0)
        health_group_count(&f->group, HEALTH_STANDING_READY, 1);
    while (stopped-- > 0)
        health_group_count(&f->group, HEALTH_STANDING_STOPPED, 0);
    health_group_judge(&f->group);
}

static void test_in_and_out_once(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 50);
    count_and_judge(&f, 2, 2, 5);
    assert_false(health_group_panics(&f.group));
    count_and_judge(&f, 1, 2, 0);
    count_and_judge(&f, 0, 3, 0);
    assert_true(health_group_panics(&f.group));
    assert_int_equal(count_lines(&f.log, "WT1062"), 1);
    assert_non_null(strstr(f.log.lines[0].text, "only 1 of 3 members are usable"));
    count_and_judge(&f, 2, 1, 0);
    assert_false(health_group_panics(&f.group));
    assert_int_equal(count_lines(&f.log, "WT1063"), 1);
}

static void test_next_leader_knows(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 100);
    f.panic = 1;
    count_and_judge(&f, 0, 3, 0);
    assert_true(health_group_panics(&f.group));
    assert_int_equal(count_lines(&f.log, "WT106"), 0);
}

static void test_without_a_threshold(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 0);
    count_and_judge(&f, 0, 3, 0);
    assert_false(health_group_panics(&f.group));
    assert_true(health_group_is_bare(&f.group));
    assert_false(health_group_panics(NULL));
}

static void test_bare(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 1);
    count_and_judge(&f, 0, 0, 2); /* the administrator's own wish */
    assert_false(health_group_is_bare(&f.group));
    assert_false(health_group_panics(&f.group));
    count_and_judge(&f, 1, 3, 0);
    assert_false(health_group_is_bare(&f.group));
    health_group_begin(&f.group);
    health_group_count(&f.group, HEALTH_STANDING_ERROR, 0);
    health_group_count(&f.group, HEALTH_STANDING_READY, 1);
    health_group_judge(&f.group);
    assert_true(health_group_is_bare(&f.group));
    count_and_judge(&f, 0, 4, 0);
    assert_true(health_group_panics(&f.group));
    assert_false(health_group_is_bare(&f.group));
}

static void test_empty_when_all_are_out(void **state)
{
    fixture_t f;

    (void)state;
    assert_false(health_group_is_empty(NULL));
    open_group(&f, 0);
    assert_false(health_group_is_empty(&f.group)); /* nobody has counted yet */
    count_and_judge(&f, 1, 2, 0);
    assert_false(health_group_is_empty(&f.group));
    count_and_judge(&f, 0, 2, 1);
    assert_true(health_group_is_empty(&f.group));
}

static void test_down_when_none_is_usable(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 0);
    count_and_judge(&f, 1, 2, 0);
    assert_false(health_group_is_down(&f.group));
    count_and_judge(&f, 0, 2, 1);
    assert_true(health_group_is_down(&f.group));
}

/* What the members need is down: all of them are tried, however many fail, and nothing is said of
 * a threshold. */
static void test_excused_while_what_it_requires_is_down(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 50);
    health_group_excuse(&f.group, "balancer://db", MS(1000));
    count_and_judge(&f, 4, 0, 0);
    assert_int_equal(f.panic, HEALTH_PANIC_REQUIRED);
    health_group_excuse(&f.group, "balancer://db", MS(2000));
    count_and_judge(&f, 0, 4, 0);
    assert_int_equal(f.panic, HEALTH_PANIC_REQUIRED);
    assert_false(health_group_is_bare(&f.group));
    assert_int_equal(count_lines(&f.log, "WT1065"), 1);
    assert_non_null(strstr(f.log.lines[0].text, "balancer://app requires balancer://db"));
    assert_int_equal(f.log.count, 1);
}

/* The checks have their time to see that the members are well too. */
static void test_excuse_lasts_until_the_checks_have_seen_it(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 0);
    f.group.panic = &f.panic;
    health_group_excuse(&f.group, "balancer://db", MS(1000));
    count_and_judge(&f, 2, 2, 0);
    health_group_excuse(&f.group, NULL, MS(1000) + HEALTH_GROUP_GRACE - 1);
    count_and_judge(&f, 2, 2, 0);
    assert_true(health_group_panics(&f.group));
    health_group_excuse(&f.group, NULL, MS(1000) + HEALTH_GROUP_GRACE);
    count_and_judge(&f, 2, 2, 0);
    assert_false(health_group_panics(&f.group));
    assert_int_equal(count_lines(&f.log, "WT1068"), 1);
}

static void test_excuse_ends_early_when_all_are_well(void **state)
{
    fixture_t f;

    (void)state;
    open_group(&f, 50);
    health_group_excuse(&f.group, "balancer://db", MS(1000));
    count_and_judge(&f, 3, 0, 0);
    health_group_excuse(&f.group, NULL, MS(1001));
    count_and_judge(&f, 3, 0, 0);
    assert_false(health_group_panics(&f.group));
    health_group_excuse(&f.group, NULL, MS(1002));
    assert_int_equal(count_lines(&f.log, "WT1068"), 1);
    assert_int_equal(count_lines(&f.log, "WT1063"), 0); /* it was no threshold */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out_once),
        cmocka_unit_test(test_next_leader_knows),
        cmocka_unit_test(test_without_a_threshold),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_empty_when_all_are_out),
        cmocka_unit_test(test_down_when_none_is_usable),
        cmocka_unit_test(test_excused_while_what_it_requires_is_down),
        cmocka_unit_test(test_excuse_lasts_until_the_checks_have_seen_it),
        cmocka_unit_test(test_excuse_ends_early_when_all_are_well)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
