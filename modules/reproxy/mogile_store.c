/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_store.h"

#include <arpa/inet.h>
#include <string.h>

#include <apr_strings.h>

#include "clock.h"
#include "memcache_server.h"
#include "memcache_wire.h"

#define PORT 80

struct mogile_store_t {
    tier_memcache_wire_t *wire; /* NULL: closed */
    apr_pool_t *pool;
};

static int has_port(const char *node)
{
    const char *colon = strrchr(node, ':');

    return colon && !strchr(colon, ']');
}

/* A name would have to be looked up, which has no deadline. */
static apr_status_t address_of(tier_memcache_addresses_t *addresses, const char *node,
                               apr_pool_t *pool)
{
    tier_memcache_server_t server;
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&addresses->at[0].name;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&addresses->at[0].name;
    apr_port_t port;

    memset(addresses, 0, sizeof(*addresses));
    if (tier_memcache_server_parse(&server, node, pool) != NULL || !server.host)
        return APR_EINVAL;
    port = has_port(node) ? server.port : PORT;
    addresses->count = 1;
    if (inet_pton(AF_INET, server.host, &ipv4->sin_addr) == 1) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        addresses->at[0].size = sizeof(*ipv4);
        return APR_SUCCESS;
    }
    if (inet_pton(AF_INET6, server.host, &ipv6->sin6_addr) != 1)
        return APR_EINVAL;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    addresses->at[0].size = sizeof(*ipv6);
    return APR_SUCCESS;
}

static apr_status_t close_at_cleanup(void *data)
{
    mogile_store_t *store = data;

    if (store->wire)
        tier_memcache_wire_close(store->wire);
    store->wire = NULL;
    return APR_SUCCESS;
}

void mogile_store_close(mogile_store_t *store)
{
    apr_pool_cleanup_run(store->pool, store, close_at_cleanup);
}

apr_status_t mogile_store_open(mogile_store_t **made, const char *method, const mogile_copy_t *copy,
                               apr_off_t length, apr_interval_time_t deadline, apr_pool_t *pool)
{
    const char *path = copy->url + strlen("http://") + strlen(copy->node);
    apr_time_t until = tier_clock_now() + deadline;
    tier_memcache_addresses_t addresses;
    mogile_store_t *store = apr_pcalloc(pool, sizeof(*store));
    apr_status_t status = address_of(&addresses, copy->node, pool);
    const char *head;

    store->pool = pool;
    if (status == APR_SUCCESS)
        status = tier_memcache_wire_open(&store->wire, &addresses, deadline, until);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_cleanup_register(pool, store, close_at_cleanup, apr_pool_cleanup_null);
    *made = store;
    head = apr_psprintf(pool,
                        "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %" APR_OFF_T_FMT
                        "\r\nConnection: close\r\n\r\n",
                        method, path, copy->node, length);
    return mogile_store_write(store, head, strlen(head), deadline);
}

apr_status_t mogile_store_write(mogile_store_t *store, const char *data, apr_size_t size,
                                apr_interval_time_t deadline)
{
    struct iovec part = {(char *)data, size};

    if (!store->wire)
        return APR_EOF;
    return size > 0 ? tier_memcache_wire_send(store->wire, &part, 1, tier_clock_now() + deadline)
                    : APR_SUCCESS;
}

/* Returns where the head at text ends, behind its empty line; NULL: not within size bytes. */
static const char *end_of_head(const char *text, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++) {
        if (text[i] != '\n')
            continue;
        if (i + 1 < size && text[i + 1] == '\n')
            return text + i + 2;
        if (i + 2 < size && text[i + 1] == '\r' && text[i + 2] == '\n')
            return text + i + 3;
    }
    return NULL;
}

/* Reads "HTTP/1.x NNN"; 0: it is something else. */
static int read_status(const char *text, apr_size_t size)
{
    if (size < 13 || memcmp(text, "HTTP/1.", 7) != 0 || (text[7] != '0' && text[7] != '1') ||
        text[8] != ' ' || (text[12] != ' ' && text[12] != '\r' && text[12] != '\n'))
        return 0;
    for (int i = 9; i < 12; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
    }
    return (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
}

apr_status_t mogile_store_status(const char *text, apr_size_t size, int *status)
{
    static const char start[] = "HTTP/1.";

    for (;;) {
        const char *end = end_of_head(text, size);

        if (memcmp(text, start, size < 7 ? size : 7) != 0)
            return APR_EGENERAL;
        if (!end)
            return APR_INCOMPLETE;
        *status = read_status(text, size);
        if (*status < 100 || *status > 599)
            return APR_EGENERAL;
        if (*status >= 200)
            return APR_SUCCESS;
        size -= (apr_size_t)(end - text);
        text = end;
    }
}

apr_status_t mogile_store_finish(mogile_store_t *store, int *status, apr_interval_time_t deadline)
{
    apr_time_t until = tier_clock_now() + deadline;
    char head[MOGILE_STORE_HEAD];
    apr_size_t have = 0, got;
    apr_status_t rv = store->wire ? APR_INCOMPLETE : APR_EOF;

    while (rv == APR_INCOMPLETE) {
        if (have == sizeof(head))
            return APR_EGENERAL;
        rv = tier_memcache_wire_receive(store->wire, head + have, sizeof(head) - have, &got, until);
        if (rv == APR_SUCCESS) {
            have += got;
            rv = mogile_store_status(head, have, status);
        }
    }
    return rv;
}
