/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_portable.h>

#include "memcache_protocol.h"
#include "memcache_resolver.h"
#include "memcache_server.h"

#define SETTLED apr_time_from_sec(1)

/* One server's probe. Everything is of the loop's thread. */
typedef struct probe_t {
    struct prober_t *prober;
    tier_memcache_server_t *server;
    tier_breaker_t *breaker;
    tier_loop_t *loop;
    tier_loop_timer_t deadline;
    tier_loop_socket_t socket;
    apr_pool_t *pool; /* of the present attempt: cleared by each */
    int fd;           /* -1 while nothing is under way */
    apr_time_t began;
    tier_memcache_addresses_t addresses;
    int first; /* the address that this attempt began with */
    int tried; /* how many of the addresses this attempt has tried */
    int asked;
    apr_size_t have;
    char answer[TIER_MEMCACHE_MAX_LINE];
} probe_t;

typedef struct prober_t {
    tier_memcache_options_t options;
    tier_memcache_resolver_t *resolver;
    tier_loop_t *loop;
    tier_loop_timer_t tick;
    probe_t *probes;
    int count;
} prober_t;

static void hang_up(probe_t *probe)
{
    if (probe->fd < 0)
        return;
    tier_loop_socket_forget(probe->loop, &probe->socket);
    close(probe->fd);
    probe->fd = -1;
}

static void finish(probe_t *probe)
{
    tier_loop_timer_cancel(probe->loop, &probe->deadline);
    hang_up(probe);
}

/* Returns APR_SUCCESS when the connection is on its way and watched. */
static apr_status_t connect_next(probe_t *probe)
{
    const struct sockaddr *name;
    apr_status_t status;
    int at = (probe->first + probe->tried++) % probe->addresses.count;

    name = (const struct sockaddr *)&probe->addresses.at[at].name;
    status = tier_memcache_wire_begin(&probe->fd, name, probe->addresses.at[at].size);
    if (status != APR_SUCCESS && status != APR_EINPROGRESS)
        return status;
    apr_pool_clear(probe->pool);
    probe->socket.socket = NULL;
    apr_os_sock_put(&probe->socket.socket, &probe->fd, probe->pool);
    probe->asked = 0;
    probe->have = 0;
    status = tier_loop_socket_watch(probe->loop, &probe->socket, APR_POLLOUT);
    if (status != APR_SUCCESS)
        hang_up(probe);
    return status;
}

/* Tries the addresses that are left; with none left the probe is over, until it is due again. */
static void try_next(probe_t *probe)
{
    hang_up(probe);
    while (probe->tried < probe->addresses.count) {
        if (connect_next(probe) == APR_SUCCESS)
            return;
    }
    finish(probe);
}

static void succeed(probe_t *probe)
{
    apr_time_t now = tier_loop_now(probe->loop);

    finish(probe);
    if (tier_breaker_success(probe->breaker, probe->began, now))
        tier_memcache_server_tell(probe->server->name, probe->breaker, now, 0, NULL,
                                  probe->prober->options.log);
}

static void ask(probe_t *probe)
{
    static const char question[] = "version\r\n";

    if (send(probe->fd, question, sizeof(question) - 1, MSG_NOSIGNAL) != sizeof(question) - 1 ||
        tier_loop_socket_watch(probe->loop, &probe->socket, APR_POLLIN) != APR_SUCCESS) {
        try_next(probe);
        return;
    }
    probe->asked = 1;
}

static void listen_to(probe_t *probe)
{
    ssize_t got =
        recv(probe->fd, probe->answer + probe->have, sizeof(probe->answer) - probe->have, 0);
    tier_memcache_answer_t answer;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        try_next(probe);
        return;
    }
    probe->have += (apr_size_t)got;
    answer = tier_memcache_answer_read(probe->answer, probe->have, "", 0);
    if (answer.kind == TIER_MEMCACHE_VERSION)
        succeed(probe);
    else if (answer.kind != TIER_MEMCACHE_MORE)
        try_next(probe);
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
    probe_t *probe = timer->baton;

    (void)loop;
    /* The next attempt begins with another address than the one that hangs. */
    probe->first += probe->tried;
    finish(probe);
}

static void begin(probe_t *probe)
{
    prober_t *prober = probe->prober;
    apr_time_t now = tier_loop_now(probe->loop);

    tier_memcache_resolver_get(prober->resolver, (int)(probe - prober->probes), &probe->addresses);
    probe->tried = 0;
    probe->began = now;
    /* One that answers later than this is slow: requests would give it up again. */
    if (tier_loop_timer_set(probe->loop, &probe->deadline, now + prober->options.deadline / 2) ==
        APR_SUCCESS)
        try_next(probe);
}

static void tick(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    prober_t *prober = timer->baton;
    apr_interval_time_t interval = prober->options.probe;
    apr_time_t now = tier_loop_now(loop);

    for (int i = 0; i < prober->count; i++) {
        probe_t *probe = &prober->probes[i];
        if (probe->fd < 0 && tier_breaker_probe_due(probe->breaker, interval, now))
            begin(probe);
        /* What was held back; whoever opened it comes first, and has the reason. */
        if (now - tier_atomic_load64(&probe->breaker->since) > SETTLED)
            tier_memcache_server_tell(probe->server->name, probe->breaker, now, 0,
                                      "does not answer", prober->options.log);
    }
    tier_loop_timer_set(loop, timer, now + interval / 2);
}

static apr_status_t stop(void *data)
{
    prober_t *prober = data;

    tier_loop_timer_cancel(prober->loop, &prober->tick);
    for (int i = 0; i < prober->count; i++)
        finish(&prober->probes[i]);
    return APR_SUCCESS;
}

static void set_up(prober_t *prober, tier_memcache_server_t *servers, apr_pool_t *pool)
{
    for (int i = 0; i < prober->count; i++) {
        probe_t *probe = &prober->probes[i];
        probe->prober = prober;
        probe->server = &servers[i];
        probe->breaker = &prober->options.breakers[i];
        probe->loop = prober->loop;
        probe->deadline.fire = overdue;
        probe->deadline.baton = probe;
        probe->socket.ready = ready;
        probe->socket.baton = probe;
        probe->fd = -1;
        apr_pool_create(&probe->pool, pool);
    }
}

apr_status_t tier_memcache_probe_on(tier_loop_t *loop, const tier_memcache_options_t *options,
                                    apr_pool_t *pool)
{
    prober_t *prober = apr_pcalloc(pool, sizeof(*prober));
    tier_memcache_server_t *servers;
    apr_status_t status;

    status = tier_memcache_server_options(&prober->options, &servers, options, pool);
    if (status != APR_SUCCESS)
        return status;
    prober->loop = loop;
    prober->count = options->servers->nelts;
    prober->probes = apr_pcalloc(pool, (apr_size_t)prober->count * sizeof(probe_t));
    set_up(prober, servers, pool);
    apr_pool_pre_cleanup_register(pool, prober, stop);
    status = tier_memcache_resolver_create(&prober->resolver, servers, options->breakers,
                                           prober->count, pool);
    if (status != APR_SUCCESS)
        return status;
    prober->tick.fire = tick;
    prober->tick.baton = prober;
    return tier_loop_timer_set(loop, &prober->tick, tier_loop_now(loop));
}
