/* SPDX-License-Identifier: Apache-2.0 */
/* Several values at once: of real servers, and of servers that lie, dawdle and hang up. */
#include "common_memcached.h"

#include <apr_strings.h>
#include <sys/socket.h>

#define MOST 12

typedef struct wanted_t {
    tier_memcache_item_t items[MOST];
    char rooms[MOST][64];
} wanted_t;

/* Wants values of up to room bytes for the keys k0, k1, ... */
static wanted_t *want(int count, apr_size_t room, apr_pool_t *pool)
{
    wanted_t *wanted = apr_pcalloc(pool, sizeof(*wanted));

    for (int i = 0; i < count; i++) {
        tier_memcache_item_t *item = &wanted->items[i];
        item->key = apr_psprintf(pool, "k%d", i);
        item->key_size = strlen(item->key);
        item->into = wanted->rooms[i];
        item->room = room;
        item->status = -1;
    }
    return wanted;
}

static int has(const tier_memcache_item_t *item, const char *value)
{
    return item->status == APR_SUCCESS && item->size == strlen(value) &&
           memcmp(item->into, value, item->size) == 0;
}

static void values_of_all_servers_come_where_they_belong(void **state)
{
    memcached_t servers[3];
    const char *names[4] = {NULL};
    wanted_t *wanted = want(MOST, 64, *state);
    rig_t rig;

    for (int i = 0; i < 3; i++) {
        memcached_start(&servers[i], 0, NULL);
        names[i] = servers[i].server;
    }
    rig_make(&rig, *state, names);
    rig.options.deadline = PATIENCE;
    rig_connect(&rig);
    for (int i = 0; i < MOST; i += 2)
        assert_int_equal(set(&rig, wanted->items[i].key, wanted->items[i].key, 2 + (i > 9)),
                         APR_SUCCESS);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(tier_memcache_get_many(rig.memcache, wanted->items, MOST, *state),
                         APR_SUCCESS);
        for (int i = 0; i < MOST; i++) {
            if (i % 2 == 0)
                assert_true(has(&wanted->items[i], wanted->items[i].key));
            else
                assert_int_equal(wanted->items[i].status, APR_NOTFOUND);
        }
        for (int i = 0; i < 3 && round == 0; i++) /* kept connections are closed; nothing is lost */
            assert_true(is_open(&rig.breakers[i]) == 0);
    }
    for (int i = 0; i < 3; i++)
        memcached_kill(&servers[i]);
    assert_int_not_equal(tier_memcache_get_many(rig.memcache, wanted->items, MOST, *state),
                         APR_SUCCESS);
    assert_int_equal(tier_memcache_get_many(rig.memcache, wanted->items, MOST, *state), APR_EAGAIN);
    assert_int_equal(wanted->items[0].status, APR_EAGAIN);
}

static void a_restarted_server_is_no_failure(void **state)
{
    wanted_t *wanted = want(2, 64, *state);
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    set(&rig, "k1", "value", 5);
    tier_memcache_get_many(rig.memcache, wanted->items, 2, *state);
    assert_true(has(&wanted->items[1], "value"));
    memcached_restart(&memcached);
    assert_int_equal(tier_memcache_get_many(rig.memcache, wanted->items, 2, *state), APR_SUCCESS);
    assert_int_equal(wanted->items[1].status, APR_NOTFOUND);
    assert_int_equal(line_count(&rig), 0);
    memcached_kill(&memcached);
}

static void large_values_and_small_rooms(void **state)
{
    tier_memcache_item_t items[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
    char *value = apr_palloc(*state, 1000000);
    memcached_t memcached;
    rig_t rig;

    memset(value, 'v', 1000000);
    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    set(&rig, "a", value, 1000000);
    set(&rig, "b", value, 100000);
    set(&rig, "c", "", 0);
    for (int i = 0; i < 3; i++) {
        items[i].into = apr_pcalloc(*state, 1000000);
        items[i].room = i == 1 ? 99999 : 1000000;
    }
    assert_int_equal(tier_memcache_get_many(rig.memcache, items, 3, *state), APR_SUCCESS);
    assert_int_equal(items[0].size, 1000000);
    assert_memory_equal(items[0].into, value, 1000000);
    assert_int_equal(items[1].status, APR_ENOSPC);
    assert_int_equal(items[2].status, APR_SUCCESS);
    assert_int_equal(items[2].size, 0);
    memcached_kill(&memcached);
}

static void keys_that_are_not_allowed_are_not_sent(void **state)
{
    wanted_t *wanted = want(2, 64, *state);
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    wanted->items[1].key = "k\r\n";
    wanted->items[1].key_size = 3;
    assert_int_equal(tier_memcache_get_many(rig.memcache, wanted->items, 2, *state), APR_EINVAL);
    memcached_kill(&memcached);
}

static int say_text(fake_t *fake, int fd, const char *question)
{
    (void)question;
    return send(fd, fake->text, fake->size, MSG_NOSIGNAL) < 0;
}

static int say_text_and_close(fake_t *fake, int fd, const char *question)
{
    say_text(fake, fd, question);
    return 1;
}

static int trickle(fake_t *fake, int fd, const char *question)
{
    (void)question;
    for (size_t i = 0; i < fake->size; i++) {
        if (__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE) ||
            send(fd, fake->text + i, 1, MSG_NOSIGNAL) < 0)
            return 1;
        usleep(40 * 1000);
    }
    return 0;
}

