/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_testing.h"

#include <pthread.h>
#include <stdlib.h>

#include "reproxy_buffers.h"

static void what_was_given_back_is_taken_again(void **state)
{
    reproxy_buffers_t buffers = {{NULL}};
    void *first = reproxy_buffers_take(&buffers), *second = reproxy_buffers_take(&buffers);

    (void)state;
    assert_ptr_not_equal(first, second);
    memset(first, 1, REPROXY_BUFFERS_SIZE);
    memset(second, 2, REPROXY_BUFFERS_SIZE);
    reproxy_buffers_give(&buffers, second);
    assert_ptr_equal(reproxy_buffers_take(&buffers), second);
    free(first);
    free(second);
}

static int kept(const reproxy_buffers_t *buffers)
{
    int count = 0;

    for (int i = 0; i < REPROXY_BUFFERS_KEPT; i++)
        count += buffers->kept[i] != NULL;
    return count;
}

static void empty(reproxy_buffers_t *buffers)
{
    while (kept(buffers))
        free(reproxy_buffers_take(buffers));
}

static void no_more_than_a_few_are_kept(void **state)
{
    reproxy_buffers_t buffers = {{NULL}};
    void *taken[2 * REPROXY_BUFFERS_KEPT];

    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++)
        taken[i] = reproxy_buffers_take(&buffers);
    for (size_t i = 0; i < COUNT(taken); i++)
        reproxy_buffers_give(&buffers, taken[i]);
    assert_int_equal(kept(&buffers), REPROXY_BUFFERS_KEPT);
    empty(&buffers);
}

/* Each marks what it has as its own: nobody else may have it at the same time. */
static void *use(void *data)
{
    reproxy_buffers_t *buffers = data;
    size_t wrong = 0;

    for (int i = 0; i < 2000; i++) {
        int *buffer = reproxy_buffers_take(buffers);

        *buffer = i;
        wrong += *(volatile int *)buffer != i;
        reproxy_buffers_give(buffers, buffer);
    }
    return (void *)wrong;
}

static void threads_share_them(void **state)
{
    reproxy_buffers_t buffers = {{NULL}};
    pthread_t threads[4];
    void *wrong;

    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &buffers), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    empty(&buffers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(what_was_given_back_is_taken_again),
        test_with_pool(no_more_than_a_few_are_kept),
        test_with_pool(threads_share_them),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
