/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does of a transfer, and how the relay goes on with it. */
#include "reproxy_relay_testing.h"

#include <pthread.h>
#include <sys/ioctl.h>

#include "reproxy_relay_run.h"

#define SOME MS(30)

static line_t line;
static reproxy_relay_transfer_t transfer;
static reproxy_relay_pipes_t pipes;
static pthread_t feeder, reader;
static int is_over; /* atomic: the threads are to end */

/* buffer: that of the client's sockets; what the source has fits into its own. */
static void begin_with(reproxy_relay_pipes_t *of, apr_int64_t length, int buffer)
{
    int source[2], client[2];

    tcp_pair(source, 0);
    tcp_pair(client, buffer);
    line_of(&line, source, client, length);
    reproxy_relay_transfer_begin(&transfer, &line.job, of, tier_clock_now());
}

static void begin(apr_int64_t length, int buffer, apr_size_t limit)
{
    reproxy_relay_pipes_init(&pipes, limit, NULL);
    begin_with(&pipes, length, buffer);
}

static void end(void)
{
    reproxy_relay_transfer_release(&transfer);
    reproxy_relay_pipes_close(&pipes);
    close_line(&line);
}

/* Plays the storage, or the client, in a thread. */
static void *feed_all(void *unused)
{
    (void)unused;
    while (line.fed < line.to_feed && !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        apr_int64_t before = line.fed;

        feed(&line);
        if (line.fed == before) {
            usleep(1000);
        }
    }
    return NULL;
}

static void *read_to_end(void *unused)
{
    (void)unused;
    while (line.got < line.to_feed && !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        struct pollfd readable = {line.reader, POLLIN, 0};

        poll(&readable, 1, 10);
        read_some(&line);
    }
    return NULL;
}

static void start_threads(int with_reader)
{
    is_over = 0;
    assert_int_equal(pthread_create(&feeder, NULL, feed_all, NULL), 0);
    if (with_reader) {
        assert_int_equal(pthread_create(&reader, NULL, read_to_end, NULL), 0);
    }
}

static void join_threads(int with_reader, int at_once)
{
    __atomic_store_n(&is_over, at_once, __ATOMIC_RELEASE);
    pthread_join(feeder, NULL);
    if (with_reader) {
        pthread_join(reader, NULL);
    }
}

static void what_the_client_takes_at_once_needs_no_relay(void **state)
{
    (void)state;
    for (apr_size_t limit = 0; limit < 2; limit++) { /* copied, spliced */
        begin(20000, 0, limit);
        feed(&line);
        assert_int_equal(reproxy_relay_run(&transfer, LIMIT), REPROXY_RELAY_FOR_NOTHING);
        assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
        line.done = 1;
        play(&line);
        assert_int_equal(line.got, 20000);
        end();
    }
}

static void a_source_is_waited_for_and_a_client_is_not(void **state)
{
    (void)state;
    begin(50000000, 4096, 1);
    start_threads(0);
    assert_int_equal(reproxy_relay_run(&transfer, LIMIT), REPROXY_RELAY_FOR_CLIENT);
    assert_true(transfer.blocked);
    assert_true(line.job.sent > 0 && line.job.sent < line.job.length);
    join_threads(0, 1);
    end();
}

/* However fast it is: others are waiting for the worker. */
static void no_client_has_the_worker_for_long(void **state)
{
    apr_time_t began = tier_clock_now();

    (void)state;
    begin(KIB(1 << 30), 0, 1);
    start_threads(1);
    assert_int_not_equal(reproxy_relay_run(&transfer, SOME), REPROXY_RELAY_FOR_NOTHING);
    assert_true(tier_clock_now() - began < LIMIT);
    join_threads(1, 1);
    end();
}

static void a_silent_source_has_the_worker_for_the_limit(void **state)
{
    apr_time_t began = tier_clock_now();

    (void)state;
    begin(1000, 0, 1);
    assert_int_equal(reproxy_relay_run(&transfer, SOME), REPROXY_RELAY_FOR_SOURCE);
    assert_true(tier_clock_now() - began >= SOME);
    end();
}

