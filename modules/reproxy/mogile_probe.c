/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "clock.h"
#include "memcache_wire.h"
#include "mogile_client.h"

#define ANSWER 4096 /* longer ones are not expected of a key that nobody has */

/* After so long what was held back is told: whoever opened the breaker comes first. */
#define SETTLED apr_time_from_sec(1)

typedef struct prober_t prober_t;

/* One tracker's probe. Everything is of the loop's thread. */
typedef struct probe_t {
    prober_t *prober;
    const mogile_server_t *server;
    int index;
    apr_pool_t *pool; /* of the present attempt */
    tier_loop_timer_t deadline;
    tier_loop_socket_t socket;
    int fd; /* -1 while nothing is under way */
    int asked;
    apr_uint32_t turn;         /* which address is next */
    apr_interval_time_t pause; /* between two probes */
    apr_time_t began;
    apr_size_t have;
    char answer[ANSWER];
} probe_t;

struct prober_t {
    mogile_probe_options_t options;
    const char *question;
    tier_loop_t *loop;
    tier_loop_timer_t tick;
    probe_t *probes;
};

static void finish(probe_t *probe)
{
    tier_loop_timer_cancel(probe->prober->loop, &probe->deadline);
    if (probe->fd < 0)
        return;
    tier_loop_socket_forget(probe->prober->loop, &probe->socket);
    close(probe->fd);
    probe->fd = -1;
}

static void ask(probe_t *probe)
{
    const char *question = probe->prober->question;
    ssize_t size = (ssize_t)strlen(question);

    probe->asked = 1;
    if (send(probe->fd, question, (size_t)size, MSG_NOSIGNAL) != size ||
        tier_loop_socket_watch(probe->prober->loop, &probe->socket, APR_POLLIN) != APR_SUCCESS)
        finish(probe);
}

apr_interval_time_t mogile_probe_pause(apr_interval_time_t pause, apr_interval_time_t interval,
                                       int is_flapping)
{
    if (!is_flapping)
        return interval;
    return pause < MOGILE_PROBE_PAUSE_MAX / 2 ? 2 * pause : MOGILE_PROBE_PAUSE_MAX;
}

static int is_flapping(const mogile_server_t *server)
{
    return tier_atomic_load(&server->breaker->flapping) != 0;
}

static void judge(probe_t *probe, apr_size_t size)
{
    mogile_answer_t answer;
    int is_well = mogile_wire_read(&answer, probe->answer, size, probe->pool) == APR_SUCCESS &&
                  !mogile_client_cannot(&answer);

    finish(probe);
    if (!is_well)
        return;
    probe->pause = mogile_probe_pause(probe->pause, probe->prober->options.interval,
                                      is_flapping(probe->server));
    mogile_server_answered(probe->server, probe->began);
}

static void listen_to(probe_t *probe)
{
    ssize_t got = recv(probe->fd, probe->answer + probe->have, ANSWER - probe->have, 0);
    char *end;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        finish(probe);
        return;
    }
    probe->have += (apr_size_t)got;
    end = memchr(probe->answer, '\n', probe->have);
    if (end) {
        apr_size_t size = (apr_size_t)(end - probe->answer);

        judge(probe, size > 0 && end[-1] == '\r' ? size - 1 : size);
    } else if (probe->have == ANSWER) {
        finish(probe);
    }
}

static void ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    probe_t *probe = socket->baton;

    (void)loop;
    (void)events; /* send and recv say what is wrong with a socket in error */
    if (probe->asked)
        listen_to(probe);
    else
        ask(probe);
}

static void overdue(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    (void)loop;
    finish(timer->baton);
}

static void begin(probe_t *probe)
{
    prober_t *prober = probe->prober;
    tier_memcache_addresses_t addresses;
    const tier_memcache_address_t *address;

    tier_memcache_resolver_get(prober->options.resolver, probe->index, &addresses);
    if (addresses.count == 0)
        return;
    address = &addresses.at[probe->turn++ % (apr_uint32_t)addresses.count];
    apr_pool_clear(probe->pool);
    probe->began = tier_loop_now(prober->loop);
    probe->asked = 0;
    probe->have = 0;
    tier_memcache_wire_begin(&probe->fd, (const struct sockaddr *)&address->name, address->size);
    if (probe->fd < 0)
        return;
    probe->socket.socket = NULL;
    apr_os_sock_put(&probe->socket.socket, &probe->fd, probe->pool);
    if (tier_loop_socket_watch(prober->loop, &probe->socket, APR_POLLOUT) != APR_SUCCESS ||
        tier_loop_timer_set(prober->loop, &probe->deadline,
                            probe->began + prober->options.deadline) != APR_SUCCESS)
        finish(probe);
}

static void tick(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    prober_t *prober = timer->baton;
    apr_interval_time_t interval = prober->options.interval;
    apr_time_t now = tier_loop_now(loop);

    for (int i = 0; i < prober->options.count; i++) {
        probe_t *probe = &prober->probes[i];
        tier_breaker_t *breaker = probe->server->breaker;

        if (!is_flapping(probe->server))
            probe->pause = interval;
        if (probe->fd < 0 && tier_breaker_probe_due(breaker, probe->pause, now))
            begin(probe);
        if (now - tier_atomic_load64(&breaker->since) > SETTLED)
            mogile_server_tell(probe->server, 0, "it does not answer");
    }
    tier_loop_timer_set(loop, timer, now + interval / 2);
}

static apr_status_t stop(void *data)
{
    prober_t *prober = data;

    tier_loop_timer_cancel(prober->loop, &prober->tick);
    for (int i = 0; i < prober->options.count; i++)
        finish(&prober->probes[i]);
    return APR_SUCCESS;
}

apr_status_t mogile_probe_on(tier_loop_t *loop, const mogile_probe_options_t *options,
                             apr_pool_t *pool)
{
    prober_t *prober = apr_pcalloc(pool, sizeof(*prober));

    prober->options = *options;
    prober->question = apr_pstrcat(pool, options->question, "\r\n", NULL);
    prober->loop = loop;
    prober->probes = apr_pcalloc(pool, (apr_size_t)options->count * sizeof(probe_t));
    for (int i = 0; i < options->count; i++) {
        probe_t *probe = &prober->probes[i];

        probe->prober = prober;
        probe->server = &options->servers[i];
        probe->index = i;
        probe->fd = -1;
        probe->pause = options->interval;
        probe->deadline.fire = overdue;
        probe->deadline.baton = probe;
        probe->socket.ready = ready;
        probe->socket.baton = probe;
        apr_pool_create(&probe->pool, pool);
    }
    apr_pool_pre_cleanup_register(pool, prober, stop);
    prober->tick.fire = tick;
    prober->tick.baton = prober;
    return tier_loop_timer_set(loop, &prober->tick, tier_loop_now(loop));
}
