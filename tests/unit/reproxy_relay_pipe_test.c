/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_testing.h"

#include <stdarg.h>
#include <sys/resource.h>

#include "reproxy_relay_pipe.h"

/* How large pipes are is the test's to say: a user's other pipes count for the kernel's limits. */
static int made_size = REPROXY_RELAY_PIPE_USUAL;
static int refuses;
static int asked; /* for another size */

int __wrap_fcntl(int, int, ...);
int __real_fcntl(int, int, ...);

int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    if (command == F_GETPIPE_SZ)
        return made_size;
    if (command != F_SETPIPE_SZ)
        return __real_fcntl(fd, command, argument);
    asked++;
    errno = EPERM;
    return refuses ? -1 : (int)argument;
}

static reproxy_relay_pipe_t take(reproxy_relay_pipes_t *pipes)
{
    reproxy_relay_pipe_t pipe;

    assert_true(reproxy_relay_pipes_take(pipes, &pipe));
    return pipe;
}

static void bytes_go_through_without_waiting(void **state)
{
    reproxy_relay_pipe_t pipe;
    reproxy_relay_pipes_t pipes;
    char bytes[4];

    (void)state;
    reproxy_relay_pipes_init(&pipes, 1, NULL);
    pipe = take(&pipes);
    assert_int_equal(read(pipe.out, bytes, sizeof(bytes)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(pipe.in, "abc", 3), 3);
    assert_int_equal(read(pipe.out, bytes, sizeof(bytes)), 3);
    assert_memory_equal(bytes, "abc", 3);
    reproxy_relay_pipes_give(&pipes, &pipe, 1);
    reproxy_relay_pipes_close(&pipes);
}

static void no_more_than_the_limit_are_out(void **state)
{
    reproxy_relay_pipe_t first, second;
    reproxy_relay_pipes_t pipes;

    (void)state;
    reproxy_relay_pipes_init(&pipes, 1, NULL);
    first = take(&pipes);
    assert_false(reproxy_relay_pipes_take(&pipes, &second));
    assert_int_equal(second.out, -1);
    reproxy_relay_pipes_give(&pipes, &second, 1); /* what is none is no pipe back */
    assert_false(reproxy_relay_pipes_take(&pipes, &second));
    reproxy_relay_pipes_give(&pipes, &first, 1);
    assert_int_equal(first.out, -1);
    second = take(&pipes);
    reproxy_relay_pipes_give(&pipes, &second, 1);
    reproxy_relay_pipes_close(&pipes);
    reproxy_relay_pipes_init(&pipes, 0, NULL);
    assert_false(reproxy_relay_pipes_take(&pipes, &first));
}

static void empty_pipes_are_kept_and_others_closed(void **state)
{
    reproxy_relay_pipe_t pipe;
    reproxy_relay_pipes_t pipes;
    int out;

    (void)state;
    reproxy_relay_pipes_init(&pipes, 10, NULL);
    pipe = take(&pipes);
    out = pipe.out;
    reproxy_relay_pipes_give(&pipes, &pipe, 1);
    pipe = take(&pipes);
    assert_int_equal(pipe.out, out);
    assert_int_equal(write(pipe.in, "of another", 10), 10);
    reproxy_relay_pipes_give(&pipes, &pipe, 0);
    assert_int_equal(fcntl(out, F_GETFD), -1);
    assert_int_equal(pipes.count, 0);
    reproxy_relay_pipes_close(&pipes);
}

static void no_descriptor_is_left(void **state)
{
    struct rlimit before, none;
    reproxy_relay_pipe_t pipe;
    reproxy_relay_pipes_t pipes;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    reproxy_relay_pipes_init(&pipes, 10, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_false(reproxy_relay_pipes_take(&pipes, &pipe));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(pipe.out, -1);
    assert_int_equal(pipes.out, 0);
}

static void pipes_grow_to_the_most_and_are_kept_small(void **state)
{
    reproxy_relay_pipe_t pipe;
    reproxy_relay_pipes_t pipes;

    (void)state;
    asked = 0;
    reproxy_relay_pipes_init(&pipes, 10, NULL);
    pipe = take(&pipes);
    for (int i = 0; i < 4; i++) {
        apr_size_t before = pipe.size;

        reproxy_relay_pipes_grow(&pipes, &pipe);
        assert_int_equal(pipe.size,
                         before * 4 < REPROXY_RELAY_PIPE_MAX ? before * 4 : REPROXY_RELAY_PIPE_MAX);
    }
    reproxy_relay_pipes_give(&pipes, &pipe, 1);
    assert_int_equal(asked, 3); /* twice to grow, once to be kept */
    pipe = take(&pipes);
    assert_int_equal(pipe.size, REPROXY_RELAY_PIPE_KEPT);
    reproxy_relay_pipes_give(&pipes, &pipe, 1);
    assert_int_equal(asked, 3);
    reproxy_relay_pipes_close(&pipes);
}

static void few_are_kept_large(void **state)
{
    enum { COUNT = REPROXY_RELAY_PIPES_LARGE + 3 };
    reproxy_relay_pipe_t out[COUNT];
    reproxy_relay_pipes_t pipes;
    int descriptors[COUNT];

    (void)state;
    reproxy_relay_pipes_init(&pipes, COUNT, NULL);
    for (int i = 0; i < COUNT; i++) {
        out[i] = take(&pipes);
        descriptors[i] = out[i].out;
        reproxy_relay_pipes_grow(&pipes, &out[i]);
        assert_int_equal(out[i].size, REPROXY_RELAY_PIPE_KEPT);
    }
    for (int i = 0; i < COUNT; i++)
        reproxy_relay_pipes_give(&pipes, &out[i], 1);
    assert_int_equal(pipes.large_count, REPROXY_RELAY_PIPES_LARGE);
    assert_int_equal(pipes.count, 3);
    for (int i = 0; i < COUNT; i++) { /* the large ones first */
        out[i] = take(&pipes);
        assert_int_equal(out[i].size, i < REPROXY_RELAY_PIPES_LARGE ? REPROXY_RELAY_PIPE_KEPT
                                                                    : REPROXY_RELAY_PIPE_USUAL);
    }
    for (int i = 0; i < COUNT; i++)
        reproxy_relay_pipes_give(&pipes, &out[i], 1);
    reproxy_relay_pipes_close(&pipes);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(fcntl(descriptors[i], F_GETFD), -1);
}

/* Asking again each time would cost a system call a megabyte. Any pipe is meant, as it is the
 * user's limit; after a while there may be room again. */
static void a_kernel_that_refuses_is_left_alone_for_a_while(void **state)
{
    reproxy_relay_pipe_t first, second;
    reproxy_relay_pipes_t pipes;

    (void)state;
    asked = 0;
    refuses = 1;
    reproxy_relay_pipes_init(&pipes, 10, NULL);
    first = take(&pipes);
    second = take(&pipes);
    reproxy_relay_pipes_grow(&pipes, &first);
    refuses = 0;
    for (int i = 0; i < 100; i++)
        reproxy_relay_pipes_grow(&pipes, &second);
    assert_int_equal(asked, 1);
    assert_int_equal(first.size, REPROXY_RELAY_PIPE_USUAL);
    assert_int_equal(second.size, REPROXY_RELAY_PIPE_USUAL);
    for (int i = 0; i < 1000; i++)
        reproxy_relay_pipes_grow(&pipes, &second);
    assert_int_equal(second.size, REPROXY_RELAY_PIPE_MAX);
    reproxy_relay_pipes_give(&pipes, &first, 1);
    reproxy_relay_pipes_give(&pipes, &second, 1);
    reproxy_relay_pipes_close(&pipes);
}

/* A user who has many gets pipes of a page or two. */
static void small_pipes_serve_as_well(void **state)
{
    reproxy_relay_pipe_t pipe;
    reproxy_relay_pipes_t pipes;

    (void)state;
    made_size = 8192;
    reproxy_relay_pipes_init(&pipes, 1, NULL);
    pipe = take(&pipes);
    assert_int_equal(pipe.size, 8192);
    asked = 0;
    reproxy_relay_pipes_give(&pipes, &pipe, 1);
    assert_int_equal(asked, 0);
    made_size = REPROXY_RELAY_PIPE_USUAL;
    reproxy_relay_pipes_close(&pipes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_through_without_waiting),
        cmocka_unit_test(no_more_than_the_limit_are_out),
        cmocka_unit_test(empty_pipes_are_kept_and_others_closed),
        cmocka_unit_test(no_descriptor_is_left),
        cmocka_unit_test(pipes_grow_to_the_most_and_are_kept_small),
        cmocka_unit_test(few_are_kept_large),
        cmocka_unit_test(a_kernel_that_refuses_is_left_alone_for_a_while),
        cmocka_unit_test(small_pipes_serve_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
