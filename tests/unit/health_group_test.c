/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "health_group.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out_once), cmocka_unit_test(test_next_leader_knows),
        cmocka_unit_test(test_without_a_threshold), cmocka_unit_test(test_bare)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
