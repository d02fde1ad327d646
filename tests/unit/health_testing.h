/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_TESTING_H
#define HEALTH_TESTING_H

/* What the tests of mod_tier_health's engine share: a loop that runs for a while, and a member to
 * be probed. */

#include "common_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "loop.h"

#define MS(n) apr_time_from_msec(n)

static inline void stop_loop(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    (void)timer;
    tier_loop_stop(loop);
}

/* Runs loop for so long. */
static inline void run_for(tier_loop_t *loop, apr_interval_time_t time)
{
    tier_loop_timer_t timer = {.fire = stop_loop};

    assert_int_equal(tier_loop_timer_set(loop, &timer, tier_clock_now() + time), APR_SUCCESS);
    assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    tier_loop_timer_cancel(loop, &timer);
}

/* Runs loop until condition holds, on a machine however slow. */
#define RUN_UNTIL(loop, condition)                                                                 \
    do {                                                                                           \
        for (int tries_ = 0; !(condition) && tries_ < 12000; tries_++)                             \
            run_for((loop), MS(5));                                                                \
        assert_true(condition);                                                                    \
    } while (0)

/* A listening socket of 127.0.0.1; answers each connection with text, where there is one, in a
 * thread of its own. */
typedef struct member_server_t {
    int listener;
    int port;
    const char *text; /* NULL: accepts and says nothing; may be changed: atomic */
    int served;       /* atomic */
    int ended; /* with text NULL: the error with which the prober ended it, 0: none; atomic */
    int linger_reset; /* closes with a reset */
    int piece;        /* sends so many bytes at a time, with a pause between; 0: all at once */
    int speaks_first; /* answers before it has read anything */
    char heard[2048]; /* what it was asked last, zero at the end; there once it has answered */
    pthread_t thread;
} member_server_t;

static inline void say(const member_server_t *server, int connection, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        size_t part = server->piece && (size_t)server->piece < size ? (size_t)server->piece : size;

        send(connection, text, part, MSG_NOSIGNAL);
        text += part;
        size -= part;
        if (size > 0)
            usleep(3000);
    }
}

/* Listens until the prober has enough of it. Returns how it was ended. */
static inline int listen_to_the_end(int connection)
{
    char bytes[2048];
    ssize_t count;

    do {
        count = recv(connection, bytes, sizeof(bytes), 0);
    } while (count > 0);
    return count < 0 ? errno : 0;
}

static inline int hear(member_server_t *server, int connection)
{
    ssize_t size = recv(connection, server->heard, sizeof(server->heard) - 1, 0);

    server->heard[size > 0 ? size : 0] = '\0';
    return size > 0;
}

static inline void serve_connection(member_server_t *server, int connection)
{
    const char *text = __atomic_load_n(&server->text, __ATOMIC_ACQUIRE);
    struct linger reset = {1, 0};

    __atomic_fetch_add(&server->served, 1, __ATOMIC_RELEASE);
    if (!text)
        __atomic_store_n(&server->ended, listen_to_the_end(connection), __ATOMIC_RELEASE);
    else if (server->speaks_first || hear(server, connection))
        say(server, connection, text);
    if (server->linger_reset)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(connection);
}

static inline void *serve_member(void *data)
{
    member_server_t *server = data;
    int connection;

    while ((connection = accept(server->listener, NULL, NULL)) >= 0)
        serve_connection(server, connection);
    return NULL;
}

static inline void open_member(member_server_t *server, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(server, 0, sizeof(*server));
    server->text = text;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve_member, server), 0);
}

static inline void close_member(member_server_t *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

#endif
