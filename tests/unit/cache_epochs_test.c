/* SPDX-License-Identifier: Apache-2.0 */
/* Purges between boxes: epochs in real memcached servers. */
#include "common_memcached.h"

#include "cache_epochs.h"
#include "cache_memcached.h"

#include <apr_strings.h>

#define AGE apr_time_from_msec(20)

/* A web box: its own shared memory, the same memcached. */
typedef struct box_t {
    rig_t rig;
    cache_purge_t *purge;
    cache_epochs_t *epochs;
    cache_store_t *store;
    apr_pool_t *pool;
} box_t;

static void open_box(box_t *box, memcached_t *memcached, int count, apr_uint32_t name,
                     apr_pool_t *pool)
{
    const char *servers[5] = {NULL};

    for (int i = 0; i < count; i++)
        servers[i] = memcached[i].server;
    rig_make(&box->rig, pool, servers);
    box->rig.options.deadline = apr_time_from_sec(1);
    rig_connect(&box->rig);
    box->pool = pool;
    box->purge = apr_pcalloc(pool, sizeof(*box->purge));
    box->purge->box = name;
    box->epochs = cache_epochs_open(box->rig.memcache, count, box->purge, AGE, pool);
    box->store =
        cache_epochs_store(box->epochs, cache_memcached_open(box->rig.memcache, pool), pool);
}

static cache_tag_t tag(const char *name)
{
    return cache_tags_named("s", cache_text_span(name));
}

static char *tags_of(box_t *box, const char *one, const char *other)
{
    apr_array_header_t *tags = apr_array_make(box->pool, 2, sizeof(cache_tag_t));

    APR_ARRAY_PUSH(tags, cache_tag_t) = tag(one);
    APR_ARRAY_PUSH(tags, cache_tag_t) = tag(other);
    return cache_tags_text(tags, box->pool);
}

/* Stores a record with two tags under key, as what was asked for at `requested`; 1: it was refused.
 */
static int store(box_t *box, const char *key, const char *one, const char *other,
                 apr_time_t requested)
{
    cache_record_t record = {CACHE_RECORD_RESPONSE};
    char *tags = tags_of(box, one, other);
    unsigned char *data;
    apr_size_t size;
    cache_id_t id;

    if (cache_epochs_fill(box->epochs, tags, requested, box->pool))
        return 1;
    record.status = 200;
    record.status_line = "200 OK";
    record.key = key;
    record.tags = tags;
    record.life.lifetime = 1000;
    record.life.received = apr_time_now();
    size = cache_record_head_size(&record, NULL);
    data = apr_palloc(box->pool, size);
    cache_record_write_head(data, &record, NULL);
    cache_record_seal(data, size, CACHE_RECORD_UNTRUSTED);
    cache_key_id(&id, key);
    assert_int_equal(box->store->put(box->store, &id, data, size, apr_time_from_sec(100)),
                     APR_SUCCESS);
    return 0;
}

/* Returns the lifetime of what is found, -1: nothing is. */
static apr_int64_t look(box_t *box, const char *key)
{
    cache_record_t record;
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, key);
    if (box->store->get(box->store, &id, &blob, box->pool) != APR_SUCCESS)
        return -1;
    assert_int_equal(blob.trust, CACHE_RECORD_TRUSTED);
    assert_true(blob.since > 0);
    assert_true(cache_record_parse(&record, blob.data, blob.size, CACHE_RECORD_UNTRUSTED));
    return record.life.lifetime;
}

typedef struct world_t {
    memcached_t memcached[4];
    box_t box[2];
    int servers;
} world_t;

static world_t *make_world(int servers, apr_pool_t *pool)
{
    world_t *world = apr_pcalloc(pool, sizeof(*world));

    world->servers = servers;
    for (int i = 0; i < servers; i++)
        memcached_start(&world->memcached[i], 0, NULL);
    for (int i = 0; i < 2; i++)
        open_box(&world->box[i], world->memcached, servers, (apr_uint32_t)i + 1, pool);
    return world;
}

static void end_world(world_t *world)
{
    for (int i = 0; i < world->servers; i++)
        memcached_kill(&world->memcached[i]);
}

static apr_status_t purge(box_t *box, const char *name, int is_soft)
{
    return cache_epochs_purge(box->epochs, tag(name), is_soft, box->pool);
}

static void a_purge_reaches_the_other_box(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0], *b = &world->box[1];

    assert_int_equal(store(a, "k", "x", "y", apr_time_now()), 0);
    store(a, "other", "z", "y", apr_time_now());
    assert_int_equal(look(a, "k"), 1000);
    assert_int_equal(look(b, "k"), 1000);
    assert_int_equal(purge(a, "x", 0), APR_SUCCESS);
    assert_int_equal(look(a, "k"), -1);
    apr_sleep(AGE * 2);
    assert_int_equal(look(b, "k"), -1);
    assert_int_equal(look(b, "other"), 1000);
    assert_int_equal(purge(b, "y", 0), APR_SUCCESS);
    apr_sleep(AGE * 2);
    assert_int_equal(look(a, "other"), -1);
    end_world(world);
}

