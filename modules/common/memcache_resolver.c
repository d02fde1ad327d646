/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_resolver.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#include "clock.h"
#include "thread.h"

#define LEAVE_AFTER apr_time_from_msec(200)

typedef struct {
    char *host; /* NULL: nothing to look up */
    char port[6];
    tier_breaker_t *breaker; /* not touched once the owner has left */
    tier_memcache_addresses_t addresses;
} resolver_entry_t;

/*
 * malloc'd, because a thread that hangs in getaddrinfo() may outlive every pool. Everything but the
 * thread's identity is guarded by lock.
 */
struct tier_memcache_resolver_t {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* first, stopping or ended was set */
    pthread_t thread;
    int running;  /* the thread was started: for the owner */
    int first;    /* every name was looked up once */
    int stopping; /* the owner waits for the thread to end */
    int ended;    /* the thread is about to return */
    int left;     /* the owner waits no more: the thread frees everything */
    int count;
    resolver_entry_t entries[];
};

static void add_address(tier_memcache_addresses_t *addresses, const void *name, apr_size_t size)
{
    if (addresses->count == TIER_MEMCACHE_MAX_ADDRESSES || size > sizeof(addresses->at[0].name))
        return;
    memcpy(&addresses->at[addresses->count].name, name, size);
    addresses->at[addresses->count].size = (socklen_t)size;
    addresses->count++;
}

/* flags: AI_NUMERICHOST asks nobody. */
static void look_up(const char *host, const char *port, int flags,
                    tier_memcache_addresses_t *addresses)
{
    struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    addresses->count = 0;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return;
    for (struct addrinfo *info = list; info; info = info->ai_next)
        add_address(addresses, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(list);
}

static void set_path(const char *path, tier_memcache_addresses_t *addresses)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    strncpy(name.sun_path, path, sizeof(name.sun_path) - 1);
    add_address(addresses, &name, sizeof(name));
}

static int is_wanted(const resolver_entry_t *entry)
{
    return entry->host && (entry->addresses.count == 0 ||
                           tier_atomic_load(&entry->breaker->state) == TIER_BREAKER_OPEN);
}

/* With the lock held, which it gives back during the look-up. */
static void resolve(tier_memcache_resolver_t *resolver, resolver_entry_t *entry)
{
    tier_memcache_addresses_t found;

    pthread_mutex_unlock(&resolver->lock);
    look_up(entry->host, entry->port, 0, &found);
    pthread_mutex_lock(&resolver->lock);
    if (found.count > 0) /* an answer of yesterday is better than none */
        entry->addresses = found;
}

static void sleep_until(tier_memcache_resolver_t *resolver, apr_time_t until)
{
    struct timespec time = {(time_t)apr_time_sec(until), (long)apr_time_usec(until) * 1000};

    pthread_cond_timedwait(&resolver->changed, &resolver->lock, &time);
}

static void destroy(tier_memcache_resolver_t *resolver)
{
    for (int i = 0; i < resolver->count; i++)
        free(resolver->entries[i].host);
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
}

static void look_up_all(tier_memcache_resolver_t *resolver)
{
    for (int i = 0; i < resolver->count && !resolver->stopping; i++) {
        if (is_wanted(&resolver->entries[i]))
            resolve(resolver, &resolver->entries[i]);
    }
    resolver->first = 1;
    pthread_cond_broadcast(&resolver->changed);
}

static void *run(void *data)
{
    tier_memcache_resolver_t *resolver = data;
    int left;

    pthread_mutex_lock(&resolver->lock);
    while (!resolver->stopping) {
        apr_time_t again = tier_clock_now() + TIER_MEMCACHE_RESOLVE_AGAIN;
        look_up_all(resolver);
        while (!resolver->stopping && tier_clock_now() < again)
            sleep_until(resolver, again);
    }
    resolver->ended = 1;
    left = resolver->left;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    if (left)
        destroy(resolver);
    return NULL;
}

