/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_ALLOW_H
#define REPROXY_ALLOW_H

#include <apr_network_io.h>
#include <apr_tables.h>

#include "reproxy_url.h"

/*
 * Which storage may be asked: a list of hosts by name, and of networks. An array of
 * reproxy_allow_entry_t, made while configuring, read-only then. An empty list allows nothing.
 */
typedef struct reproxy_allow_entry_t {
    const char *host;      /* lower case; NULL: a network */
    apr_ipsubnet_t *range; /* NULL: a name */
    int port;              /* REPROXY_PORT_STANDARD, _ANY, or a number */
} reproxy_allow_entry_t;

#define REPROXY_PORT_STANDARD 0    /* 80 of http, 443 of https */
#define REPROXY_PORT_ANY      (-1) /* ":*" */

/*
 * Adds "host", "address" or "network/bits", each with ":port", ":*" or nothing (the scheme's port);
 * IPv6 in brackets, as in "[fd00::]/8:7500". Returns NULL, or what is allowed. pool: the list's.
 */
const char *reproxy_allow_add(apr_array_header_t *list, const char *text, apr_pool_t *pool);

/* Returns 1 when a host of the list bears the URL's name and has its port. Any thread. */
int reproxy_allow_host(const apr_array_header_t *list, const reproxy_url_t *url);

/* Returns 1 when a connection for the URL may go to each address of the chain: a network of the
 * list has it, and the URL's port. 0 for an empty chain. Any thread. */
int reproxy_allow_addresses(const apr_array_header_t *list, const reproxy_url_t *url,
                            apr_sockaddr_t *address);

#endif
