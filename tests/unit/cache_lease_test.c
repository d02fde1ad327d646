/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of two boxes in one real memcached. */
#include "common_memcached.h"

#include "cache_lease.h"

#define KEEP apr_time_from_sec(20)

typedef struct boxes_t {
    memcached_t memcached;
    rig_t rig;
    cache_lease_t one, other;
    cache_id_t id;
} boxes_t;

static void open_boxes(boxes_t *boxes, apr_pool_t *pool)
{
    memcached_start(&boxes->memcached, 0, NULL);
    rig_one(&boxes->rig, pool, boxes->memcached.server);
    boxes->one = (cache_lease_t){boxes->rig.memcache, "0123456789abcdef"};
    boxes->other = (cache_lease_t){boxes->rig.memcache, "fedcba9876543210"};
    cache_key_id(&boxes->id, "key");
}

static void one_box_has_it(void **state)
{
    boxes_t boxes;

    open_boxes(&boxes, *state);
    assert_int_equal(cache_lease_try(&boxes.one, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
    assert_int_equal(cache_lease_try(&boxes.other, &boxes.id, KEEP, *state), CACHE_LEASE_OTHERS);
    assert_int_equal(cache_lease_try(&boxes.one, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
    assert_int_equal(cache_lease_try_again(&boxes.other, &boxes.id, KEEP, *state),
                     CACHE_LEASE_OTHERS);
    cache_lease_release(&boxes.one, &boxes.id);
    assert_int_equal(cache_lease_try_again(&boxes.other, &boxes.id, KEEP, *state),
                     CACHE_LEASE_MINE);
    memcached_kill(&boxes.memcached);
}

static void a_refused_one_tells_the_others(void **state)
{
    boxes_t boxes;

    open_boxes(&boxes, *state);
    assert_int_equal(cache_lease_try(&boxes.one, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
    cache_lease_refuse(&boxes.one, &boxes.id, KEEP);
    assert_int_equal(cache_lease_try_again(&boxes.other, &boxes.id, KEEP, *state),
                     CACHE_LEASE_UNCACHEABLE);
    assert_int_equal(cache_lease_try(&boxes.other, &boxes.id, KEEP, *state),
                     CACHE_LEASE_UNCACHEABLE);
    memcached_kill(&boxes.memcached);
}

static void a_lost_box_gives_it_back_in_time(void **state)
{
    boxes_t boxes;
    apr_time_t began = tier_clock_now();

    open_boxes(&boxes, *state);
    cache_lease_try(&boxes.one, &boxes.id, apr_time_from_sec(1), *state);
    while (cache_lease_try(&boxes.other, &boxes.id, KEEP, *state) == CACHE_LEASE_OTHERS &&
           tier_clock_now() - began < apr_time_from_sec(10))
        usleep(50000);
    assert_true(tier_clock_now() - began < apr_time_from_sec(10));
    memcached_kill(&boxes.memcached);
}

static void without_memcached_everybody_asks(void **state)
{
    boxes_t boxes;

    open_boxes(&boxes, *state);
    memcached_kill(&boxes.memcached);
    assert_int_equal(cache_lease_try(&boxes.one, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
    assert_int_equal(cache_lease_try(&boxes.other, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(one_box_has_it),
        test_with_pool(a_refused_one_tells_the_others),
        test_with_pool(a_lost_box_gives_it_back_in_time),
        test_with_pool(without_memcached_everybody_asks),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
