/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_levels_testing.h"
#include "cache_shm_private.h"
#include "cache_vault.h"

static apr_uint64_t seen(const tier_counter_t *counter)
{
    return tier_counter_get(counter);
}

static void a_put_is_found_in_both(void **state)
{
    rig_t *rig = make_rig(*state);

    assert_string_equal(look(rig), "(nothing)");
    assert_int_equal(put(rig, rig->store, "body"), APR_SUCCESS);
    assert_int_equal(apr_hash_count(rig->table->records), 1);
    rig->table->gets = 0;
    assert_string_equal(look(rig), "body");
    assert_int_equal(rig->table->gets, 0);
    assert_int_equal(seen(&rig->counters.hits_local), 1);
}

static void what_another_box_has_put_is_fetched_once(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->remote, "body");
    for (int i = 0; i < 3; i++)
        assert_string_equal(look(rig), "body");
    assert_int_equal(rig->table->gets, 1);
    assert_int_equal(seen(&rig->counters.hits_remote), 1);
    assert_int_equal(seen(&rig->counters.hits_local), 2);
}

static void a_change_elsewhere_is_seen_after_the_ttl(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "old");
    put(rig, rig->remote, "new");
    assert_string_equal(look(rig), "old");
    later = TTL;
    assert_string_equal(look(rig), "new");
    apr_hash_clear(rig->table->records);
    assert_string_equal(look(rig), "new");
    later = 2 * TTL + 1;
    assert_string_equal(look(rig), "(nothing)");
    rig->table->get_status = APR_EAGAIN;
    assert_string_equal(look(rig), "(error)"); /* it is not kept for worse times */
}

static void what_is_stale_by_itself_is_asked_for(void **state)
{
    rig_t *rig = make_rig(*state);

    put_kind(rig, rig->store, "key", "stale", 0, CACHE_RECORD_RESPONSE);
    put(rig, rig->remote, "renewed");
    assert_string_equal(look(rig), "renewed");
}

static void a_list_of_variants_has_no_lifetime(void **state)
{
    rig_t *rig = make_rig(*state);

    put_kind(rig, rig->remote, "key", "sets", 0, CACHE_RECORD_VARIANTS);
    assert_string_equal(look(rig), "sets");
    assert_string_equal(look(rig), "sets");
    assert_int_equal(rig->table->gets, 1);
    assert_int_equal(seen(&rig->counters.hits_local), 0);
    assert_ptr_equal(rig->store->truth, rig->remote);
}

static void a_copy_is_due_once_in_the_second_half(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_id_t id;

    put(rig, rig->store, "old");
    later = TTL / 3;
    assert_string_equal(look(rig), "old");
    assert_int_equal(rig->dues, 0);
    later = TTL / 3 * 2;
    for (int i = 0; i < 3; i++)
        assert_string_equal(look(rig), "old");
    assert_int_equal(rig->dues, 1);
    cache_key_id(&id, "key");
    assert_memory_equal(&rig->due[0], &id, sizeof(id));
    put(rig, rig->remote, "new");
    assert_int_equal(cache_levels_refresh(rig->store, &id, rig->pool), APR_SUCCESS);
    assert_int_equal(rig->table->held, 0);
    rig->table->gets = 0;
    assert_string_equal(look(rig), "new");
    assert_int_equal(rig->table->gets, 0);
    later += TTL / 3 * 2;
    look(rig);
    assert_int_equal(rig->dues, 2);
}

static void copies_answer_while_memcached_does_not(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    rig->table->get_status = APR_EAGAIN;
    later = 50 * TTL;
    assert_string_equal(look(rig), "body");
    assert_int_equal(seen(&rig->counters.hits_local_only), 1);
    later = 101 * TTL; /* as long as it was to be kept */
    assert_string_equal(look(rig), "(error)");
}

static void what_cannot_reach_memcached_is_kept_locally(void **state)
{
    rig_t *rig = make_rig(*state);

    rig->table->put_status = rig->table->get_status = APR_TIMEUP;
    assert_int_equal(put(rig, rig->store, "body"), APR_SUCCESS);
    later = 2 * TTL;
    assert_string_equal(look(rig), "body");
}

static void what_memcached_cannot_hold_is_not_kept(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "old");
    rig->table->put_status = APR_ENOSPC;
    assert_int_equal(put(rig, rig->store, "new"), APR_ENOSPC);
    apr_hash_clear(rig->table->records);
    assert_string_equal(look(rig), "(nothing)");
}

/* The copy of before must not stay in the place of what was too large for a copy. */
static void what_is_too_large_for_a_copy_is_in_memcached_only(void **state)
{
    rig_t *rig = make_rig(*state);
    char *large = apr_pcalloc(*state, rig->local->largest + 1);

    memset(large, 'x', rig->local->largest);
    put(rig, rig->store, "old");
    assert_int_equal(put(rig, rig->store, large), APR_SUCCESS);
    assert_string_equal(look(rig), large);
    assert_string_equal(look(rig), large);
    assert_int_equal(rig->table->gets, 2);
    rig->table->put_status = APR_TIMEUP;
    assert_int_equal(put(rig, rig->store, large), APR_TIMEUP);
}

static void removing_removes_from_both(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    assert_int_equal(remove_key(rig), APR_SUCCESS);
    assert_int_equal(apr_hash_count(rig->table->records), 0);
    assert_string_equal(look(rig), "(nothing)");
}

