/* SPDX-License-Identifier: Apache-2.0 */
#include "status_route.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static apr_size_t without_slash(const char *path)
{
    apr_size_t size = strlen(path);

    return size > 0 && path[size - 1] == '/' ? size - 1 : size;
}

int status_route_within(const char *path, const char *base)
{
    apr_size_t size = strlen(base);

    if (strncmp(path, base, size) != 0)
        return 0;
    return path[size] == '\0' || path[size] == '/' || (size > 0 && base[size - 1] == '/');
}

static status_route_e route_of_leaf(const char *leaf)
{
    if (strcmp(leaf, "/json") == 0)
        return STATUS_ROUTE_JSON;
    if (strcmp(leaf, "/metrics") == 0)
        return STATUS_ROUTE_METRICS;
    return STATUS_ROUTE_NONE;
}

status_route_e status_route_find(const char *path, const char *base)
{
    const char *rest;
    status_route_e route;

    if (!base) {
        rest = strrchr(path, '/');
        route = rest ? route_of_leaf(rest) : STATUS_ROUTE_NONE;
        return route == STATUS_ROUTE_NONE ? STATUS_ROUTE_PAGE : route;
    }
    if (!status_route_within(path, base))
        return STATUS_ROUTE_NONE;
    rest = path + without_slash(base);
    if (*rest == '\0' || strcmp(rest, "/") == 0)
        return STATUS_ROUTE_PAGE;
    return route_of_leaf(rest);
}

const char *status_route_page(const char *path, status_route_e route, apr_pool_t *pool)
{
    const char *leaf;

    /* "//name" in a link would be a host's name. */
    while (path[0] == '/' && path[1] == '/')
        path++;
    leaf = strrchr(path, '/');
    if (leaf && route != STATUS_ROUTE_PAGE)
        return apr_pstrmemdup(pool, path, (apr_size_t)(leaf - path));
    return apr_pstrmemdup(pool, path, without_slash(path));
}

int status_route_refresh(const char *args)
{
    static const char name[] = "refresh=";
    const char *digit;
    int seconds = 0;

    if (!args || strncmp(args, name, sizeof(name) - 1) != 0)
        return 0;
    digit = args + sizeof(name) - 1;
    for (; apr_isdigit(*digit) && seconds <= STATUS_ROUTE_MAX_REFRESH; digit++)
        seconds = seconds * 10 + (*digit - '0');
    return *digit == '\0' && seconds <= STATUS_ROUTE_MAX_REFRESH ? seconds : 0;
}
