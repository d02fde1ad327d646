/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_marks.h"
#include "common_support.h"

#define NOW apr_time_from_sec(5000)

static cache_marks_t marks;

static int forget(void **state)
{
    (void)state;
    memset(&marks, 0, sizeof(marks));
    return 0;
}

static cache_id_t id_of(const char *key)
{
    cache_id_t id;

    cache_key_id(&id, key);
    return id;
}

static void test_a_mark_stays_for_its_time(void **state)
{
    cache_id_t id = id_of("a");

    (void)state;
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_UNCACHEABLE, &id, NOW), 0);
    cache_marks_set(&marks, CACHE_MARK_UNCACHEABLE, &id, NOW, apr_time_from_sec(10));
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_UNCACHEABLE, &id, NOW), 1);
    assert_int_equal(
        cache_marks_has(&marks, CACHE_MARK_UNCACHEABLE, &id, NOW + apr_time_from_msec(9999)), 1);
    assert_int_equal(
        cache_marks_has(&marks, CACHE_MARK_UNCACHEABLE, &id, NOW + apr_time_from_sec(10)), 0);
}

static void test_marks_are_of_a_kind_and_a_key(void **state)
{
    cache_id_t one = id_of("a"), other = id_of("b");

    (void)state;
    cache_marks_set(&marks, CACHE_MARK_FAILING, &one, NOW, apr_time_from_sec(10));
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_UNCACHEABLE, &one, NOW), 0);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_RESTING, &one, NOW), 0);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &other, NOW), 0);
}

static void test_an_origin_that_failed_rests_for_a_second(void **state)
{
    cache_id_t id = id_of("a");

    (void)state;
    cache_marks_fail(&marks, &id, NOW);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_RESTING, &id, NOW + 999000), 1);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_RESTING, &id, NOW + 1000000), 0);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &id, NOW + 9999000), 1);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &id, NOW + 10000000), 0);
}

static void test_a_mark_can_be_taken_away(void **state)
{
    cache_id_t one = id_of("a"), other = id_of("b");

    (void)state;
    cache_marks_set(&marks, CACHE_MARK_FAILING, &one, NOW, apr_time_from_sec(10));
    cache_marks_clear(&marks, CACHE_MARK_FAILING, &other);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &one, NOW), 1);
    cache_marks_clear(&marks, CACHE_MARK_FAILING, &one);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &one, NOW), 0);
}

/* A key that shares its place takes it, and is never mistaken for the one before. */
static void test_a_place_has_one_mark(void **state)
{
    cache_id_t one = id_of("a"), other = one;

    (void)state;
    other.bytes[8] ^= 1;
    cache_marks_set(&marks, CACHE_MARK_FAILING, &one, NOW, apr_time_from_sec(10));
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &other, NOW), 0);
    cache_marks_set(&marks, CACHE_MARK_FAILING, &other, NOW, apr_time_from_sec(10));
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &one, NOW), 0);
}

static void test_the_clock_may_wrap(void **state)
{
    cache_id_t id = id_of("a");
    apr_time_t late = (APR_INT64_C(1) << 32) * 1000 - 5000;

    (void)state;
    cache_marks_set(&marks, CACHE_MARK_FAILING, &id, late, apr_time_from_msec(20));
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &id, late + 10000), 1);
    assert_int_equal(cache_marks_has(&marks, CACHE_MARK_FAILING, &id, late + 20000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_mark_stays_for_its_time, forget),
        cmocka_unit_test_setup(test_marks_are_of_a_kind_and_a_key, forget),
        cmocka_unit_test_setup(test_an_origin_that_failed_rests_for_a_second, forget),
        cmocka_unit_test_setup(test_a_mark_can_be_taken_away, forget),
        cmocka_unit_test_setup(test_a_place_has_one_mark, forget),
        cmocka_unit_test_setup(test_the_clock_may_wrap, forget),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
