/* SPDX-License-Identifier: Apache-2.0 */
#include "health_address.h"

#include <apr_strings.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"

#define AFTER_SUCCESS apr_time_from_sec(10)
#define AFTER_FAILURE apr_time_from_sec(1)

enum { UNDER_WAY, ENDED, ABANDONED };

/* One lookup and its thread. On the heap, because it may outlive its owner's pool: who comes last
 * frees it. */
typedef struct lookup_t {
    apr_uint32_t state; /* atomic */
    pthread_t thread;
    int code; /* getaddrinfo()'s; this and answer are the thread's until the state is ENDED */
    struct addrinfo *answer;
    char host[256];
} lookup_t;

struct health_address_t {
    const char *host; /* NULL: fixed, nothing is ever looked up */
    apr_port_t port;
    apr_pool_t *pool;
    apr_pool_t *list_pool; /* of list; changed with it */
    apr_sockaddr_t *list;
    health_lookups_t *lookups;
    lookup_t *lookup; /* under way, or NULL */
    apr_time_t next;  /* when the next one is due */
    int failed;
};

static int is_numeric(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void free_lookup(lookup_t *lookup)
{
    if (lookup->answer)
        freeaddrinfo(lookup->answer);
    free(lookup);
}

static void *run_lookup(void *data)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup_t *lookup = data;

    lookup->code = getaddrinfo(lookup->host, NULL, &hints, &lookup->answer);
    if (!tier_atomic_swap(&lookup->state, UNDER_WAY, ENDED))
        free_lookup(lookup);
    return NULL;
}

/* A child that leaves a thread behind is about to exit, and httpd unloads its modules first. */
static void keep_code_loaded(void)
{
    Dl_info info;

    if (dladdr((void *)(apr_uintptr_t)run_lookup, &info) && info.dli_fname)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static apr_status_t drop_lookup(void *data)
{
    health_address_t *address = data;
    lookup_t *lookup = address->lookup;

    if (!lookup)
        return APR_SUCCESS;
    address->lookup = NULL;
    address->lookups->under_way--;
    if (tier_atomic_swap(&lookup->state, UNDER_WAY, ABANDONED)) {
        keep_code_loaded();
        pthread_detach(lookup->thread);
        return APR_SUCCESS;
    }
    pthread_join(lookup->thread, NULL);
    free_lookup(lookup);
    return APR_SUCCESS;
}

apr_status_t health_address_create(health_address_t **address, const char *socket_path,
                                   const char *host, apr_port_t port, health_lookups_t *lookups,
                                   apr_pool_t *pool)
{
    health_address_t *made = apr_pcalloc(pool, sizeof(*made));

    *address = made;
    made->pool = pool;
    made->port = port;
    made->lookups = lookups;
    if (socket_path)
        return apr_sockaddr_info_get(&made->list, socket_path, APR_UNIX, 0, 0, pool);
    if (is_numeric(host))
        return apr_sockaddr_info_get(&made->list, host, APR_UNSPEC, port, 0, pool);
    if (strlen(host) >= sizeof(((lookup_t *)0)->host))
        return APR_EINVAL;
    made->host = apr_pstrdup(pool, host);
    apr_pool_cleanup_register(pool, made, drop_lookup, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* Returns an EAI_ code: 0 when the lookup is under way. The thread has the watch's signal mask:
 * everything blocked. */
static int begin_lookup(health_address_t *address)
{
    lookup_t *lookup = calloc(1, sizeof(*lookup));

    if (!lookup)
        return EAI_MEMORY;
    apr_cpystrn(lookup->host, address->host, sizeof(lookup->host));
    if (pthread_create(&lookup->thread, NULL, run_lookup, lookup) != 0) {
        free(lookup);
        return EAI_AGAIN;
    }
    address->lookup = lookup;
    address->lookups->under_way++;
    return 0;
}

/* Appends one answer to the list that begins at *first; what cannot be turned into an address is
 * left out. */
static void append(apr_sockaddr_t **first, const struct addrinfo *info, apr_port_t port,
                   apr_pool_t *pool)
{
    char text[NI_MAXHOST];
    apr_sockaddr_t *made;

    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) !=
            0 ||
        apr_sockaddr_info_get(&made, text, APR_UNSPEC, port, 0, pool) != APR_SUCCESS)
        return;
    while (*first)
        first = &(*first)->next;
    *first = made;
}

static int same_list(const apr_sockaddr_t *a, const apr_sockaddr_t *b)
{
    for (; a && b; a = a->next, b = b->next) {
        if (!apr_sockaddr_equal(a, b))
            return 0;
    }
    return !a && !b;
}

/* Returns 1 when the new answer is another than the one before. */
static int adopt(health_address_t *address, const struct addrinfo *answer)
{
    apr_sockaddr_t *list = NULL;
    apr_pool_t *pool;

    if (apr_pool_create(&pool, address->pool) != APR_SUCCESS)
        return 0;
    for (; answer; answer = answer->ai_next)
        append(&list, answer, address->port, pool);
    if (!list || same_list(list, address->list)) {
        apr_pool_destroy(pool);
        return 0;
    }
    if (address->list_pool)
        apr_pool_destroy(address->list_pool);
    address->list_pool = pool;
    address->list = list;
    return 1;
}

/* Takes a lookup's end in; code is its EAI_ code. Returns as health_address_poll(). */
static int end_lookup(health_address_t *address, int code, apr_time_t now, tier_result_t *problem,
                      apr_pool_t *scratch)
{
    int changed;

    if (code == 0) {
        changed = adopt(address, address->lookup->answer);
        address->failed = 0;
        address->next = now + AFTER_SUCCESS;
        *problem = tier_result_ok();
    } else {
        changed = !address->failed && !address->list;
        address->failed = 1;
        address->next = now + AFTER_FAILURE;
        *problem = tier_result_fail(scratch, APR_EGENERAL, "unresolved", "%s: %s", address->host,
                                    gai_strerror(code));
    }
    drop_lookup(address);
    return changed;
}

int health_address_poll(health_address_t *address, apr_time_t now, tier_result_t *problem,
                        apr_pool_t *scratch)
{
    int code = 0;

    if (!address->host)
        return 0;
    if (!address->lookup) {
        if (now < address->next || address->lookups->under_way >= HEALTH_LOOKUPS)
            return 0;
        code = begin_lookup(address);
    } else if (tier_atomic_load(&address->lookup->state) == ENDED) {
        return end_lookup(address, address->lookup->code, now, problem, scratch);
    }
    return code ? end_lookup(address, code, now, problem, scratch) : 0;
}

apr_sockaddr_t *health_address_get(const health_address_t *address)
{
    return address->list;
}

int health_address_unresolved(const health_address_t *address)
{
    return address->failed && !address->list;
}