/* A child of httpd that leaves a thread behind is about to exit; it unloads its modules first. */
static void keep_code_loaded(void)
{
    Dl_info info;

    if (dladdr((void *)(apr_uintptr_t)run, &info) && info.dli_fname)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static apr_status_t stop(void *data)
{
    tier_memcache_resolver_t *resolver = data;
    apr_time_t until = tier_clock_now() + LEAVE_AFTER;

    if (!resolver->running) {
        destroy(resolver);
        return APR_SUCCESS;
    }
    pthread_mutex_lock(&resolver->lock);
    resolver->stopping = 1;
    pthread_cond_broadcast(&resolver->changed);
    while (!resolver->ended && tier_clock_now() < until)
        sleep_until(resolver, until);
    resolver->left = !resolver->ended;
    if (resolver->left) {
        keep_code_loaded();
        pthread_detach(resolver->thread);
        pthread_mutex_unlock(&resolver->lock);
        return APR_SUCCESS;
    }
    pthread_mutex_unlock(&resolver->lock);
    pthread_join(resolver->thread, NULL);
    destroy(resolver);
    return APR_SUCCESS;
}

/* Signals are for httpd's own threads. */
static apr_status_t start(tier_memcache_resolver_t *resolver)
{
    sigset_t before;
    int error;

    tier_thread_block_signals(&before);
    error = pthread_create(&resolver->thread, NULL, run, resolver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    resolver->running = error == 0;
    return error ? APR_FROM_OS_ERROR(error) : APR_SUCCESS;
}

static tier_memcache_resolver_t *allocate(int count)
{
    tier_memcache_resolver_t *resolver =
        calloc(1, sizeof(*resolver) + (apr_size_t)count * sizeof(resolver->entries[0]));
    pthread_condattr_t attributes;

    if (!resolver)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&resolver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&resolver->lock, NULL);
    resolver->count = count;
    return resolver;
}

/* Sets *unknown when a thread has to look the server up. */
static apr_status_t fill_in(resolver_entry_t *entry, const tier_memcache_server_t *server,
                            tier_breaker_t *breaker, int *unknown)
{
    entry->breaker = breaker;
    if (server->path) {
        set_path(server->path, &entry->addresses);
        return APR_SUCCESS;
    }
    snprintf(entry->port, sizeof(entry->port), "%u", (unsigned)server->port);
    look_up(server->host, entry->port, AI_NUMERICHOST, &entry->addresses);
    if (entry->addresses.count > 0)
        return APR_SUCCESS;
    *unknown = 1;
    entry->host = strdup(server->host);
    return entry->host ? APR_SUCCESS : APR_ENOMEM;
}

apr_status_t tier_memcache_resolver_create(tier_memcache_resolver_t **resolver,
                                           const tier_memcache_server_t *servers,
                                           tier_breaker_t *breakers, int count, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;
    int unknown = 0;

    *resolver = allocate(count);
    if (!*resolver)
        return APR_ENOMEM;
    apr_pool_pre_cleanup_register(pool, *resolver, stop);
    for (int i = 0; i < count && status == APR_SUCCESS; i++)
        status = fill_in(&(*resolver)->entries[i], &servers[i], &breakers[i], &unknown);
    (*resolver)->first = !unknown;
    return status == APR_SUCCESS && unknown ? start(*resolver) : status;
}

void tier_memcache_resolver_wait(tier_memcache_resolver_t *resolver, apr_interval_time_t timeout)
{
    apr_time_t until = tier_clock_now() + timeout;

    pthread_mutex_lock(&resolver->lock);
    while (!resolver->first && tier_clock_now() < until)
        sleep_until(resolver, until);
    pthread_mutex_unlock(&resolver->lock);
}

void tier_memcache_resolver_get(tier_memcache_resolver_t *resolver, int server,
                                tier_memcache_addresses_t *addresses)
{
    pthread_mutex_lock(&resolver->lock);
    *addresses = resolver->entries[server].addresses;
    pthread_mutex_unlock(&resolver->lock);
}

static int same_address(const tier_memcache_address_t *one, const tier_memcache_address_t *other)
{
    return one->size == other->size && memcmp(&one->name, &other->name, one->size) == 0;
}

void tier_memcache_resolver_prefer(tier_memcache_resolver_t *resolver, int server,
                                   const tier_memcache_addresses_t *addresses, int which)
{
    const tier_memcache_address_t *good = &addresses->at[which];
    tier_memcache_address_t *known = resolver->entries[server].addresses.at;
    int count, i = 0;

    pthread_mutex_lock(&resolver->lock);
    count = resolver->entries[server].addresses.count;
    while (i < count && !same_address(&known[i], good))
        i++;
    if (i < count) { /* else the name was looked up meanwhile */
        memmove(known + 1, known, (apr_size_t)i * sizeof(*known));
        known[0] = *good;
    }
    pthread_mutex_unlock(&resolver->lock);
}
