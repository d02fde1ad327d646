/* SPDX-License-Identifier: Apache-2.0 */
/* How a memcached server may be spelled: what is taken must mean the same when it is spelled out in
 * full. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "memcache_server.h"

/* assert() would be gone in a release build. */
static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_server(const tier_memcache_server_t *server, const char *spelling,
                         apr_pool_t *pool)
{
    tier_memcache_server_t again;
    const char *full;

    check(strcmp(server->name, spelling) == 0);
    if (server->path) {
        check(!server->host && strcmp(server->path, spelling) == 0);
        return;
    }
    check(server->host != NULL && *server->host && server->port > 0);
    full = apr_psprintf(pool, strchr(server->host, ':') ? "[%s]:%u" : "%s:%u", server->host,
                        (unsigned)server->port);
    check(tier_memcache_server_parse(&again, full, pool) == NULL);
    check(strcmp(again.host, server->host) == 0 && again.port == server->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    tier_memcache_server_t server;
    const char *spelling, *sentence;
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS)
        return 0;
    apr_pool_create(&pool, NULL);
    spelling = apr_pstrmemdup(pool, (const char *)input, size);
    sentence = tier_memcache_server_parse(&server, spelling, pool);
    if (sentence)
        check(strlen(sentence) > 20);
    else
        check_server(&server, spelling, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
