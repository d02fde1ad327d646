/* SPDX-License-Identifier: Apache-2.0 */
/* Input: base, NUL, path, NUL, query string. */
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "status_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *behind(const char *text, const char *end)
{
    const char *next = text + strlen(text);

    return next < end ? next + 1 : next;
}

static void check(const char *base, const char *path, const char *args, apr_pool_t *pool)
{
    status_route_e route = status_route_find(path, base);
    const char *page = status_route_page(path, route, pool);
    int refresh = status_route_refresh(args);

    if (route != STATUS_ROUTE_NONE && !status_route_within(path, base))
        abort();
    if (page[0] == '/' && page[1] == '/')
        abort();
    if (refresh < 0 || refresh > STATUS_ROUTE_MAX_REFRESH)
        abort();
    if (status_route_find(path, NULL) == STATUS_ROUTE_NONE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    apr_pool_t *pool;
    const char *text, *path;

    if (!ready && apr_initialize() != APR_SUCCESS)
        abort();
    ready = 1;
    apr_pool_create(&pool, NULL);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    path = behind(text, text + size);
    check(text, path, behind(path, text + size), pool);
    apr_pool_destroy(pool);
    return 0;
}
