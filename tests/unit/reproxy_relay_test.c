/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_testing.h"

#define PIPES 100

static void submit(reproxy_relay_engine_t *engine, line_t *line)
{
    assert_int_equal(reproxy_relay_engine_submit(engine, &line->job), APR_SUCCESS);
}

/* Carries length bytes, the first head_size of them handed over as read already. */
static void carry(reproxy_relay_engine_t *engine, line_t *line, apr_size_t head_size)
{
    char *head = malloc(head_size + 1);

    fill_pattern(head, 0, head_size);
    line->job.head = head;
    line->job.head_size = head_size;
    line->fed = (apr_int64_t)head_size;
    submit(engine, line);
    play(line);
    assert_null(line->job.head);
    assert_int_equal(line->job.end, REPROXY_RELAY_COMPLETE);
    assert_int_equal(line->job.sent, line->job.length);
}

static void carry_sizes(apr_pool_t *pool, apr_size_t max_pipes, apr_size_t head_size)
{
    static const apr_int64_t sizes[] = {0, 1, 4095, 65535, 65536, 65537, 3000001};
    reproxy_relay_engine_t *engine = start_engine(1, max_pipes, pool);
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        static line_t line;

        if (sizes[i] < (apr_int64_t)head_size) {
            continue;
        }
        make_line(&line, sizes[i], 0);
        carry(engine, &line, head_size);
        close_line(&line);
    }
}

static void every_size_arrives_spliced(void **state)
{
    carry_sizes(*state, PIPES, 0);
}

static void every_size_arrives_copied(void **state)
{
    carry_sizes(*state, 0, 0);
}

static void what_was_read_already_comes_first(void **state)
{
    carry_sizes(*state, PIPES, 1);
    carry_sizes(*state, 0, 4095);
    carry_sizes(*state, PIPES, 65536);
}

static void any_rhythm_gives_the_same_bytes(void **state)
{
    reproxy_relay_engine_t *spliced = start_engine(1, PIPES, *state);
    reproxy_relay_engine_t *copied = start_engine(1, 0, *state);
    int i;

    for (i = 0; i < 60; i++) {
        static line_t line;

        srand((unsigned)i);
        make_line(&line, 1 + rand() % 60000, 2048);
        line.feed_max = 1 + (apr_size_t)rand() % 9000;
        line.read_max = 1 + (apr_size_t)rand() % 9000;
        carry(i % 2 ? spliced : copied, &line, i % 3 ? 0 : (apr_size_t)(line.job.length / 2));
        close_line(&line);
    }
}

static void a_unix_socket_may_be_either_end(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    int source[2], client[2];
    static line_t line;

    unix_pair(source);
    unix_pair(client);
    line_of(&line, source, client, 300000);
    carry(engine, &line, 0);
    close_line(&line);
}

static void no_byte_beyond_the_length_is_taken(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    char more[8];
    static line_t line;

    make_line(&line, 1000, 0);
    line.to_feed = 1005;
    feed(&line);
    submit(engine, &line);
    play(&line);
    assert_int_equal(line.job.sent, 1000);
    assert_int_equal(recv(line.job.source, more, sizeof(more), 0), 5);
    close_line(&line);
}

static void a_client_that_closed_its_half_gets_everything(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    static line_t line;

    make_line(&line, 2000000, 0);
    shutdown(line.reader, SHUT_WR);
    carry(engine, &line, 0);
    close_line(&line);
}

static void a_source_that_ends_early_is_told(void **state)
{
    static const apr_int64_t given[] = {0, 1, 65536, 500000};
    size_t i;

    for (i = 0; i < 2 * sizeof(given) / sizeof(given[0]); i++) {
        reproxy_relay_engine_t *engine = start_engine(1, i % 2 ? PIPES : 0, *state);
        static line_t line;

        make_line(&line, 1000000, 0);
        line.to_feed = given[i / 2];
        line.closes = 1;
        submit(engine, &line);
        play(&line);
        assert_int_equal(line.job.end, REPROXY_RELAY_SOURCE_ENDED);
        assert_int_equal(line.job.sent, given[i / 2]);
        close_line(&line);
    }
}

static void another_source_completes_what_one_began(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    int source[2];
    static line_t line;

    make_line(&line, 1000000, 0);
    line.to_feed = 300000;
    line.closes = 1;
    submit(engine, &line);
    play(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_SOURCE_ENDED);
    close_one(&line.job.source);
    tcp_pair(source, 0);
    line.feeder = source[0];
    line.job.source = source[1];
    line.to_feed = 1000000;
    line.job.length = 700000;
    line.done = 0;
    submit(engine, &line);
    while (!is_done(&line) || line.got < 1000000) {
        feed(&line);
        read_some(&line);
    }
    assert_int_equal(line.job.end, REPROXY_RELAY_COMPLETE);
    assert_int_equal(line.job.sent, 700000);
    close_line(&line);
}

static void reset(int *fd)
{
    struct linger now = {1, 0};

    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close_one(fd);
}

static void a_reset_source_is_told(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    static line_t line;

    make_line(&line, 1000000, 0);
    submit(engine, &line);
    reset(&line.feeder);
    wait_done(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_SOURCE_ENDED);
    assert_int_equal(line.job.sent, 0);
    close_line(&line);
}

static void a_client_that_goes_is_noticed_while_the_source_is_silent(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    static line_t line;

    make_line(&line, 1000000, 0);
    submit(engine, &line);
    usleep(10000);
    reset(&line.reader);
    wait_done(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_CLIENT_GONE);
    close_line(&line);
}