/* Where the relay has no room the worker waits, as long as Timeout and its like let it. */
static void without_a_limit_it_goes_to_the_end(void **state)
{
    (void)state;
    begin(2000000, 4096, 1);
    line.feed_max = 20000;
    start_threads(1);
    assert_int_equal(reproxy_relay_run(&transfer, 0), REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
    join_threads(1, 0);
    assert_int_equal(line.got, 2000000);
    end();
}

static void without_a_limit_deadlines_hold(void **state)
{
    (void)state;
    begin(1000, 0, 1);
    line.job.source_stall = SOME;
    assert_int_equal(reproxy_relay_run(&transfer, 0), REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line.job.end, REPROXY_RELAY_SOURCE_STALLED);
    end();

    begin(50000000, 4096, 1);
    line.job.client_stall = SOME;
    for (int i = 0; i < 10; i++) {
        feed(&line);
    }
    assert_true(line.fed > 100000);
    assert_int_equal(reproxy_relay_run(&transfer, 0), REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line.job.end, REPROXY_RELAY_CLIENT_STALLED);
    end();
}

static void a_client_that_goes_ends_the_wait_for_the_source(void **state)
{
    struct linger now = {1, 0};

    (void)state;
    begin(1000, 0, 1);
    setsockopt(line.reader, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close_one(&line.reader);
    assert_int_equal(reproxy_relay_run(&transfer, 0), REPROXY_RELAY_FOR_NOTHING);
    assert_int_equal(line.job.end, REPROXY_RELAY_CLIENT_GONE);
    end();
}

static void the_relay_goes_on_where_the_worker_stopped(void **state)
{
    for (apr_size_t limit = 0; limit < 2; limit++) {
        reproxy_relay_engine_t *engine = start_engine(1, limit, *state);

        begin_with(reproxy_relay_engine_pipes(engine), 3000000, 4096);
        line.job.head = malloc(1000);
        line.job.head_size = 1000;
        fill_pattern(line.job.head, 0, 1000);
        line.fed = 1000;
        transfer.taken = 1000;
        feed(&line);
        reproxy_relay_run(&transfer, SOME);
        assert_true(transfer.wait != REPROXY_RELAY_FOR_NOTHING);
        assert_true(line.job.sent > 0);
        line.job.begun = &transfer;
        assert_int_equal(reproxy_relay_engine_submit(engine, &line.job), APR_SUCCESS);
        play(&line);
        assert_null(line.job.begun);
        assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
        assert_int_equal(line.got, 3000000);
        close_line(&line);
    }
}

/* All of it is here, in the pipe: the source is needed no more. */
static void a_body_that_was_read_up_needs_no_source(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, 1, *state);
    int source[2], client[2], readable = 0;

    unix_pair(source);
    tcp_pair(client, 4096);
    line_of(&line, source, client, 60000);
    reproxy_relay_transfer_begin(&transfer, &line.job, reproxy_relay_engine_pipes(engine),
                                 tier_clock_now());
    while (readable < 60000) {
        feed(&line);
        assert_int_equal(ioctl(line.job.source, FIONREAD, &readable), 0);
    }
    reproxy_relay_run(&transfer, LIMIT);
    assert_true(transfer.blocked);
    assert_int_equal(transfer.taken, 60000);
    close_one(&line.job.source);
    line.job.begun = &transfer;
    assert_int_equal(reproxy_relay_engine_submit(engine, &line.job), APR_SUCCESS);
    play(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
    assert_int_equal(line.got, 60000);
    close_line(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_client_takes_at_once_needs_no_relay),
        cmocka_unit_test(a_source_is_waited_for_and_a_client_is_not),
        cmocka_unit_test(no_client_has_the_worker_for_long),
        cmocka_unit_test(a_silent_source_has_the_worker_for_the_limit),
        cmocka_unit_test(without_a_limit_it_goes_to_the_end),
        cmocka_unit_test(without_a_limit_deadlines_hold),
        cmocka_unit_test(a_client_that_goes_ends_the_wait_for_the_source),
        test_with_pool(the_relay_goes_on_where_the_worker_stopped),
        test_with_pool(a_body_that_was_read_up_needs_no_source),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
