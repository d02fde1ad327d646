/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_HEADERS_H
#define CACHE_HEADERS_H

#include <apr_tables.h>

#include "cache_directives.h"

/*
 * Which header fields are stored and updated (RFC 9111 sections 3.1 and 3.2). Tables returned are
 * new, from pool, and point to the strings of those given. Any thread.
 */

/*
 * Returns the fields of response that may be stored: without those of one connection (RFC 9110
 * section 7.6.1, and those that Connection names), without the fields that no-cache="..." and
 * private="..." name, and without Content-Length and Age, which are made anew for each answer.
 */
apr_table_t *cache_headers_storable(const apr_table_t *response, const cache_directives_t *told,
                                    apr_pool_t *pool);

/*
 * Returns stored, updated by a 304: each field of fresh that may be stored replaces all stored
 * lines of its name, but for those that describe the stored body (Content-Encoding, Content-Range,
 * digests of the content).
 */
apr_table_t *cache_headers_update(const apr_table_t *stored, const apr_table_t *fresh,
                                  const cache_directives_t *told, apr_pool_t *pool);

/*
 * Moves the fields that a 304 to a client does not need out of headers (RFC 9110 section 15.4.5).
 */
void cache_headers_strip_for_304(apr_table_t *headers);

#endif
