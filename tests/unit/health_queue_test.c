/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "clock.h"
#include "health_queue.h"

typedef struct member_t {
    int looks;
    int ready_at; /* the look that finds it ready; 0: never */
    int gone;
} member_t;

static int ready(void *data)
{
    member_t *member = data;

    return ++member->looks == member->ready_at;
}

static int pointless(void *data)
{
    return ((member_t *)data)->gone;
}

static health_queue_e wait_for(health_queue_t *queue, member_t *member, apr_uint32_t max, int ms,
                               int first)
{
    const health_queue_ask_t ask = {
        .baton = member, .ready = ready, .pointless = pointless, .max = max};

    return health_queue_wait(queue, &ask, tier_clock_now() + apr_time_from_msec(ms), first);
}

static void test_ready(void **state)
{
    health_queue_t queue = {0, 1};
    member_t member = {.ready_at = 1};
    apr_time_t begun = tier_clock_now();

    (void)state;
    assert_int_equal(wait_for(&queue, &member, 0, 1000, 1), HEALTH_QUEUE_READY);
    assert_true(tier_clock_now() - begun < HEALTH_QUEUE_POLL);
    member = (member_t){.ready_at = 1};
    assert_int_equal(wait_for(&queue, &member, 0, 1000, 0), HEALTH_QUEUE_READY);
    assert_true(tier_clock_now() - begun >= HEALTH_QUEUE_POLL);
    member = (member_t){.ready_at = 3};
    assert_int_equal(wait_for(&queue, &member, 0, 1000, 1), HEALTH_QUEUE_READY);
    assert_int_equal(queue.waiting, 0);
}

static void test_time_is_over(void **state)
{
    health_queue_t queue = {0, 1};
    member_t member = {0};
    apr_time_t begun = tier_clock_now();

    (void)state;
    assert_int_equal(wait_for(&queue, &member, 0, 50, 1), HEALTH_QUEUE_TIMED_OUT);
    assert_true(tier_clock_now() - begun >= apr_time_from_msec(50));
    assert_int_equal(queue.waiting, 0);
}

static void test_places(void **state)
{
    health_queue_t queue = {1, 1};
    member_t member = {.ready_at = 1};

    (void)state;
    assert_int_equal(wait_for(&queue, &member, 0, 50, 1), HEALTH_QUEUE_FULL);
    assert_int_equal(member.looks, 0);
    assert_int_equal(wait_for(&queue, &member, 2, 50, 1), HEALTH_QUEUE_READY);
    assert_int_equal(queue.waiting, 1);
}

static void test_nobody_waits_for_the_answer(void **state)
{
    health_queue_t queue = {0, 1};
    member_t member = {.gone = 1};

    (void)state;
    assert_int_equal(wait_for(&queue, &member, 0, 5000, 1), HEALTH_QUEUE_POINTLESS);
    assert_int_equal(queue.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready), cmocka_unit_test(test_time_is_over),
        cmocka_unit_test(test_places), cmocka_unit_test(test_nobody_waits_for_the_answer)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
