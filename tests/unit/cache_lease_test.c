/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of two boxes in one real memcached. */
#include "common_memcached.h"

#include "cache_lease.h"

#include <apr_strings.h>

#define KEEP apr_time_from_sec(20)

typedef struct boxes_t {
    memcached_t memcached;
    rig_t rig;
    cache_lease_t one, other;
    cache_lease_owed_t owed[2];
    cache_id_t id;
} boxes_t;

/* lost: a server that never answers, or NULL. */
static void open_impatiently(boxes_t *boxes, apr_interval_time_t deadline, const char *lost,
                             apr_pool_t *pool)
{
    const char *servers[] = {boxes->memcached.server, lost, NULL};

    memcached_start(&boxes->memcached, 0, NULL);
    rig_make(&boxes->rig, pool, servers);
    if (deadline)
        boxes->rig.options.deadline = deadline;
    rig_connect(&boxes->rig);
    boxes->one = (cache_lease_t){boxes->rig.memcache, "0123456789abcdef", &boxes->owed[0]};
    boxes->other = (cache_lease_t){boxes->rig.memcache, "fedcba9876543210", &boxes->owed[1]};
    memset(boxes->owed, 0, sizeof(boxes->owed));
    cache_key_id(&boxes->id, "key");
}

static void open_boxes(boxes_t *boxes, apr_pool_t *pool)
{
    open_impatiently(boxes, 0, NULL, pool);
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

/* memcached hangs for a moment while the lease is given back: the other box does not wait for its
 * end. */
static void what_was_not_heard_is_made_up_for(void **state)
{
    apr_time_t end = tier_clock_now() + apr_time_from_sec(60);
    prober_thread_t prober;
    cache_id_t another;
    boxes_t boxes;

    open_impatiently(&boxes, DEADLINE, NULL, *state);
    cache_key_id(&another, "another");
    probe_start(&prober, &boxes.rig);
    cache_lease_try(&boxes.one, &boxes.id, apr_time_from_sec(3600), *state);
    cache_lease_try(&boxes.one, &another, apr_time_from_sec(3600), *state);
    memcached_stop(&boxes.memcached);
    cache_lease_release(&boxes.one, &boxes.id);
    cache_lease_refuse(&boxes.one, &another, apr_time_from_sec(3600));
    memcached_cont(&boxes.memcached);
    while (is_open(&boxes.rig.breakers[0]) && tier_clock_now() < end)
        usleep(10000);
    while (boxes.owed[0].count > 0 && tier_clock_now() < end) {
        cache_key_id(&another, "yet another");
        cache_lease_try(&boxes.one, &another, KEEP, *state);
        usleep(10000);
    }
    assert_int_equal(boxes.owed[0].count, 0);
    cache_key_id(&another, "another");
    assert_int_equal(cache_lease_try(&boxes.other, &boxes.id, KEEP, *state), CACHE_LEASE_MINE);
    assert_int_equal(cache_lease_try(&boxes.other, &another, KEEP, *state), CACHE_LEASE_MINE);
    probe_stop(&prober);
    memcached_kill(&boxes.memcached);
}

/* Of two servers one stays away. */
static void a_lost_server_holds_up_no_other(void **state)
{
    apr_time_t end = tier_clock_now() + apr_time_from_sec(60);
    cache_id_t ids[16];
    apr_uint32_t lost = 0;
    boxes_t boxes;

    open_impatiently(&boxes, DEADLINE, "127.0.0.1:1", *state);
    for (int i = 0; i < 16; i++) {
        cache_key_id(&ids[i], apr_psprintf(*state, "key %d", i));
        if (cache_lease_try(&boxes.one, &ids[i], KEEP, *state) == CACHE_LEASE_MINE &&
            cache_lease_try(&boxes.other, &ids[i], KEEP, *state) == CACHE_LEASE_MINE)
            lost++; /* without a server everybody has it */
        cache_lease_owed_add(&boxes.owed[0], &ids[i]);
    }
    assert_true(lost > 0 && lost < 16);
    while (boxes.owed[0].count > lost && tier_clock_now() < end) {
        cache_lease_try(&boxes.one, &boxes.id, KEEP, *state);
        usleep(10000);
    }
    assert_int_equal(boxes.owed[0].count, lost);
    for (int i = 0; i < 16; i++)
        assert_int_equal(cache_lease_try(&boxes.other, &ids[i], KEEP, *state), CACHE_LEASE_MINE);
    memcached_kill(&boxes.memcached);
}

/* Of too many the latest are kept. */
static void the_oldest_are_forgotten(void **state)
{
    cache_lease_owed_t owed = {0};
    cache_id_t id = {{0}}, found;
    apr_uint32_t use;
    int kept = 0;

    (void)state;
    assert_false(cache_lease_owed_due(&owed, 1));
    for (int i = 0; i < CACHE_LEASE_OWED + 10; i++) {
        id.bytes[0] = i < 10;
        cache_lease_owed_add(&owed, &id);
    }
    assert_true(cache_lease_owed_due(&owed, 1));
    assert_false(cache_lease_owed_due(&owed, 2));
    for (int i = 0; i < CACHE_LEASE_OWED; i++) {
        kept += cache_lease_owed_at(&owed, i, &found, &use);
        assert_int_equal(found.bytes[0], 0);
        cache_lease_owed_done(&owed, i, use);
        cache_lease_owed_done(&owed, i, use);
        assert_false(cache_lease_owed_at(&owed, i, &found, &use));
    }
    assert_int_equal(kept, CACHE_LEASE_OWED);
    assert_false(cache_lease_owed_due(&owed, apr_time_from_sec(1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(one_box_has_it),
        test_with_pool(a_refused_one_tells_the_others),
        test_with_pool(a_lost_box_gives_it_back_in_time),
        test_with_pool(without_memcached_everybody_asks),
        test_with_pool(what_was_not_heard_is_made_up_for),
        test_with_pool(a_lost_server_holds_up_no_other),
        test_with_pool(the_oldest_are_forgotten),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
