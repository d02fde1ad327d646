/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include "reproxy_memory.h"

static reproxy_memo_t memo_of(const char *url, apr_pool_t *pool)
{
    reproxy_memo_t memo = {.status = 200, .content_type = "image/png"};

    reproxy_said_init(&memo.said, pool);
    reproxy_said_urls(&memo.said, url, pool);
    memo.said.size = 77;
    memo.fields = apr_table_make(pool, 2);
    apr_table_setn(memo.fields, "ETag", "\"v1\"");
    return memo;
}

static void what_was_put_comes_back(void **state)
{
    reproxy_memory_t *memory = reproxy_memory_create(10, *state);
    reproxy_memo_t memo = memo_of("http://a/1 http://b/2", *state), got;

    assert_false(reproxy_memory_get(memory, "k", 0, &got, *state));
    memo.is_public = 1;
    reproxy_memory_put(memory, "k", &memo, 100);
    assert_true(reproxy_memory_get(memory, "k", 99, &got, *state));
    assert_int_equal(got.said.urls->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(got.said.urls, 1, const char *), "http://b/2");
    assert_int_equal(got.said.size, 77);
    assert_null(got.said.path);
    assert_int_equal(got.status, 200);
    assert_int_equal(got.is_public, 1);
    assert_string_equal(got.content_type, "image/png");
    assert_string_equal(apr_table_get(got.fields, "ETag"), "\"v1\"");
    memo.said.path = "/f";
    memo.content_type = NULL;
    reproxy_memory_put(memory, "k", &memo, 100);
    assert_true(reproxy_memory_get(memory, "k", 99, &got, *state));
    assert_string_equal(got.said.path, "/f");
    assert_null(got.content_type);
    assert_false(reproxy_memory_get(memory, "k", 100, &got, *state));
    assert_false(reproxy_memory_get(memory, "k", 99, &got, *state));
}

static void the_least_used_makes_room(void **state)
{
    reproxy_memory_t *memory = reproxy_memory_create(2, *state);
    reproxy_memo_t memo = memo_of("http://a/1", *state), got;

    reproxy_memory_put(memory, "1", &memo, 100);
    reproxy_memory_put(memory, "2", &memo, 100);
    assert_true(reproxy_memory_get(memory, "1", 0, &got, *state));
    reproxy_memory_put(memory, "3", &memo, 100);
    assert_false(reproxy_memory_get(memory, "2", 0, &got, *state));
    assert_true(reproxy_memory_get(memory, "1", 0, &got, *state));
    reproxy_memory_drop(memory, "1");
    reproxy_memory_drop(memory, "1");
    assert_false(reproxy_memory_get(memory, "1", 0, &got, *state));
    assert_true(reproxy_memory_get(memory, "3", 0, &got, *state));
}

static void what_is_too_large(void **state)
{
    reproxy_memory_t *memory = reproxy_memory_create(2, *state);
    reproxy_memo_t memo = memo_of("http://a/1", *state), got;
    char *large = apr_palloc(*state, 20000);

    reproxy_memory_put(memory, "1", &memo, 100);
    memset(large, 'x', 19999);
    large[19999] = '\0';
    apr_table_setn(memo.fields, "Large", large);
    reproxy_memory_put(memory, "1", &memo, 100);
    assert_false(reproxy_memory_get(memory, "1", 0, &got, *state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(what_was_put_comes_back),
        test_with_pool(the_least_used_makes_room),
        test_with_pool(what_is_too_large),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
