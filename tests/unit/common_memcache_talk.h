/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_MEMCACHE_TALK_H
#define COMMON_MEMCACHE_TALK_H

/* For tests of the client against a server that says what the test wants. */
#include "common_memcached.h"

#include <sys/socket.h>

#define ANSWER "VALUE k 7 5\r\nvalue\r\nEND\r\n"

typedef int play_t(fake_t *fake, int fd, const char *question);

/* A fake that calls play, and a client of it that goes on asking however often it fails. */
static inline void meet_within(apr_interval_time_t deadline, fake_t *fake, rig_t *rig,
                               apr_pool_t *pool, play_t *play, const char *text)
{
    const char *servers[2] = {NULL, NULL};

    memset(fake, 0, sizeof(*fake));
    fake->play = play;
    fake->text = text;
    fake->size = text ? strlen(text) : 0;
    fake_start(fake);
    servers[0] = fake->server;
    rig_make(rig, pool, servers);
    rig->options.deadline = deadline;
    rig->options.failures = 1000000;
    rig_connect(rig);
}

static inline void meet(fake_t *fake, rig_t *rig, apr_pool_t *pool, play_t *play, const char *text)
{
    meet_within(PATIENCE, fake, rig, pool, play, text);
}

static inline void part(fake_t *fake, rig_t *rig)
{
    fake_stop(fake);
    apr_pool_destroy(rig->pool);
}

/* Sends all or ends with a client that hung up. */
static inline int tell(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0)
            return 1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static inline int say_text(fake_t *fake, int fd, const char *question)
{
    (void)question;
    return tell(fd, fake->text, fake->size);
}

/* Asks for k and returns how; the value, if there was one, was the right one. */
static inline apr_status_t look_up(rig_t *rig, apr_time_t *took)
{
    apr_time_t began = tier_clock_now();
    apr_uint32_t flags;
    apr_size_t size;
    char *value = NULL;
    apr_status_t status =
        tier_memcache_get(rig->memcache, "k", 1, &value, &size, &flags, rig->pool);

    *took = tier_clock_now() - began;
    if (status == APR_SUCCESS) {
        assert_int_equal(size, 5);
        assert_int_equal(flags, 7);
        assert_memory_equal(value, "value", 5);
    } else {
        assert_null(value);
    }
    return status;
}

#endif
