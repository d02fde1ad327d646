/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_TESTING_H
#define REPROXY_RELAY_TESTING_H

/*
 * A relay with a storage at one end and a client at the other, both played by the test: it feeds
 * the source and reads as the client in any rhythm, and compares every byte with a pattern.
 */

#include "reproxy_relay_sockets.h"

#include <stdlib.h>

#include "reproxy_relay_engine.h"

#define MS(n)  apr_time_from_msec(n)
#define LIMIT  apr_time_from_sec(120)
#define KIB(n) ((apr_int64_t)(n)*1024)

/* Static in tests: a relay that ends only after its test has failed must not write to its stack. */
typedef struct line_t {
    reproxy_relay_job_t job;
    int feeder; /* our end of the source; -1: nothing (more) is fed */
    int reader; /* our end of the client */
    apr_int64_t to_feed;
    apr_int64_t fed;
    apr_int64_t got;
    int closes;          /* feeder closes when all is fed */
    apr_size_t feed_max; /* bytes a turn; 0: as many as go */
    apr_size_t read_max;
    int done; /* atomic */
} line_t;

static inline void tell_done(reproxy_relay_job_t *job)
{
    __atomic_store_n(&((line_t *)job->baton)->done, 1, __ATOMIC_RELEASE);
}

#define is_done(line) __atomic_load_n(&(line)->done, __ATOMIC_ACQUIRE)

static inline void line_of(line_t *line, const int source[2], const int client[2],
                           apr_int64_t length)
{
    memset(line, 0, sizeof(*line));
    line->feeder = source[0];
    line->reader = client[0];
    line->to_feed = length;
    line->job.source = source[1];
    line->job.client = client[1];
    line->job.length = length;
    line->job.done = tell_done;
    line->job.baton = line;
}

static inline void make_line(line_t *line, apr_int64_t length, int buffer)
{
    int source[2], client[2];

    tcp_pair(source, buffer);
    tcp_pair(client, buffer);
    line_of(line, source, client, length);
}

static inline void close_line(line_t *line)
{
    close_one(&line->feeder);
    close_one(&line->reader);
    close_one(&line->job.source);
    close_one(&line->job.client);
}

/* Feeds a turn's worth; closes the feeder at the end where that is wanted. */
static inline void feed(line_t *line)
{
    char bytes[65536];
    apr_size_t size = line->feed_max ? 1 + (apr_size_t)rand() % line->feed_max : sizeof(bytes);
    ssize_t n;

    if (line->feeder < 0) {
        return;
    }
    if ((apr_int64_t)size > line->to_feed - line->fed) {
        size = (apr_size_t)(line->to_feed - line->fed);
    }
    fill_pattern(bytes, line->fed, size);
    n = send(line->feeder, bytes, size, MSG_NOSIGNAL);
    line->fed += n > 0 ? n : 0;
    if (line->fed == line->to_feed && line->closes) {
        close_one(&line->feeder);
    }
}

/* Reads a turn's worth as the client and compares it. Returns what recv() did. */
static inline ssize_t read_some(line_t *line)
{
    static char bytes[65536], expected[65536];
    apr_size_t size = line->read_max ? 1 + (apr_size_t)rand() % line->read_max : sizeof(bytes);
    ssize_t n = recv(line->reader, bytes, size, 0);

    if (n > 0) {
        fill_pattern(expected, line->got, (apr_size_t)n);
        assert_memory_equal(bytes, expected, (apr_size_t)n);
        line->got += n;
    }
    return n;
}

/* Plays both ends until the job has ended and the client has read what was sent. */
static inline void play(line_t *line)
{
    apr_time_t give_up = tier_clock_now() + LIMIT;

    while (!is_done(line) || line->got < line->job.sent) {
        struct pollfd ends[2] = {{line->reader, POLLIN, 0},
                                 {line->fed < line->to_feed ? line->feeder : -1, POLLOUT, 0}};

        assert_true(tier_clock_now() < give_up);
        poll(ends, 2, 1);
        feed(line);
        read_some(line);
    }
    assert_int_equal(line->got, line->job.sent);
}

static inline void wait_done(line_t *line)
{
    assert_true(wait_until(is_done(line), LIMIT));
}

static inline reproxy_relay_engine_t *start_engine(apr_uint32_t max_jobs, apr_size_t max_pipes,
                                                   apr_pool_t *pool)
{
    reproxy_relay_engine_spec_t spec = {max_jobs, max_pipes, NULL};
    reproxy_relay_engine_t *engine = NULL;

    assert_int_equal(reproxy_relay_engine_start(&engine, &spec, pool), APR_SUCCESS);
    return engine;
}

#endif