/* Asks a fake for k0, k1 and k2; returns how. */
static apr_status_t ask_fake(int (*play)(fake_t *, int, const char *), const char *text,
                             apr_interval_time_t deadline, wanted_t *wanted, apr_time_t *took,
                             apr_pool_t *pool)
{
    const char *servers[2] = {NULL, NULL};
    apr_status_t status;
    apr_time_t began;
    fake_t fake;
    rig_t rig;

    memset(&fake, 0, sizeof(fake));
    fake.play = play;
    fake.text = text;
    fake.size = strlen(text);
    fake_start(&fake);
    servers[0] = fake.server;
    rig_make(&rig, pool, servers);
    rig.options.deadline = deadline;
    rig_connect(&rig);
    began = tier_clock_now();
    status = tier_memcache_get_many(rig.memcache, wanted->items, 3, pool);
    *took = tier_clock_now() - began;
    assert_int_equal(is_open(&rig.breakers[0]), status != APR_SUCCESS);
    fake_stop(&fake);
    apr_pool_destroy(rig.pool);
    return status;
}

static void right_answers_are_believed(void **state)
{
    wanted_t *wanted = want(3, 5, *state);
    apr_time_t took;

    assert_int_equal(ask_fake(say_text, "VALUE k0 7 1\r\na\r\nVALUE k2 0 0\r\n\r\nEND\r\n",
                              PATIENCE, wanted, &took, *state),
                     APR_SUCCESS);
    assert_true(has(&wanted->items[0], "a"));
    assert_int_equal(wanted->items[0].flags, 7);
    assert_int_equal(wanted->items[1].status, APR_NOTFOUND);
    assert_true(has(&wanted->items[2], ""));
}

static void wrong_answers_are_misses(void **state)
{
    static const char *const answers[] = {
        "what?\r\n",
        "SERVER_ERROR out of memory\r\n",
        "STORED\r\n",
        "END\r\nEND\r\n",
        "VALUE k0 0 1\r\na\r\nVALUE k0 0 1\r\na\r\nEND\r\n",
        "VALUE k1 0 1\r\na\r\nVALUE k0 0 1\r\na\r\nEND\r\n",
        "VALUE k3 0 1\r\na\r\nEND\r\n",
        "VALUE  0 1\r\na\r\nEND\r\n",
        "VALUE k0 0 1\r\nabEND\r\n",
        "VALUE k0 0 99999999999999999999\r\na\r\nEND\r\n",
        "VALUE k0 0 1\r\na\r\nVALUE k1 0 1\r\na\r\nVALUE k2 0 1\r\na\r\nVALUE k2 0 "
        "1\r\na\r\nEND\r\n",
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        wanted_t *wanted = want(3, 5, *state);
        apr_time_t took;

        assert_int_equal(ask_fake(say_text, answers[i], PATIENCE, wanted, &took, *state),
                         APR_EGENERAL);
        assert_int_equal(wanted->items[2].status == APR_SUCCESS, i == 10);
    }
}

static void answers_that_end_early_are_misses(void **state)
{
    static const char whole[] = "VALUE k0 7 1\r\na\r\nVALUE k1 0 5\r\nvalue\r\nEND\r\n";
    char text[sizeof(whole)];

    for (size_t size = 0; size < strlen(whole); size += 5) {
        wanted_t *wanted = want(3, 5, *state);
        apr_time_t took;

        memcpy(text, whole, size);
        text[size] = '\0';
        assert_int_equal(ask_fake(say_text_and_close, text, PATIENCE, wanted, &took, *state),
                         APR_EGENERAL);
        assert_int_equal(wanted->items[2].status, APR_EGENERAL);
    }
}

/* Each value has the deadline anew, and no more. */
static void what_dawdles_is_left(void **state)
{
    static const char *const halves[] = {"", "VALUE k0 0 5\r\nva", "VALUE k0 0 1\r\na\r\nVALUE"};
    apr_time_t took;

    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        wanted_t *wanted = want(3, 5, *state);
        assert_int_equal(ask_fake(say_text, halves[i], DEADLINE, wanted, &took, *state),
                         APR_TIMEUP);
        assert_in_range(took, DEADLINE, DEADLINE + STALL);
        assert_int_equal(wanted->items[2].status, APR_TIMEUP);
    }
    assert_int_equal(ask_fake(trickle, "VALUE k0 0 5\r\nvalue\r\nEND\r\n", DEADLINE,
                              want(3, 5, *state), &took, *state),
                     APR_TIMEUP);
    assert_in_range(took, DEADLINE, 2 * DEADLINE + STALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(values_of_all_servers_come_where_they_belong),
        test_with_pool(a_restarted_server_is_no_failure),
        test_with_pool(large_values_and_small_rooms),
        test_with_pool(keys_that_are_not_allowed_are_not_sent),
        test_with_pool(right_answers_are_believed),
        test_with_pool(wrong_answers_are_misses),
        test_with_pool(answers_that_end_early_are_misses),
        test_with_pool(what_dawdles_is_left),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
