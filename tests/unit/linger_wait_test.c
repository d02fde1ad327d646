/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_testing.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "linger_wait.h"

#define LONG apr_time_from_sec(10)

typedef struct pair_t {
    int ours;
    int theirs;
} pair_t;

static int set_up(void **state)
{
    static pair_t pair; /* of one test at a time */
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        return -1;
    }
    pair.ours = ends[0];
    pair.theirs = ends[1];
    *state = &pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_t *pair = *state;

    close(pair->ours);
    close(pair->theirs);
    return 0;
}

static void data_that_is_there_ends_the_wait(void **state)
{
    pair_t *pair = *state;

    assert_int_equal(write(pair->theirs, "x", 1), 1);
    assert_int_equal(linger_wait(pair->ours, LONG), LINGER_WAIT_READABLE);
}

static void nothing_comes_in_time(void **state)
{
    pair_t *pair = *state;
    apr_time_t start = tier_clock_now();

    assert_int_equal(linger_wait(pair->ours, 1500), LINGER_WAIT_TIMEOUT);
    assert_in_range(tier_clock_now() - start, 1500, apr_time_from_sec(5));
    assert_int_equal(linger_wait(pair->ours, 0), LINGER_WAIT_TIMEOUT);
}

static void a_coarse_wait_is_no_shorter_and_little_longer(void **state)
{
    pair_t *pair = *state;
    apr_time_t start;

    linger_wait_be_coarse();
    assert_int_equal(prctl(PR_GET_TIMERSLACK), 4000000);
    start = tier_clock_now();
    assert_int_equal(linger_wait(pair->ours, 1500), LINGER_WAIT_TIMEOUT);
    assert_in_range(tier_clock_now() - start, 1500, apr_time_from_sec(5));
    linger_wait_be_exact();
    assert_true(prctl(PR_GET_TIMERSLACK) < 4000000);
}

static void a_closed_peer_is_seen(void **state)
{
    pair_t *pair = *state;

    shutdown(pair->theirs, SHUT_RDWR);
    assert_int_equal(linger_wait(pair->ours, LONG), LINGER_WAIT_CLOSED);
}

static void a_half_closed_peer_is_seen(void **state)
{
    pair_t *pair = *state;

    shutdown(pair->theirs, SHUT_WR);
    assert_int_equal(linger_wait(pair->ours, LONG), LINGER_WAIT_CLOSED);
}

static void a_bad_descriptor_is_closed(void **state)
{
    (void)state;
    assert_int_equal(linger_wait(1 << 20, LONG), LINGER_WAIT_CLOSED);
}

static void a_bad_timeout_is_no_endless_wait(void **state)
{
    pair_t *pair = *state;

    assert_int_equal(linger_wait(pair->ours, -1), LINGER_WAIT_CLOSED);
}

static void *write_late(void *baton)
{
    pair_t *pair = baton;

    usleep(20000);
    return write(pair->theirs, "x", 1) == 1 ? pair : NULL;
}

static void data_that_comes_ends_the_wait(void **state)
{
    pair_t *pair = *state;
    pthread_t writer;
    void *wrote = NULL;

    assert_int_equal(pthread_create(&writer, NULL, write_late, pair), 0);
    assert_int_equal(linger_wait(pair->ours, LONG), LINGER_WAIT_READABLE);
    pthread_join(writer, &wrote);
    assert_non_null(wrote);
}

static void note_signal(int number)
{
    (void)number;
}

static void a_signal_is_a_timeout(void **state)
{
    pair_t *pair = *state;
    struct sigaction action = {.sa_handler = note_signal};

    sigaction(SIGALRM, &action, NULL);
    ualarm(10000, 0);
    assert_int_equal(linger_wait(pair->ours, LONG), LINGER_WAIT_TIMEOUT);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(data_that_is_there_ends_the_wait),
        WITH_PAIR(nothing_comes_in_time),
        WITH_PAIR(a_coarse_wait_is_no_shorter_and_little_longer),
        WITH_PAIR(a_closed_peer_is_seen),
        WITH_PAIR(a_half_closed_peer_is_seen),
        WITH_PAIR(a_bad_descriptor_is_closed),
        WITH_PAIR(a_bad_timeout_is_no_endless_wait),
        WITH_PAIR(data_that_comes_ends_the_wait),
        WITH_PAIR(a_signal_is_a_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
