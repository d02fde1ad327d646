/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_vault_testing.h"

/* The program is linked with --wrap: while this is set, there is no memory. */
static int no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    return no_memory ? NULL : __real_realloc(memory, size);
}

static void one_response_for_all(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    assert_string_equal(look(table, "A: 1"), "(nothing)");
    assert_int_equal(store_one(table, "A: 1", "X: y", "body", 0, NOW), APR_SUCCESS);
    assert_string_equal(look(table, "A: 2"), "body");
    assert_int_equal(table->puts, 1);
    assert_int_equal(cache_vault_remove(&table->store, "key"), APR_SUCCESS);
    assert_string_equal(look(table, "A: 2"), "(nothing)");
}

static void variants(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "one", 0, NOW);
    assert_string_equal(look(table, "A: 2"), "(no variant)");
    store_one(table, "A: 2", "Vary: a", "two", 1, NOW + 1);
    assert_int_equal(table->puts, 3); /* two variants, one list */
    assert_string_equal(look(table, "A: 1"), "one");
    assert_string_equal(look(table, "A: 2"), "two");
    assert_string_equal(look(table, "B: 1"), "(no variant)");
}

static void responses_that_vary_by_different_fields(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "a1", 0, NOW);
    store_one(table, "A: 2\nB: 1", "Vary: B", "b1", 1, NOW + 1);
    assert_string_equal(look(table, "A: 1"), "a1");
    assert_string_equal(look(table, "A: 7\nB: 1"), "b1");
    store_one(table, "A: 3", "X: y", "all", 1, NOW + 2);
    assert_string_equal(look(table, "A: 9\nB: 9"), "all");
}

/* The newest kind of answer is the first that is looked for. */
static void the_newest_set_of_names_goes_first(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1\nB: 1", "Vary: A", "by a", 0, NOW);
    store_one(table, "A: 1\nB: 1", "Vary: B", "by b", 1, NOW + 1);
    assert_string_equal(look(table, "A: 1\nB: 1"), "by b");
    store_one(table, "A: 1\nB: 1", "Vary: A", "by a again", 1, NOW + 2);
    assert_string_equal(look(table, "A: 1\nB: 1"), "by a again");
}

static void removing_the_list_makes_old_variants_unfindable(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "old one", 0, NOW);
    store_one(table, "A: 2", "Vary: A", "old two", 1, NOW);
    cache_vault_remove(&table->store, "key");
    assert_string_equal(look(table, "A: 1"), "(nothing)");
    store_one(table, "A: 1", "Vary: A", "new one", 0, NOW + 1);
    assert_string_equal(look(table, "A: 1"), "new one");
    assert_string_equal(look(table, "A: 2"), "(no variant)");
}

static void a_list_that_went_since_the_look_up_is_made_anew(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    assert_int_equal(store_one(table, "A: 1", "X: y", "body", 1, NOW), APR_SUCCESS);
    assert_string_equal(look(table, "A: 2"), "body");
}

static void records_of_other_keys_and_garbage_are_nothing(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);
    cache_found_t found;
    cache_id_t id, other;

    store_one(table, "A: 1", "X: y", "body", 0, NOW);
    cache_key_id(&id, "key");
    cache_key_id(&other, "other");
    apr_hash_set(table->records, apr_pmemdup(*state, &other, sizeof(other)), sizeof(other),
                 apr_hash_get(table->records, &id, sizeof(id)));
    assert_int_equal(
        cache_vault_find(&found, &table->store, "other", NULL, fields(*state, "A: 1"), *state),
        APR_NOTFOUND);
    assert_true(found.corrupt);
    table_put(&table->store, &id, (const unsigned char *)"garbage", 7, 1);
    assert_string_equal(look(table, "A: 1"), "(nothing)");
}