static void what_is_stored_after_a_purge_is_found(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0], *b = &world->box[1];

    store(a, "k", "x", "y", apr_time_now());
    purge(a, "x", 0);
    assert_int_equal(store(a, "k", "x", "y", apr_time_now() + 300), 0);
    apr_sleep(AGE * 2);
    assert_int_equal(look(b, "k"), 1000);
    end_world(world);
}

/* Asked for before the purge, stored after it: by the box that purged, and by another one. */
static void what_was_on_its_way_is_not_stored(void **state)
{
    world_t *world = make_world(1, *state);
    apr_time_t before = apr_time_now() - apr_time_from_msec(10);

    purge(&world->box[0], "x", 0);
    assert_int_equal(store(&world->box[0], "k", "x", "y", before), 1);
    assert_int_equal(store(&world->box[1], "k", "x", "y", before), 1);
    assert_int_equal(store(&world->box[1], "k", "x", "y", apr_time_now() + apr_time_from_msec(60)),
                     0);
    end_world(world);
}

static void soft_purges_make_stale(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0], *b = &world->box[1];

    store(a, "k", "x", "y", apr_time_now());
    assert_int_equal(purge(a, "x", 1), APR_SUCCESS);
    assert_int_equal(look(a, "k"), 0);
    assert_int_equal(purge(a, "x", 1), APR_SUCCESS);
    apr_sleep(AGE * 2);
    assert_int_equal(look(b, "k"), 0);
    purge(b, "x", 0);
    assert_int_equal(look(b, "k"), -1);
    assert_int_equal(purge(b, "never heard of", 1), APR_SUCCESS);
    end_world(world);
}

static void what_memcached_has_lost_is_a_miss(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0];
    char answer[200];

    store(a, "k", "x", "y", apr_time_now());
    apr_snprintf(answer, sizeof(answer), "delete wte1-%016" APR_UINT64_T_HEX_FMT "-0\r\n",
                 tag("x"));
    memcached_ask(&world->memcached[0], apr_pstrdup(*state, answer), answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "DELETED", 7), 0);
    apr_sleep(AGE * 2);
    assert_int_equal(look(a, "k"), -1);
    end_world(world);
}

/* While memcached hangs, what was seen last holds, and a purge is remembered and made up for. */
static void a_purge_that_memcached_cannot_hear(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0], *b = &world->box[1];

    store(a, "k", "x", "y", apr_time_now());
    store(a, "soft", "s", "y", apr_time_now());
    memcached_stop(&world->memcached[0]);
    assert_int_equal(purge(a, "x", 0), APR_INCOMPLETE);
    assert_int_equal(purge(a, "s", 1), APR_INCOMPLETE);
    assert_int_equal(a->purge->owed_count, 2);
    memcached_cont(&world->memcached[0]);
    for (int i = 0; i < 2; i++) /* without a prober, whose part it is */
        memset(world->box[i].rig.breakers, 0, sizeof(tier_breaker_t));
    a->purge->next_try = APR_INT64_MAX; /* not told yet: what is owed counts all the same */
    assert_int_equal(look(a, "k"), -1);
    assert_in_range(look(a, "soft"), 0, 100);
    assert_int_equal(look(b, "k"), 1000);
    a->purge->next_try = 0;
    cache_epochs_settle(a->epochs, a->pool);
    assert_int_equal(a->purge->owed_count, 0);
    apr_sleep(AGE * 2);
    assert_int_equal(look(b, "k"), -1);
    assert_in_range(look(b, "soft"), 0, 100);
    end_world(world);
}

static void what_cannot_be_remembered_is_an_error(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0];

    for (int i = 0; i < CACHE_PURGE_OWED; i++)
        cache_purge_owe(a->purge, tag("x"), 0, 1);
    memcached_kill(&world->memcached[0]);
    assert_int_not_equal(purge(a, "x", 0), APR_SUCCESS);
    assert_int_not_equal(purge(a, "x", 0), APR_INCOMPLETE);
    end_world(world);
}

