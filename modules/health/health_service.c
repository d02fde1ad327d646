/* SPDX-License-Identifier: Apache-2.0 */
#include "health_service.h"

#include <apr_strings.h>

#include <string.h>

static apr_port_t port_of(const health_check_t *check)
{
    if (check->port)
        return check->port;
    return check->kind == HEALTH_KIND_HTTP    ? 80
           : check->kind == HEALTH_KIND_HTTPS ? 443
                                              : health_check_kind_port(check->kind);
}

static const char *url_of(const health_service_t *service, apr_pool_t *pool)
{
    const char *kind = health_check_kind_name(service->check->kind);
    const char *brackets = strchr(service->host, ':') ? "[]" : "";

    if (service->check->kind == HEALTH_KIND_COMMAND)
        return apr_pstrcat(pool, kind, ":", service->check->command[0], NULL);
    if (service->path)
        return apr_pstrcat(pool, kind, ":", service->path, NULL);
    return apr_psprintf(pool, "%s://%.1s%s%s:%u", kind, brackets, service->host,
                        *brackets ? brackets + 1 : "", (unsigned)service->port);
}

const char *health_service_make(health_service_t *service, const char *name,
                                const health_check_t *check, apr_pool_t *pool)
{
    const char *address = check->address;

    /* A program knows itself where to look. */
    if (!address && check->kind == HEALTH_KIND_COMMAND)
        address = "127.0.0.1";
    if (!address)
        return apr_psprintf(pool,
                            "the template \"%s\" has no address=, where the service is; where it "
                            "is a balancer's members that are needed, write balancer://name",
                            name);
    service->name = name;
    service->check = check;
    service->path = *address == '/' ? address : NULL;
    service->host = service->path ? "localhost" : address;
    service->port = port_of(check);
    service->url = url_of(service, pool);
    return service->port || service->path || check->kind == HEALTH_KIND_COMMAND
               ? NULL
               : apr_psprintf(pool, "the template \"%s\" has no port=, where the service listens",
                              name);
}

int health_service_spec(const health_service_t *service, const tier_log_t *log, health_spec_t *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->check = service->check;
    spec->log = log;
    spec->scheme = health_check_kind_name(service->check->kind);
    spec->host = service->host;
    spec->port = service->port;
    spec->socket_path = service->path;
    return health_key_set(&spec->key, "", service->name, service->url);
}