/* A list under the key of a variant leads nowhere. */
static void a_list_in_the_place_of_a_variant_is_nothing(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);
    cache_record_t list = {CACHE_RECORD_VARIANTS};
    const char *key = cache_key_variant("key", (apr_uint64_t)NOW, "a\n1:1", *state);
    unsigned char data[500];
    apr_size_t size;
    cache_id_t id;

    store_one(table, "A: 1", "Vary: A", "body", 0, NOW);
    list.key = key;
    list.status_line = "";
    size = cache_record_head_size(&list, NULL);
    cache_record_write_head(data, &list, NULL);
    cache_record_seal(data, size, CACHE_RECORD_UNTRUSTED);
    cache_key_id(&id, key);
    table_put(&table->store, &id, data, size, 1);
    assert_string_equal(look(table, "A: 1"), "(no variant)");
}

static void errors_of_the_store_are_told(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "body", 0, NOW);
    table->put_status = APR_ENOSPC;
    assert_int_equal(store_one(table, "A: 1", "X: y", "body", 0, NOW), APR_ENOSPC);
    assert_int_equal(store_one(table, "A: 1", "Vary: B", "body", 0, NOW), APR_ENOSPC);
    table->get_status = APR_TIMEUP;
    assert_string_equal(look(table, "A: 1"), "(error)");
    assert_int_equal(store_one(table, "A: 1", "Vary: B", "body", 1, NOW), APR_TIMEUP);
}

static void what_cannot_be_begun(void **state)
{
    cache_saving_t saving = saving_of("key", "A: 1", "Vary: *", 0, *state);

    assert_int_equal(cache_vault_begin(&saving, 0, 1000, 10000, *state), APR_EINVAL);
    saving = saving_of("key", "A: 1", "X: y", 0, *state);
    assert_int_equal(cache_vault_begin(&saving, 1001, 1000, 10000, *state), APR_ENOSPC);
    saving = saving_of("key", "A: 1", "X: y", 0, *state);
    assert_int_equal(cache_vault_begin(&saving, 0, 1000, 50, *state), APR_ENOSPC);
    saving = saving_of("key", "A: 1", "X: y", 0, *state);
    no_memory = 1;
    assert_int_equal(cache_vault_begin(&saving, 9000, 9000, 10000, *state), APR_ENOMEM);
    no_memory = 0;
}

static void a_body_that_grows_too_large_is_dropped(void **state)
{
    cache_saving_t saving = saving_of("key", "A: 1", "X: y", 0, *state);
    char part[600] = {0};

    assert_int_equal(cache_vault_begin(&saving, 0, 1000, 100000, *state), APR_SUCCESS);
    assert_int_equal(cache_vault_append(&saving, part, sizeof(part)), APR_SUCCESS);
    assert_int_equal(cache_vault_append(&saving, part, sizeof(part)), APR_ENOSPC);
    assert_null(saving.buffer.data);
    cache_vault_drop(&saving);
}

/* What is changed is read from where all boxes read it, not from a copy. */
static void a_list_is_joined_as_it_is_in_truth(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);
    table_store_t *truth = make_table(LARGEST, *state);

    store_one(table, "A: 1", "Vary: A", "one", 0, NOW);
    table->store.truth = &truth->store;
    table->gets = 0;
    store_one(table, "A: 2", "Vary: A", "two", 1, NOW + 1);
    assert_int_equal(truth->gets, 1);
    assert_int_equal(table->gets, 0);
    assert_string_equal(look(table, "A: 2"), "two");
    assert_string_equal(look(table, "A: 1"), "(no variant)"); /* the list was gone: a new one */
}

/* Stores a body for an extra part of the key. */
static void store_extra(table_store_t *table, const char *extra, const char *response,
                        const char *body, int listed)
{
    cache_saving_t saving = saving_of("key", "A: 1", response, listed, table->pool);

    saving.extra = extra;
    assert_int_equal(cache_vault_begin(&saving, 0, 1000, table->store.largest, table->pool),
                     APR_SUCCESS);
    cache_vault_append(&saving, body, strlen(body));
    assert_int_equal(cache_vault_save(&saving, &table->store, NOW), APR_SUCCESS);
}