static void a_client_that_goes_while_it_is_fed_is_noticed(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    static line_t line;

    make_line(&line, 50000000, 4096);
    submit(engine, &line);
    while (line.got < 20000) {
        feed(&line);
        read_some(&line);
    }
    reset(&line.reader);
    wait_done(&line);
    assert_int_equal(line.job.end, REPROXY_RELAY_CLIENT_GONE);
    assert_true(line.job.sent >= line.got);
    close_line(&line);
}

static void deadlines_hold(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(2, PIPES, *state);
    static line_t silent, stuck;

    make_line(&silent, 1000, 0);
    silent.job.source_stall = silent.job.client_stall = MS(50);
    make_line(&stuck, 50000000, 4096);
    stuck.job.client_stall = MS(50);
    submit(engine, &silent);
    submit(engine, &stuck);
    while (!is_done(&silent) || !is_done(&stuck)) {
        feed(&stuck);
        usleep(1000);
    }
    assert_int_equal(silent.job.end, REPROXY_RELAY_SOURCE_STALLED);
    assert_int_equal(stuck.job.end, REPROXY_RELAY_CLIENT_STALLED);
    close_line(&silent);
    close_line(&stuck);
}

static void no_more_jobs_than_allowed(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(2, PIPES, *state);
    static line_t lines[3];
    int i;

    for (i = 0; i < 3; i++) {
        make_line(&lines[i], 1000, 0);
    }
    submit(engine, &lines[0]);
    submit(engine, &lines[1]);
    assert_int_equal(reproxy_relay_engine_submit(engine, &lines[2].job), APR_EAGAIN);
    assert_int_equal(reproxy_relay_engine_running(engine), 2);
    play(&lines[0]);
    submit(engine, &lines[2]);
    play(&lines[1]);
    play(&lines[2]);
    assert_int_equal(reproxy_relay_engine_running(engine), 0);
    for (i = 0; i < 3; i++) {
        close_line(&lines[i]);
    }
}

static void a_cancelled_job_has_ended_when_cancel_returns(void **state)
{
    reproxy_relay_engine_t *engine = start_engine(1, PIPES, *state);
    int i;

    for (i = 0; i < 50; i++) {
        static line_t line;

        make_line(&line, 1000000, 0);
        submit(engine, &line);
        feed(&line);
        reproxy_relay_engine_cancel(engine, &line.job);
        assert_true(is_done(&line));
        assert_int_equal(line.job.end, REPROXY_RELAY_STOPPED);
        reproxy_relay_engine_cancel(engine, &line.job); /* has no effect any more */
        close_line(&line);
    }
}

static void the_end_of_the_relay_ends_every_job(void **state)
{
    apr_pool_t *child;
    reproxy_relay_engine_t *engine;
    static line_t lines[20];
    int i;

    assert_int_equal(apr_pool_create(&child, *state), APR_SUCCESS);
    engine = start_engine(20, PIPES, child);
    for (i = 0; i < 20; i++) {
        make_line(&lines[i], 1000000, 0);
        submit(engine, &lines[i]);
        feed(&lines[i]);
    }
    apr_pool_destroy(child);
    for (i = 0; i < 20; i++) {
        assert_true(is_done(&lines[i]));
        assert_int_equal(lines[i].job.end, REPROXY_RELAY_STOPPED);
        close_line(&lines[i]);
    }
}

static void many_at_once(void **state)
{
    enum { LINES = 200 };
    reproxy_relay_engine_t *engine = start_engine(LINES, LINES / 2, *state);
    static line_t lines[LINES];
    int i, left = LINES;

    for (i = 0; i < LINES; i++) {
        make_line(&lines[i], 100000 + 100 * i, 0);
        submit(engine, &lines[i]);
    }
    while (left > 0) {
        left = LINES;
        for (i = 0; i < LINES; i++) {
            feed(&lines[i]);
            read_some(&lines[i]);
            left -= is_done(&lines[i]) && lines[i].got == lines[i].job.sent;
        }
    }
    for (i = 0; i < LINES; i++) {
        assert_int_equal(lines[i].job.end, REPROXY_RELAY_COMPLETE);
        assert_int_equal(lines[i].got, lines[i].job.length);
        close_line(&lines[i]);
    }
}

static void every_end_has_a_name(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < REPROXY_RELAY_ENDS; i++) {
        assert_true(strlen(reproxy_relay_end_name(i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(every_size_arrives_spliced),
        test_with_pool(every_size_arrives_copied),
        test_with_pool(what_was_read_already_comes_first),
        test_with_pool(any_rhythm_gives_the_same_bytes),
        test_with_pool(a_unix_socket_may_be_either_end),
        test_with_pool(no_byte_beyond_the_length_is_taken),
        test_with_pool(a_client_that_closed_its_half_gets_everything),
        test_with_pool(a_source_that_ends_early_is_told),
        test_with_pool(another_source_completes_what_one_began),
        test_with_pool(a_reset_source_is_told),
        test_with_pool(a_client_that_goes_is_noticed_while_the_source_is_silent),
        test_with_pool(a_client_that_goes_while_it_is_fed_is_noticed),
        test_with_pool(deadlines_hold),
        test_with_pool(no_more_jobs_than_allowed),
        test_with_pool(a_cancelled_job_has_ended_when_cancel_returns),
        test_with_pool(the_end_of_the_relay_ends_every_job),
        test_with_pool(many_at_once),
        cmocka_unit_test(every_end_has_a_name),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
