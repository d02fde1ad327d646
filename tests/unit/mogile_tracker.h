/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_TRACKER_H
#define MOGILE_TRACKER_H

/* A tracker that says what a test wants. */

#include "mogile_testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

typedef struct tracker_t {
    int listener, port;
    /* What is said to each request; "%s" is the callid. NULL: nothing, and the connection stays
     * open. "": the connection is closed. Atomic. */
    const char *text;
    int requests, connections; /* atomic */
    int closes_after;          /* the answer */
    char last[1024];           /* the last request */
    int open[64];
    pthread_t thread;
} tracker_t;

static inline void tracker_say(tracker_t *tracker, const char *text)
{
    __atomic_store_n(&tracker->text, text, __ATOMIC_RELEASE);
}

static inline int tracker_requests(tracker_t *tracker)
{
    return __atomic_load_n(&tracker->requests, __ATOMIC_ACQUIRE);
}

/* Answers one line; returns 0 when the connection is to be closed. */
static inline int tracker_answer(tracker_t *tracker, int connection, char *line)
{
    const char *text = __atomic_load_n(&tracker->text, __ATOMIC_ACQUIRE);
    const char *callid = strstr(line, "callid=");
    char answer[2048];

    apr_cpystrn(tracker->last, line, sizeof(tracker->last));
    __atomic_fetch_add(&tracker->requests, 1, __ATOMIC_RELEASE);
    if (!text)
        return 1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(answer, sizeof(answer), text, callid ? callid + 7 : "");
#pragma GCC diagnostic pop
    send(connection, answer, strlen(answer), MSG_NOSIGNAL);
    return *text && !tracker->closes_after;
}

static inline void *tracker_connection(void *data)
{
    void **arguments = data;
    tracker_t *tracker = arguments[0];
    int connection = (int)(size_t)arguments[1];
    FILE *lines = fdopen(connection, "r");
    char line[1024];

    free(data);
    while (fgets(line, sizeof(line), lines)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!tracker_answer(tracker, connection, line))
            break;
    }
    shutdown(connection, SHUT_RDWR);
    fclose(lines);
    return NULL;
}

static inline void *tracker_serve(void *data)
{
    tracker_t *tracker = data;
    pthread_t threads[64];
    int count = 0, connection;

    while (count < 64 && (connection = accept(tracker->listener, NULL, NULL)) >= 0) {
        void **arguments = malloc(2 * sizeof(void *));

        arguments[0] = tracker;
        arguments[1] = (void *)(size_t)connection;
        tracker->open[count] = dup(connection);
        __atomic_fetch_add(&tracker->connections, 1, __ATOMIC_RELEASE);
        pthread_create(&threads[count++], NULL, tracker_connection, arguments);
    }
    for (int i = 0; i < count; i++) {
        shutdown(tracker->open[i], SHUT_RDWR);
        pthread_join(threads[i], NULL);
        close(tracker->open[i]);
    }
    return NULL;
}

static inline void tracker_start(tracker_t *tracker, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int on = 1;

    memset(tracker, 0, sizeof(*tracker));
    tracker->listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(tracker->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(bind(tracker->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(tracker->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(tracker->listener, 64), 0);
    tracker->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&tracker->thread, NULL, tracker_serve, tracker), 0);
}

/* Ends it with all its connections. */
static inline void tracker_stop(tracker_t *tracker)
{
    if (tracker->listener < 0)
        return;
    shutdown(tracker->listener, SHUT_RDWR);
    pthread_join(tracker->thread, NULL);
    close(tracker->listener);
    tracker->listener = -1;
}

#endif
