/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "cache_buffer.h"

/* The program is linked with --wrap: while this is set, there is no memory. */
static int no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    return no_memory ? NULL : __real_realloc(memory, size);
}

static void bytes_follow_each_other_up_to_the_limit(void **state)
{
    cache_buffer_t *buffer = apr_palloc(*state, sizeof(*buffer));

    assert_int_equal(cache_buffer_init(buffer, 0, 10000, *state), APR_SUCCESS);
    for (int i = 0; i < 10; i++)
        memset(cache_buffer_extend(buffer, 1000), 'a' + i, 1000);
    assert_int_equal(buffer->size, 10000);
    assert_true(buffer->room <= 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buffer->data[i], 'a' + i / 1000);
    assert_null(cache_buffer_extend(buffer, 1));
    assert_non_null(cache_buffer_extend(buffer, 0));
}

static void a_right_guess_needs_no_second_allocation(void **state)
{
    cache_buffer_t *buffer = apr_palloc(*state, sizeof(*buffer));
    unsigned char *data;

    assert_int_equal(cache_buffer_init(buffer, 5000, 10000, *state), APR_SUCCESS);
    data = buffer->data;
    assert_ptr_equal(cache_buffer_extend(buffer, 5000), data);
    assert_ptr_equal(buffer->data, data);
}

static void a_freed_buffer_takes_nothing(void **state)
{
    cache_buffer_t *buffer = apr_palloc(*state, sizeof(*buffer));

    for (apr_size_t expected = 10; expected < 10000; expected *= 900) {
        assert_int_equal(cache_buffer_init(buffer, expected, 9000, *state), APR_SUCCESS);
        cache_buffer_free(buffer);
        assert_null(buffer->data);
        assert_null(cache_buffer_extend(buffer, 1));
    }
}

static void no_memory_is_told(void **state)
{
    cache_buffer_t *buffer = apr_palloc(*state, sizeof(*buffer));

    no_memory = 1;
    assert_int_equal(cache_buffer_init(buffer, 9000, 10000, *state), APR_ENOMEM);
    no_memory = 0;
    assert_int_equal(cache_buffer_init(buffer, 10, 10000, *state), APR_SUCCESS);
    assert_non_null(cache_buffer_extend(buffer, 10));
    no_memory = 1;
    assert_null(cache_buffer_extend(buffer, 9000));
    no_memory = 0;
    assert_int_equal(buffer->size, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(bytes_follow_each_other_up_to_the_limit),
        POOL_TEST(a_right_guess_needs_no_second_allocation),
        POOL_TEST(a_freed_buffer_takes_nothing),
        POOL_TEST(no_memory_is_told),
    };

    return RUN_TESTS(tests);
}
