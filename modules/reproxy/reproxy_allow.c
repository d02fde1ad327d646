/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_allow.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define ALLOWED                                                                                    \
    "allowed is a host's name, an address or a network as 10.1.0.0/16 or [fd00::]/8, followed by " \
    ":port, by :* for any port, or by nothing for the port of http or https"

static int read_port(const char *text, int *port)
{
    apr_int64_t number = 0;

    *port = REPROXY_PORT_STANDARD;
    if (*text == '\0')
        return 1;
    if (strcmp(text, ":*") == 0) {
        *port = REPROXY_PORT_ANY;
        return 1;
    }
    if (*text++ != ':' || !*text || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
        return 0;
    number = apr_atoi64(text);
    *port = (int)number;
    return number > 0 && number < 65536;
}

static int is_name(const char *text)
{
    if (*text == '\0' || strlen(text) > 253)
        return 0;
    for (; *text; text++)
        if (!apr_isalnum(*text) && !strchr("-._", *text))
            return 0;
    return 1;
}

static int is_ipv4(const char *text)
{
    int dots = 0;

    for (; *text; text++) {
        dots += *text == '.';
        if (!apr_isdigit(*text) && *text != '.')
            return 0;
    }
    return dots == 3;
}

/* Takes "/bits" off the front of *rest. Returns NULL when there is none. */
static const char *take_bits(const char **rest, apr_pool_t *pool)
{
    apr_size_t size;
    const char *bits;

    if (**rest != '/')
        return NULL;
    size = strspn(*rest + 1, "0123456789");
    bits = apr_pstrmemdup(pool, *rest + 1, size);
    *rest += 1 + size;
    return bits;
}

static int read_network(reproxy_allow_entry_t *entry, const char *address, const char *bits,
                        apr_pool_t *pool)
{
    /* APR reads "/" without a number as a mask of its own kind, and takes no 0 bits. */
    if (bits && (!*bits || strlen(bits) > 3))
        return 0;
    if (bits && strcmp(bits, "0") == 0 && !strchr(address, ':'))
        bits = "0.0.0.0";
    return apr_ipsubnet_create(&entry->range, address, bits, pool) == APR_SUCCESS;
}

const char *reproxy_allow_add(apr_array_header_t *list, const char *text, apr_pool_t *pool)
{
    reproxy_allow_entry_t entry = {NULL, NULL, 0};
    int in_brackets = *text == '[';
    apr_size_t size = in_brackets ? strcspn(text, "]") : strcspn(text, "/:");
    const char *rest = text + size, *bits;
    char *name = apr_pstrmemdup(pool, text + in_brackets, size - (apr_size_t)in_brackets);

    if (in_brackets && *rest++ != ']')
        return ALLOWED;
    bits = take_bits(&rest, pool);
    if (in_brackets || is_ipv4(name)) {
        if (!read_network(&entry, name, bits, pool))
            return ALLOWED;
    } else {
        if (bits || !is_name(name))
            return ALLOWED;
        for (char *c = name; *c; c++)
            *c = (char)apr_tolower(*c);
        entry.host = name;
    }
    if (!read_port(rest, &entry.port))
        return ALLOWED;
    APR_ARRAY_PUSH(list, reproxy_allow_entry_t) = entry;
    return NULL;
}

static int has_port(const reproxy_allow_entry_t *entry, const reproxy_url_t *url)
{
    if (entry->port == REPROXY_PORT_STANDARD)
        return url->port == (url->is_tls ? 443 : 80);
    return entry->port == REPROXY_PORT_ANY || entry->port == url->port;
}

int reproxy_allow_host(const apr_array_header_t *list, const reproxy_url_t *url)
{
    for (int i = 0; list && i < list->nelts; i++) {
        const reproxy_allow_entry_t *entry = &APR_ARRAY_IDX(list, i, reproxy_allow_entry_t);

        if (entry->host && has_port(entry, url) && strcmp(entry->host, url->host) == 0)
            return 1;
    }
    return 0;
}

static int allows_address(const apr_array_header_t *list, const reproxy_url_t *url,
                          apr_sockaddr_t *address)
{
    for (int i = 0; list && i < list->nelts; i++) {
        const reproxy_allow_entry_t *entry = &APR_ARRAY_IDX(list, i, reproxy_allow_entry_t);

        if (entry->range && has_port(entry, url) && apr_ipsubnet_test(entry->range, address))
            return 1;
    }
    return 0;
}

int reproxy_allow_addresses(const apr_array_header_t *list, const reproxy_url_t *url,
                            apr_sockaddr_t *address)
{
    if (!address)
        return 0;
    for (; address; address = address->next)
        if (!allows_address(list, url, address))
            return 0;
    return 1;
}
