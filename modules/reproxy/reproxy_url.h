/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_URL_H
#define REPROXY_URL_H

#include <apr_pools.h>
#include <apr_network_io.h>

/* The URL of a copy of a file, taken apart. A plain value; its strings live in the pool given. */
typedef struct reproxy_url_t {
    int is_tls;
    const char *host; /* lower case; an IPv6 address without its brackets */
    apr_port_t port;
    const char *node;      /* "http://host:port": what is counted, pooled and remembered as one */
    const char *authority; /* the Host field: the port only where it is not the scheme's */
    const char *target;    /* path and query for the request line; bytes over 0x7E encoded as %XX */
} reproxy_url_t;

/*
 * Reads an absolute http:// or https:// URL (RFC 9110, 4.2), without its fragment. Returns NULL, or
 * why it is none that could be asked, a constant: "is not an http:// or https:// URL",
 * "names a user" (credentials have no place in it), "has no host", "has an ill-formed host",
 * "has an ill-formed port", "contains a control character or a space". Any thread.
 */
const char *reproxy_url_parse(reproxy_url_t *url, const char *text, apr_pool_t *pool);

#endif
