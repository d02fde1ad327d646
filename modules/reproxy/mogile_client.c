/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_client.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "clock.h"
#include "memcache_wire.h"

#define CHUNK 4096

APR_RING_HEAD(idle_t, tier_memcache_wire_t);

typedef struct tracker_t {
    const mogile_server_t *server;
    struct idle_t idle; /* under the client's mutex; the one used last is first */
} tracker_t;

struct mogile_client_t {
    tracker_t *trackers;
    int count;
    tier_memcache_resolver_t *resolver;
    apr_interval_time_t wait;  /* what one recv() may wait without a look at the clock */
    apr_thread_mutex_t *mutex; /* not held over I/O */
    apr_uint32_t turn;         /* atomic: which tracker is asked first */
    apr_uint32_t callid;       /* atomic */
};

/* One attempt at one tracker. */
typedef struct attempt_t {
    mogile_client_t *client;
    tracker_t *tracker;
    mogile_ask_t *ask;
    tier_memcache_wire_t *wire;
    apr_time_t until;
    int kept;     /* the connection has served before */
    int sent;     /* all requests left */
    int received; /* at least one byte of an answer came */
    char callids[MOGILE_CLIENT_REQUESTS][16];
} attempt_t;

static apr_status_t close_idle(void *data)
{
    mogile_client_t *client = data;

    for (int i = 0; i < client->count; i++) {
        struct idle_t *idle = &client->trackers[i].idle;

        while (!APR_RING_EMPTY(idle, tier_memcache_wire_t, link)) {
            tier_memcache_wire_t *wire = APR_RING_FIRST(idle);

            APR_RING_REMOVE(wire, link);
            tier_memcache_wire_close(wire);
        }
    }
    return APR_SUCCESS;
}