static const char *look_extra(table_store_t *table, const char *extra, const char *request)
{
    cache_found_t found;
    const char *body;

    if (cache_vault_find(&found, &table->store, "key", extra, fields(table->pool, request),
                         table->pool) != APR_SUCCESS)
        return "(nothing)";
    body = apr_pstrmemdup(table->pool, (const char *)found.record.body, found.record.body_size);
    cache_vault_release(&found);
    return body;
}

static void what_is_kept_apart_is_not_found_for_others(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_extra(table, "1:a", "X: y", "of a", 0);
    store_extra(table, "1:b", "X: y", "of b", 1);
    store_extra(table, "1:c", "Vary: A", "of c and 1", 1);
    assert_string_equal(look_extra(table, "1:a", "A: 9"), "of a");
    assert_string_equal(look_extra(table, "1:b", "A: 9"), "of b");
    assert_string_equal(look_extra(table, "1:c", "A: 1"), "of c and 1");
    assert_string_equal(look_extra(table, "1:c", "A: 2"), "(nothing)");
    assert_string_equal(look_extra(table, "1:d", "A: 1"), "(nothing)");
    assert_string_equal(look_extra(table, NULL, "A: 1"), "(nothing)");
    store_one(table, "A: 1", "X: y", "of all", 1, NOW);
    assert_string_equal(look_extra(table, NULL, "A: 1"), "of all");
    assert_string_equal(look_extra(table, "1:a", "A: 1"), "of a");
    assert_int_equal(cache_vault_remove(&table->store, "key"), APR_SUCCESS);
    assert_string_equal(look_extra(table, "1:a", "A: 1"), "(nothing)");
}

/* As it was before TierCacheKey came into the configuration. */
static void what_is_stored_for_all_is_not_for_one(void **state)
{
    table_store_t *table = make_table(LARGEST, *state);

    store_one(table, "A: 1", "X: y", "of all", 0, NOW);
    assert_string_equal(look_extra(table, "1:a", "A: 1"), "(nothing)");
    assert_int_equal(table->held, 0);
    store_extra(table, "1:a", "X: y", "of a", 0);
    assert_string_equal(look_extra(table, "1:a", "A: 1"), "of a");
}

static void unusual_codings_that_vary_are_not_begun(void **state)
{
    cache_saving_t saving =
        saving_of("key", "A: 1", "Vary: accept-Encoding\nContent-Encoding: deflate", 0, *state);

    assert_int_equal(cache_vault_begin(&saving, 0, 1000, 100000, *state), APR_EINVAL);
    saving.headers = fields(*state, "Content-Encoding: deflate");
    assert_int_equal(cache_vault_begin(&saving, 0, 1000, 100000, *state), APR_SUCCESS);
    cache_vault_drop(&saving);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(one_response_for_all),
        POOL_TEST(variants),
        POOL_TEST(responses_that_vary_by_different_fields),
        POOL_TEST(the_newest_set_of_names_goes_first),
        POOL_TEST(removing_the_list_makes_old_variants_unfindable),
        POOL_TEST(a_list_that_went_since_the_look_up_is_made_anew),
        POOL_TEST(records_of_other_keys_and_garbage_are_nothing),
        POOL_TEST(a_list_in_the_place_of_a_variant_is_nothing),
        POOL_TEST(errors_of_the_store_are_told),
        POOL_TEST(what_cannot_be_begun),
        POOL_TEST(a_body_that_grows_too_large_is_dropped),
        POOL_TEST(a_list_is_joined_as_it_is_in_truth),
        POOL_TEST(what_is_kept_apart_is_not_found_for_others),
        POOL_TEST(what_is_stored_for_all_is_not_for_one),
        POOL_TEST(unusual_codings_that_vary_are_not_begun),
    };

    return RUN_TESTS(tests);
}