/* Another box has purged it, or memcached has let it go: a soft purge here ends the copy. */
static void a_copy_of_what_is_no_more_is_not_left_fresh(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_id_t id;

    cache_key_id(&id, "key");
    put(rig, rig->store, "body");
    table_remove(rig->remote, &id);
    assert_string_equal(look(rig), "body");
    assert_int_equal(cache_vault_soften(rig->store, "key", apr_time_now(), rig->pool), APR_SUCCESS);
    assert_string_equal(look(rig), "(nothing)");
}

static void a_removal_that_memcached_did_not_hear_is_made_up_for(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->store, "body");
    rig->table->remove_status = APR_TIMEUP;
    assert_int_equal(remove_key(rig), APR_INCOMPLETE);
    assert_string_equal(look(rig), "(nothing)"); /* it is tried again at once, in vain */
    rig->table->remove_status = APR_SUCCESS;
    assert_string_equal(look(rig), "(nothing)");
    assert_int_equal(rig->table->removes, 3);
    assert_int_equal(apr_hash_count(rig->table->records), 0);
    usleep(1000);
    put(rig, rig->remote, "newer");
    assert_string_equal(look(rig), "newer");
    assert_int_equal(rig->table->removes, 3);
}

static void remove_meanwhile(void *rig)
{
    remove_key(rig);
}

static void put_meanwhile(void *baton)
{
    rig_t *rig = baton;

    put(rig, rig->store, "new");
}

/* The look-up has the old record in its hands when it goes. */
static void a_look_up_under_way_does_not_bring_the_old_back(void **state)
{
    rig_t *rig = make_rig(*state);

    put(rig, rig->remote, "old");
    rig->table->meanwhile = remove_meanwhile;
    assert_string_equal(look(rig), "old");
    assert_string_equal(look(rig), "(nothing)");

    put(rig, rig->remote, "old");
    rig->table->meanwhile = put_meanwhile;
    assert_string_equal(look(rig), "old");
    assert_string_equal(look(rig), "new");
}

static void what_is_no_record_of_the_key_is_not_kept(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_blob_t other = record_of(rig, "other", "body", 60, CACHE_RECORD_RESPONSE);
    cache_id_t id;

    cache_key_id(&id, "key");
    rig->remote->put(rig->remote, &id, other.data, other.size, 1);
    look(rig);
    look(rig);
    assert_int_equal(rig->table->gets, 2);
    rig->remote->put(rig->remote, &id, other.data, other.size - 1, 1);
    assert_string_equal(look(rig), "(no record)");
    rig->table->get_status = APR_EAGAIN;
    assert_string_equal(look(rig), "(error)");
}

/* Looks in place; returns how many bytes of body are in pieces, or -1 when there are none. */
static apr_int64_t look_in_place(rig_t *rig)
{
    apr_int64_t size = 0;
    cache_blob_t blob;
    cache_id_t id;

    cache_key_id(&id, "key");
    assert_int_equal(rig->store->get_in_place(rig->store, &id, &blob, rig->pool), APR_SUCCESS);
    assert_int_equal(blob.trust, CACHE_RECORD_TRUSTED);
    for (int i = 0; i < blob.piece_count; i++)
        size += (apr_int64_t)blob.pieces[i].size;
    if (!blob.pieces)
        size = -1;
    if (blob.release)
        blob.release(blob.baton);
    return size;
}

/* A copy that is looked at and not used is not held either. */
static void large_copies_are_read_in_place(void **state)
{
    rig_t *rig = make_rig(*state);
    cache_shm_figures_t figures;
    char body[20001];

    memset(body, 'a', sizeof(body));
    body[20000] = '\0';
    put(rig, rig->store, body);
    assert_int_equal(look_in_place(rig), 20000);
    assert_int_equal(rig->table->gets, 0);
    later = 2 * TTL;
    rig->table->get_status = APR_TIMEUP;
    assert_int_equal(look_in_place(rig), 20000);
    rig->table->get_status = APR_SUCCESS;
    put_kind(rig, rig->store, "key", body, 0, CACHE_RECORD_RESPONSE);
    assert_int_equal(look_in_place(rig), -1);
    assert_int_equal(rig->table->held, 0);
    remove_key(rig);
    cache_shm_read_figures(((shm_store_t *)rig->local)->segment, &figures);
    assert_int_equal(figures.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_put_is_found_in_both),
        POOL_TEST(what_another_box_has_put_is_fetched_once),
        POOL_TEST(a_change_elsewhere_is_seen_after_the_ttl),
        POOL_TEST(what_is_stale_by_itself_is_asked_for),
        POOL_TEST(a_list_of_variants_has_no_lifetime),
        POOL_TEST(a_copy_is_due_once_in_the_second_half),
        POOL_TEST(copies_answer_while_memcached_does_not),
        POOL_TEST(what_cannot_reach_memcached_is_kept_locally),
        POOL_TEST(what_memcached_cannot_hold_is_not_kept),
        POOL_TEST(what_is_too_large_for_a_copy_is_in_memcached_only),
        POOL_TEST(removing_removes_from_both),
        POOL_TEST(a_copy_of_what_is_no_more_is_not_left_fresh),
        POOL_TEST(a_removal_that_memcached_did_not_hear_is_made_up_for),
        POOL_TEST(a_look_up_under_way_does_not_bring_the_old_back),
        POOL_TEST(what_is_no_record_of_the_key_is_not_kept),
        POOL_TEST(large_copies_are_read_in_place),
    };

    return RUN_TESTS(tests);
}
