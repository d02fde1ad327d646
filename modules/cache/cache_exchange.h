/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_EXCHANGE_H
#define CACHE_EXCHANGE_H

#include <apr_tables.h>
#include <apr_time.h>

#include "cache_directives.h"

typedef enum {
    CACHE_METHOD_GET,
    CACHE_METHOD_HEAD,
    CACHE_METHOD_SAFE,
    CACHE_METHOD_UNSAFE
} cache_method_e;

/*
 * One request and its response, as the rules of RFC 9111 see them. A plain value; its strings are
 * the caller's.
 */
typedef struct cache_exchange_t {
    cache_method_e method;
    const apr_table_t *request;      /* header fields */
    const cache_directives_t *asked; /* the request's Cache-Control */
    int authorized; /* the request has Authorization, or the server knows its user otherwise */
    int status;     /* of the response */
    const apr_table_t *response;    /* header fields */
    const cache_directives_t *told; /* what the response says to shared caches */
    apr_time_t requested;           /* when the request was sent to the origin; wall clock */
    apr_time_t received;            /* when the response came */
} cache_exchange_t;

/*
 * Any name that is not known to be safe (RFC 9110 section 9.2.1) is unsafe. method is
 * case-sensitive.
 */
cache_method_e cache_exchange_method(const char *method);

#endif