apr_status_t mogile_client_create(mogile_client_t **made, const mogile_server_t *servers, int count,
                                  tier_memcache_resolver_t *resolver, apr_interval_time_t wait,
                                  apr_pool_t *pool)
{
    mogile_client_t *client = apr_pcalloc(pool, sizeof(*client));
    apr_status_t status;

    client->trackers = apr_pcalloc(pool, (apr_size_t)count * sizeof(tracker_t));
    client->count = count;
    client->resolver = resolver;
    client->wait = wait;
    for (int i = 0; i < count; i++) {
        client->trackers[i].server = &servers[i];
        APR_RING_INIT(&client->trackers[i].idle, tier_memcache_wire_t, link);
    }
    status = apr_thread_mutex_create(&client->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_cleanup_register(pool, client, close_idle, apr_pool_cleanup_null);
    *made = client;
    return APR_SUCCESS;
}

/* Takes a kept connection that is open and silent; NULL: there is none. */
static tier_memcache_wire_t *take_idle(mogile_client_t *client, tracker_t *tracker)
{
    for (;;) {
        tier_memcache_wire_t *wire = NULL;

        apr_thread_mutex_lock(client->mutex);
        if (!APR_RING_EMPTY(&tracker->idle, tier_memcache_wire_t, link)) {
            wire = APR_RING_FIRST(&tracker->idle);
            APR_RING_REMOVE(wire, link);
        }
        apr_thread_mutex_unlock(client->mutex);
        if (!wire || tier_memcache_wire_usable(wire))
            return wire;
        tier_memcache_wire_close(wire);
    }
}

static void keep(mogile_client_t *client, tracker_t *tracker, tier_memcache_wire_t *wire)
{
    apr_thread_mutex_lock(client->mutex);
    APR_RING_INSERT_HEAD(&tracker->idle, wire, tier_memcache_wire_t, link);
    apr_thread_mutex_unlock(client->mutex);
}

static apr_status_t open_wire(attempt_t *attempt)
{
    tier_memcache_addresses_t addresses;
    int index = (int)(attempt->tracker - attempt->client->trackers);

    tier_memcache_resolver_get(attempt->client->resolver, index, &addresses);
    if (addresses.count == 0)
        return APR_EINVAL; /* its name is not known yet */
    tier_counter_add(&attempt->tracker->server->counts->connections, 1);
    return tier_memcache_wire_open(&attempt->wire, &addresses, attempt->client->wait,
                                   attempt->until);
}

static apr_status_t send_requests(attempt_t *attempt)
{
    struct iovec parts[4 * MOGILE_CLIENT_REQUESTS];
    mogile_ask_t *ask = attempt->ask;
    int count = 0;
    apr_status_t status;

    for (int i = 0; i < MOGILE_CLIENT_REQUESTS && ask->requests[i]; i++) {
        const char *pieces[4] = {ask->requests[i], "&callid=", attempt->callids[i], "\r\n"};

        apr_snprintf(attempt->callids[i], sizeof(attempt->callids[i]), "%u",
                     __atomic_add_fetch(&attempt->client->callid, 1, __ATOMIC_RELAXED));
        for (int piece = 0; piece < 4; piece++, count++) {
            parts[count].iov_base = (char *)pieces[piece];
            parts[count].iov_len = strlen(pieces[piece]);
        }
    }
    status = tier_memcache_wire_send(attempt->wire, parts, count, attempt->until);
    attempt->sent = status == APR_SUCCESS;
    return status;
}

/* The answer must be the one to this request: what a tracker says unasked is no answer. */
static apr_status_t read_answer(attempt_t *attempt, int i, const char *line, apr_size_t size,
                                apr_pool_t *pool)
{
    mogile_answer_t *answer = &attempt->ask->answers[i];
    apr_status_t status = mogile_wire_read(answer, apr_pstrmemdup(pool, line, size), size, pool);

    if (status != APR_SUCCESS)
        return status;
    return answer->callid && strcmp(answer->callid, attempt->callids[i]) != 0 ? APR_EGENERAL
                                                                              : APR_SUCCESS;
}

static apr_status_t receive_answers(attempt_t *attempt, apr_pool_t *pool)
{
    mogile_lines_t lines = {.pool = pool};
    apr_status_t status = APR_SUCCESS;
    int i = 0;

    while (i < MOGILE_CLIENT_REQUESTS && attempt->ask->requests[i] && status == APR_SUCCESS) {
        char chunk[CHUNK];
        const char *line;
        apr_size_t size = 0;

        status = mogile_lines_next(&lines, &line, &size);
        if (status == APR_SUCCESS) {
            status = read_answer(attempt, i++, line, size, pool);
        } else if (status == APR_INCOMPLETE) {
            status = tier_memcache_wire_receive(attempt->wire, chunk, sizeof(chunk), &size,
                                                attempt->until);
            attempt->received |= size > 0;
            if (status == APR_SUCCESS)
                status = mogile_lines_add(&lines, chunk, size);
        }
    }
    return status == APR_SUCCESS && lines.taken < lines.have ? APR_EGENERAL : status;
}

static apr_status_t talk(attempt_t *attempt, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;

    attempt->sent = attempt->received = 0;
    if (!attempt->wire)
        status = open_wire(attempt);
    if (status != APR_SUCCESS)
        return status;
    attempt->wire->blocking = attempt->until - tier_clock_now() >= attempt->client->wait / 2;
    status = send_requests(attempt);
    if (status == APR_SUCCESS)
        status = receive_answers(attempt, pool);
    if (status == APR_SUCCESS) {
        keep(attempt->client, attempt->tracker, attempt->wire);
    } else {
        tier_memcache_wire_close(attempt->wire);
        attempt->ask->lost += attempt->sent;
    }
    attempt->wire = NULL;
    return status;
}

static apr_status_t try_tracker(attempt_t *attempt, apr_pool_t *pool)
{
    const mogile_server_t *server = attempt->tracker->server;
    apr_time_t began = tier_clock_now();
    apr_status_t status;

    attempt->wire = take_idle(attempt->client, attempt->tracker);
    attempt->kept = attempt->wire != NULL;
    status = talk(attempt, pool);
    /* It may have been closed at the moment it was taken: that says nothing of the tracker. */
    if (attempt->kept && !attempt->received && APR_STATUS_IS_EOF(status))
        status = talk(attempt, pool);
    if (status == APR_SUCCESS)
        mogile_server_answered(server, began);
    else
        mogile_server_failed(server, began, mogile_error_of(status), status);
    return status;
}

int mogile_client_cannot(const mogile_answer_t *answer)
{
    return !answer->ok && (strcmp(answer->code, "failure") == 0 || strcmp(answer->code, "db") == 0);
}

apr_status_t mogile_client_ask(mogile_client_t *client, mogile_ask_t *ask, apr_pool_t *pool)
{
    apr_time_t end = tier_clock_now() + 2 * ask->deadline;
    apr_uint32_t turn = __atomic_fetch_add(&client->turn, 1, __ATOMIC_RELAXED);
    apr_status_t result = APR_EAGAIN;
    mogile_answer_t answers[MOGILE_CLIENT_REQUESTS];

    ask->lost = 0;
    ask->server = NULL;
    for (int i = 0; i < client->count; i++) {
        attempt_t attempt = {.client = client, .ask = ask};
        apr_time_t now = tier_clock_now();
        apr_status_t status;

        attempt.tracker = &client->trackers[(turn + (apr_uint32_t)i) % (apr_uint32_t)client->count];
        attempt.until = now + ask->deadline < end ? now + ask->deadline : end;
        if (now >= end || !mogile_server_allows(attempt.tracker->server))
            continue;
        status = try_tracker(&attempt, pool);
        if (status == APR_SUCCESS) {
            ask->server = attempt.tracker->server;
            if (!mogile_client_cannot(&ask->answers[0]))
                return APR_SUCCESS;
            mogile_server_cannot(ask->server);
            memcpy(answers, ask->answers, sizeof(answers));
        }
        if (!ask->server)
            result = status;
    }
    if (ask->server)
        memcpy(ask->answers, answers, sizeof(answers));
    return ask->server ? APR_SUCCESS : result;
}
