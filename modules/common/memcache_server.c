/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_server.h"

#include <string.h>
#include <sys/un.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define MAX_HOST_NAME 253 /* RFC 1035, 3.1: 255 octets on the wire */

static int is_host_name(const char *text, apr_size_t size)
{
    if (size == 0 || size > MAX_HOST_NAME || text[0] == '-' || text[0] == '.')
        return 0;
    for (apr_size_t i = 0; i < size; i++) {
        if (!apr_isalnum(text[i]) && text[i] != '-' && text[i] != '.' && text[i] != '_')
            return 0;
    }
    return 1;
}

/* With a zone (fe80::1%eth0), which the resolver checks. */
static int is_bracketed_address(const char *text, apr_size_t size)
{
    const char *zone = memchr(text, '%', size);
    apr_size_t digits = zone ? (apr_size_t)(zone - text) : size;

    if (digits < 2 || size > INET6_ADDRSTRLEN ||
        (zone && !is_host_name(zone + 1, size - digits - 1)))
        return 0;
    for (apr_size_t i = 0; i < digits; i++) {
        if (!apr_isxdigit(text[i]) && text[i] != ':' && text[i] != '.')
            return 0;
    }
    return memchr(text, ':', digits) != NULL;
}

/* Returns 0 for anything that is no port. */
static apr_port_t parse_port(const char *text)
{
    unsigned long port = 0;

    if (!*text || strlen(text) > 5)
        return 0;
    for (; *text; text++) {
        if (!apr_isdigit(*text))
            return 0;
        port = port * 10 + (unsigned long)(*text - '0');
    }
    return port <= 65535 ? (apr_port_t)port : 0;
}

static const char *parse_path(tier_memcache_server_t *server, const char *path, apr_pool_t *pool)
{
    apr_size_t limit = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (strlen(path) > limit)
        return apr_psprintf(pool, "the path of a socket has at most %" APR_SIZE_T_FMT " bytes",
                            limit);
    for (const char *byte = path; *byte; byte++) {
        if (apr_iscntrl(*byte))
            return "the path of a socket has no control characters";
    }
    server->path = path;
    return NULL;
}

/* rest: what follows the host, from the colon. Returns 0 for anything that is no port. */
static apr_port_t port_of(const char *rest)
{
    if (!*rest)
        return TIER_MEMCACHE_PORT;
    return *rest == ':' ? parse_port(rest + 1) : 0;
}

static const char *parse_host(tier_memcache_server_t *server, const char *spelling,
                              apr_pool_t *pool)
{
    static const char forms[] =
        "a memcached server is host[:port], [IPv6 address][:port] or the /path of a socket";
    int bracketed = spelling[0] == '[';
    const char *host = spelling + bracketed;
    apr_size_t size = strcspn(host, bracketed ? "]" : ":");

    if (bracketed && (host[size] != ']' || !is_bracketed_address(host, size)))
        return forms;
    if (!bracketed && !is_host_name(host, size))
        return forms;
    server->port = port_of(host + size + bracketed);
    if (server->port == 0)
        return "a port is a number from 1 to 65535 (an IPv6 address needs brackets)";
    server->host = apr_pstrmemdup(pool, host, size);
    return NULL;
}

const char *tier_memcache_server_parse(tier_memcache_server_t *server, const char *spelling,
                                       apr_pool_t *pool)
{
    memset(server, 0, sizeof(*server));
    server->name = spelling;
    return spelling[0] == '/' ? parse_path(server, spelling, pool)
                              : parse_host(server, spelling, pool);
}

apr_status_t tier_memcache_server_options(tier_memcache_options_t *copy,
                                          tier_memcache_server_t **servers,
                                          const tier_memcache_options_t *options, apr_pool_t *pool)
{
    int count = options->servers->nelts;

    if (count < 1 || count > TIER_MEMCACHE_MAX_SERVERS)
        return APR_EINVAL;
    *copy = *options;
    copy->deadline = options->deadline ? options->deadline : apr_time_from_msec(100);
    copy->probe = options->probe ? options->probe : apr_time_from_msec(250);
    copy->failures = options->failures ? options->failures : 1;
    *servers = apr_pcalloc(pool, (apr_size_t)count * sizeof(**servers));
    for (int i = 0; i < count; i++) {
        const char *spelling = APR_ARRAY_IDX(options->servers, i, const char *);
        if (tier_memcache_server_parse(&(*servers)[i], spelling, pool))
            return APR_EINVAL;
    }
    return APR_SUCCESS;
}

void tier_memcache_server_tell(const char *name, tier_breaker_t *breaker, apr_time_t now,
                               apr_status_t status, const char *problem, const tier_log_t *log)
{
    apr_uint64_t untold;
    tier_breaker_news_e news = tier_breaker_news(breaker, now, &untold);

    if (news == TIER_BREAKER_HAS_CLOSED) {
        tier_log(log, TIER_LOG_MARK, TIER_LOG_NOTICE, 0,
                 WTNO(0102) "memcached server %s answers again", name);
    } else if (news == TIER_BREAKER_HAS_OPENED && untold) {
        tier_log(
            log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
            WTNO(
                0103) "memcached server %s comes and goes, %" APR_UINT64_T_FMT
                      " failures since the last line: %s; it is left out until a probe is answered",
            name, untold, problem);
    } else if (news == TIER_BREAKER_HAS_OPENED) {
        tier_log(log, TIER_LOG_MARK, TIER_LOG_WARNING, status,
                 WTNO(0101) "memcached server %s: %s; it is left out until a probe is answered",
                 name, problem);
    }
}
