/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_FAKE_H
#define MOGILE_FAKE_H

/* Trackers that say what a test wants, and servers and a resolver that know them. */

#include "mogile_testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "mogile_client.h"

#define MS(n)    apr_time_from_msec(n)
#define FAKES    2
#define DEADLINE MS(300)

typedef struct fake_t {
    int listener, port;
    /* What is said to each request; "%s" is the callid. NULL: nothing, and the connection stays
     * open. "": the connection is closed. Atomic. */
    const char *text;
    int requests, connections; /* atomic */
    int closes_after;          /* the answer */
    char last[1024];           /* the last request */
    int open[64];
    pthread_t thread;
} fake_t;

static inline void fake_say(fake_t *fake, const char *text)
{
    __atomic_store_n(&fake->text, text, __ATOMIC_RELEASE);
}

static inline int fake_requests(fake_t *fake)
{
    return __atomic_load_n(&fake->requests, __ATOMIC_ACQUIRE);
}

/* Answers one line; returns 0 when the connection is to be closed. */
static inline int fake_answer(fake_t *fake, int connection, char *line)
{
    const char *text = __atomic_load_n(&fake->text, __ATOMIC_ACQUIRE);
    const char *callid = strstr(line, "callid=");
    char answer[2048];

    apr_cpystrn(fake->last, line, sizeof(fake->last));
    __atomic_fetch_add(&fake->requests, 1, __ATOMIC_RELEASE);
    if (!text)
        return 1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(answer, sizeof(answer), text, callid ? callid + 7 : "");
#pragma GCC diagnostic pop
    send(connection, answer, strlen(answer), MSG_NOSIGNAL);
    return *text && !fake->closes_after;
}

static inline void *fake_connection(void *data)
{
    void **arguments = data;
    fake_t *fake = arguments[0];
    int connection = (int)(size_t)arguments[1];
    FILE *lines = fdopen(connection, "r");
    char line[1024];

    free(data);
    while (fgets(line, sizeof(line), lines)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!fake_answer(fake, connection, line))
            break;
    }
    shutdown(connection, SHUT_RDWR);
    fclose(lines);
    return NULL;
}

static inline void *fake_serve(void *data)
{
    fake_t *fake = data;
    pthread_t threads[64];
    int count = 0, connection;

    while (count < 64 && (connection = accept(fake->listener, NULL, NULL)) >= 0) {
        void **arguments = malloc(2 * sizeof(void *));

        arguments[0] = fake;
        arguments[1] = (void *)(size_t)connection;
        fake->open[count] = dup(connection);
        __atomic_fetch_add(&fake->connections, 1, __ATOMIC_RELEASE);
        pthread_create(&threads[count++], NULL, fake_connection, arguments);
    }
    for (int i = 0; i < count; i++) {
        shutdown(fake->open[i], SHUT_RDWR);
        pthread_join(threads[i], NULL);
        close(fake->open[i]);
    }
    return NULL;
}

static inline void fake_start(fake_t *fake, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int on = 1;

    memset(fake, 0, sizeof(*fake));
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fake->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(fake->listener, 64), 0);
    fake->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_serve, fake), 0);
}

/* Ends it with all its connections. */
static inline void fake_stop(fake_t *fake)
{
    if (fake->listener < 0)
        return;
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    fake->listener = -1;
}

/* Everything that a client needs. */
typedef struct trackers_t {
    fake_t fakes[FAKES];
    mogile_server_t servers[FAKES];
    mogile_counts_t counts[FAKES];
    tier_breaker_t breakers[FAKES];
    tier_memcache_server_t spelled[FAKES];
    tier_memcache_resolver_t *resolver;
    mogile_client_t *client;
    kept_log_t log;
} trackers_t;

static inline void start_trackers(trackers_t *trackers, const char *text, apr_pool_t *pool)
{
    memset(trackers, 0, sizeof(*trackers));
    keep_log(&trackers->log);
    for (int i = 0; i < FAKES; i++) {
        mogile_server_t *server = &trackers->servers[i];

        fake_start(&trackers->fakes[i], 0);
        fake_say(&trackers->fakes[i], text);
        server->kind = "tracker";
        server->name = apr_psprintf(pool, "127.0.0.1:%d", trackers->fakes[i].port);
        server->breaker = &trackers->breakers[i];
        server->counts = &trackers->counts[i];
        server->log = &trackers->log.log;
        assert_null(tier_memcache_server_parse(&trackers->spelled[i], server->name, pool));
    }
    assert_int_equal(tier_memcache_resolver_create(&trackers->resolver, trackers->spelled,
                                                   trackers->breakers, FAKES, pool),
                     APR_SUCCESS);
    assert_int_equal(mogile_client_create(&trackers->client, trackers->servers, FAKES,
                                          trackers->resolver, DEADLINE, pool),
                     APR_SUCCESS);
}

static inline void stop_trackers(trackers_t *trackers)
{
    for (int i = 0; i < FAKES; i++)
        fake_stop(&trackers->fakes[i]);
}

static inline apr_uint64_t errors_of(trackers_t *trackers, mogile_error_e error)
{
    return tier_counter_get(&trackers->counts[0].errors[error]) +
           tier_counter_get(&trackers->counts[1].errors[error]);
}

#endif