/* Of four servers each is lost in turn: what is on the others stays usable, by a new box too. */
static void an_epoch_outlives_a_server(void **state)
{
    world_t *world = make_world(4, *state);
    box_t *a = &world->box[0], *b = &world->box[1];
    int usable = 0;

    for (int i = 0; i < 20; i++) {
        char *key = apr_psprintf(*state, "k%d", i);
        store(a, key, apr_pstrcat(*state, "t", key, NULL), "y", apr_time_now());
    }
    memcached_kill(&world->memcached[0]);
    for (int i = 0; i < 20; i++)
        usable += look(b, apr_psprintf(*state, "k%d", i)) == 1000;
    assert_true(usable >= 5);
    assert_int_equal(purge(a, "y", 0) == APR_SUCCESS || a->purge->owed_count == 1, 1);
    apr_sleep(AGE * 2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(look(a, apr_psprintf(*state, "k%d", i)), -1);
    end_world(world);
}

/* Calls meanwhile between reading and writing back. */
typedef struct slow_store_t {
    cache_store_t store;
    cache_store_t *real;
    box_t *other;
    void (*meanwhile)(box_t *other);
} slow_store_t;

static apr_status_t slow_put(cache_store_t *store, const cache_id_t *id, const unsigned char *data,
                             apr_size_t size, apr_interval_time_t keep)
{
    slow_store_t *slow = (slow_store_t *)store;

    if (slow->meanwhile)
        slow->meanwhile(slow->other);
    slow->meanwhile = NULL;
    return slow->real->put(slow->real, id, data, size, keep);
}

static apr_status_t slow_get(cache_store_t *store, const cache_id_t *id, cache_blob_t *blob,
                             apr_pool_t *pool)
{
    slow_store_t *slow = (slow_store_t *)store;

    return slow->real->get(slow->real, id, blob, pool);
}

static apr_status_t slow_remove(cache_store_t *store, const cache_id_t *id)
{
    slow_store_t *slow = (slow_store_t *)store;

    return slow->real->remove(slow->real, id);
}

static apr_status_t purge_url(box_t *box, cache_store_t *store, int is_soft)
{
    return cache_epochs_purge_url(box->epochs, store, "k", is_soft, box->pool);
}

static void remove_meanwhile(box_t *other)
{
    assert_int_equal(purge_url(other, other->store, 0), APR_SUCCESS);
}

static void what_is_removed_while_it_is_made_stale_stays_removed(void **state)
{
    world_t *world = make_world(1, *state);
    box_t *a = &world->box[0], *b = &world->box[1];
    slow_store_t slow = {*a->store, a->store, b, remove_meanwhile};

    slow.store.put = slow_put;
    slow.store.get = slow_get;
    slow.store.remove = slow_remove;
    store(a, "k", "x", "y", apr_time_now());
    assert_int_equal(purge_url(a, a->store, 1), APR_SUCCESS);
    assert_int_equal(look(b, "k"), 0);
    assert_int_equal(purge_url(a, &slow.store, 1), APR_SUCCESS);
    assert_int_equal(look(a, "k"), -1);
    assert_int_equal(look(b, "k"), -1);
    end_world(world);
}

/* Asked for before a purge of the other box, stored after it: it can be told, then and only then.
 */
static void a_purge_of_a_url_is_told_to_who_stores_after_it(void **state)
{
    world_t *world = make_world(2, *state);
    box_t *a = &world->box[0], *b = &world->box[1];
    apr_time_t before = apr_time_now();

    assert_int_equal(cache_epochs_was_purged(b->epochs, "k", before, *state), 0);
    assert_int_equal(purge_url(a, a->store, 1), APR_SUCCESS);
    assert_int_equal(cache_epochs_was_purged(b->epochs, "k", before, *state), -1);
    assert_int_equal(cache_epochs_was_purged(a->epochs, "k", before, *state), -1);
    assert_int_equal(purge_url(a, a->store, 0), APR_SUCCESS);
    assert_int_equal(cache_epochs_was_purged(b->epochs, "k", before, *state), 1);
    assert_int_equal(cache_epochs_was_purged(b->epochs, "other", before, *state), 0);
    apr_sleep(apr_time_from_msec(60)); /* by so much may clocks differ */
    assert_int_equal(cache_epochs_was_purged(b->epochs, "k", apr_time_now(), *state), 0);
    assert_int_equal(cache_epochs_was_purged(a->epochs, "k", apr_time_now(), *state), 0);
    end_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_purge_reaches_the_other_box),
        test_with_pool(what_is_stored_after_a_purge_is_found),
        test_with_pool(what_was_on_its_way_is_not_stored),
        test_with_pool(soft_purges_make_stale),
        test_with_pool(what_memcached_has_lost_is_a_miss),
        test_with_pool(a_purge_that_memcached_cannot_hear),
        test_with_pool(what_cannot_be_remembered_is_an_error),
        test_with_pool(an_epoch_outlives_a_server),
        test_with_pool(what_is_removed_while_it_is_made_stale_stays_removed),
        test_with_pool(a_purge_of_a_url_is_told_to_who_stores_after_it),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
