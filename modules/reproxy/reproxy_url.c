/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_url.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define HOST_MAX 253

static const char *scheme_of(const char *text, int *is_tls)
{
    if (strncasecmp(text, "http://", 7) == 0) {
        *is_tls = 0;
        return text + 7;
    }
    if (strncasecmp(text, "https://", 8) == 0) {
        *is_tls = 1;
        return text + 8;
    }
    return NULL;
}

static int is_host(const char *host, apr_size_t size, const char *also)
{
    if (size == 0 || size > HOST_MAX)
        return 0;
    for (apr_size_t i = 0; i < size; i++)
        if (!apr_isalnum(host[i]) && !strchr(also, host[i]))
            return 0;
    return 1;
}

static const char *lower(const char *text, apr_size_t size, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, text, size);

    for (apr_size_t i = 0; i < size; i++)
        copy[i] = (char)apr_tolower(copy[i]);
    return copy;
}

/* The digits between text and end; none: the port stays what it is. */
static int read_port(const char *text, const char *end, apr_port_t *port)
{
    unsigned number = 0;

    if (text == end)
        return 1;
    for (; text < end; text++) {
        if (!apr_isdigit(*text) || number > 65535)
            return 0;
        number = number * 10 + (unsigned)(*text - '0');
    }
    if (number == 0 || number > 65535)
        return 0;
    *port = (apr_port_t)number;
    return 1;
}

static const char *read_authority(reproxy_url_t *url, const char *text, const char *end,
                                  apr_pool_t *pool)
{
    const char *host_end;

    if (memchr(text, '@', (apr_size_t)(end - text)))
        return "names a user";
    if (text == end || *text == ':')
        return "has no host";
    if (*text == '[') {
        host_end = memchr(text, ']', (apr_size_t)(end - text));
        if (!host_end || !is_host(text + 1, (apr_size_t)(host_end - text) - 1, ":."))
            return "has an ill-formed host";
        url->host = lower(text + 1, (apr_size_t)(host_end - text) - 1, pool);
        host_end++;
    } else {
        host_end = memchr(text, ':', (apr_size_t)(end - text));
        host_end = host_end ? host_end : end;
        if (!is_host(text, (apr_size_t)(host_end - text), "-._"))
            return "has an ill-formed host";
        url->host = lower(text, (apr_size_t)(host_end - text), pool);
    }
    if (host_end < end && (*host_end != ':' || !read_port(host_end + 1, end, &url->port)))
        return "has an ill-formed port";
    return NULL;
}

static const char *read_target(reproxy_url_t *url, const char *text, apr_pool_t *pool)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *end = strchr(text, '#');
    apr_size_t size = end ? (apr_size_t)(end - text) : strlen(text);
    char *target = apr_palloc(pool, 3 * size + 2), *to = target;

    if (size == 0 || *text != '/')
        *to++ = '/';
    for (apr_size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c <= ' ' || c == 0x7F)
            return "contains a control character or a space";
        if (c < 0x7F) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    *to = '\0';
    url->target = target;
    return NULL;
}

/* Names the node, of which the Host field is a part. */
static void set_node(reproxy_url_t *url, int is_standard, apr_pool_t *pool)
{
    int is_v6 = strchr(url->host, ':') != NULL;
    char digits[8], *digit = digits + sizeof(digits);

    *--digit = '\0';
    for (unsigned port = url->port; port > 0; port /= 10)
        *--digit = (char)('0' + port % 10);
    url->node = apr_pstrcat(pool, url->is_tls ? "https://" : "http://", is_v6 ? "[" : "", url->host,
                            is_v6 ? "]:" : ":", digit, NULL);
    url->authority = url->node + (url->is_tls ? 8 : 7);
    if (is_standard)
        url->authority = is_v6 ? apr_pstrcat(pool, "[", url->host, "]", NULL) : url->host;
}

const char *reproxy_url_parse(reproxy_url_t *url, const char *text, apr_pool_t *pool)
{
    const char *authority = scheme_of(text, &url->is_tls), *end, *problem;
    apr_port_t standard = url->is_tls ? 443 : 80;

    if (!authority)
        return "is not an http:// or https:// URL";
    for (end = authority; *end && *end != '/' && *end != '?' && *end != '#'; end++) {
    }
    url->port = standard;
    problem = read_authority(url, authority, end, pool);
    if (!problem)
        problem = read_target(url, end, pool);
    if (problem)
        return problem;
    set_node(url, url->port == standard, pool);
    return NULL;
}
