/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_vault_testing.h"

/* Returns the lifetime of what a request finds; -1: nothing. */
static apr_int64_t lifetime(table_store_t *table, const char *request)
{
    cache_found_t found;
    apr_int64_t seconds;

    if (cache_vault_find(&found, &table->store, "key", NULL, fields(table->pool, request),
                         table->pool) != APR_SUCCESS)
        return -1;
    seconds = found.record.life.lifetime;
    cache_vault_release(&found);
    return seconds;
}

static apr_status_t soften(table_store_t *table, apr_time_t now)
{
    return cache_vault_soften(&table->store, "key", now, table->pool);
}

static void a_response_is_made_stale(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    assert_int_equal(soften(table, NOW), APR_SUCCESS);
    store_one(table, "A: 1", "X: y", "body", 0, NOW);
    assert_int_equal(soften(table, NOW + SECONDS(5)), APR_SUCCESS);
    assert_int_equal(lifetime(table, "A: 1"), 5);
    assert_string_equal(look(table, "A: 1"), "body");
    assert_int_equal(soften(table, NOW + SECONDS(500)), APR_SUCCESS); /* it was stale already */
    assert_string_equal(look(table, "A: 1"), "(nothing)");            /* and of no use any more */
}

static void variants_are_made_stale(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "one", 0, NOW);
    store_one(table, "A: 2", "Vary: A", "two", 1, NOW);
    assert_int_equal(soften(table, NOW + SECONDS(5)), APR_SUCCESS);
    assert_int_equal(lifetime(table, "A: 1"), 5);
    assert_int_equal(lifetime(table, "A: 2"), 5);
    assert_string_equal(look(table, "A: 2"), "two");
}

/* A variant that comes later is fresh; another list of names keeps what was made stale so. */
static void later_variants_are_fresh(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);
    cache_saving_t saving = saving_of("key", "B: 1", "Vary: B", 1, *state);

    store_one(table, "A: 1", "Vary: A", "one", 0, NOW);
    soften(table, NOW + SECONDS(5));
    saving.life.received = NOW + SECONDS(6);
    cache_vault_begin(&saving, 0, 1000, table->store.largest, table->pool);
    assert_int_equal(cache_vault_save(&saving, &table->store, NOW + SECONDS(6)), APR_SUCCESS);
    assert_int_equal(lifetime(table, "B: 1"), 60);
    assert_int_equal(lifetime(table, "A: 1"), 5);
}

static void what_cannot_be_made_stale_is_told(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "X: y", "body", 0, NOW);
    table->put_status = APR_TIMEUP;
    assert_int_equal(soften(table, NOW), APR_TIMEUP);
    table->get_status = APR_EAGAIN;
    assert_int_equal(soften(table, NOW), APR_EAGAIN);
    assert_int_equal(table->held, 0);
}

/* A store that can tell what changed: somebody removes the record while it is being read. */
static int removals;
static apr_uint64_t table_changes;

static apr_uint64_t changes_of(cache_store_t *store, const cache_id_t *id)
{
    (void)store;
    (void)id;
    return table_changes;
}

static apr_status_t put_unless(cache_store_t *store, const cache_id_t *id,
                               const unsigned char *data, apr_size_t size, apr_interval_time_t keep,
                               apr_uint64_t changes)
{
    if (removals > 0) {
        removals--;
        table_changes++;
        table_remove(store, id);
    }
    return changes == table_changes ? table_put(store, id, data, size, keep) : APR_EBUSY;
}

static void what_is_removed_meanwhile_is_not_there_again_as_stale(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    table->store.changes = changes_of;
    table->store.put_unless = put_unless;
    store_one(table, "A: 1", "X: y", "body", 0, NOW);
    removals = 1;
    assert_int_equal(soften(table, NOW + SECONDS(5)), APR_SUCCESS);
    assert_string_equal(look(table, "A: 1"), "(nothing)");
    store_one(table, "A: 1", "X: y", "body", 0, NOW);
    assert_int_equal(soften(table, NOW + SECONDS(5)), APR_SUCCESS);
    assert_int_equal(lifetime(table, "A: 1"), 5);
    removals = 1;
    assert_int_equal(cache_vault_soften(&table->store, "key", NOW + SECONDS(6), table->pool),
                     APR_SUCCESS);
    assert_string_equal(look(table, "A: 1"), "(nothing)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_response_is_made_stale),
        POOL_TEST(variants_are_made_stale),
        POOL_TEST(later_variants_are_fresh),
        POOL_TEST(what_cannot_be_made_stale_is_told),
        POOL_TEST(what_is_removed_meanwhile_is_not_there_again_as_stale),
    };

    return RUN_TESTS(tests);
}
