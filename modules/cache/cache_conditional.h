/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_CONDITIONAL_H
#define CACHE_CONDITIONAL_H

#include <apr_tables.h>
#include <apr_time.h>

/*
 * Preconditions that a cache answers itself (RFC 9111 section 4.3.2, RFC 9110 section 13). Any
 * thread.
 */

/*
 * Returns 1 when the two entity tags are equal by the weak comparison (RFC 9110 section 8.8.3.2).
 */
int cache_conditional_weak_match(const char *one, const char *other);

/* Returns 1 when they are by the strong one: neither is weak. */
int cache_conditional_strong_match(const char *one, const char *other);

/*
 * Returns 1 when the request's own condition makes 304 the answer: If-None-Match names the stored
 * ETag ("*" names any), or, only when there is no If-None-Match, If-Modified-Since is a valid date
 * and not earlier than the stored Last-Modified (else Date, else received). now is for reading
 * two-digit years.
 */
int cache_conditional_not_modified(const apr_table_t *request, const apr_table_t *stored,
                                   apr_time_t received, apr_time_t now);

/*
 * Returns 1 when the request has a condition that only the origin may judge (If-Match,
 * If-Unmodified-Since).
 */
int cache_conditional_is_for_origin(const apr_table_t *request);

/*
 * Returns 1 when a 304 that came for a request with the stored response's validators is about that
 * response (RFC 9111 section 4.3.4): its ETag, if it has one, is the stored one (weakly compared);
 * without, its Last-Modified, if both have one, is.
 */
int cache_conditional_selects(const apr_table_t *not_modified, const apr_table_t *stored);

/*
 * Returns 1 when head, the fields of the 200 that a HEAD was answered with, describe the stored
 * response to a GET, whose body is of body_size bytes: each validator that they have, and
 * Content-Length, is that of the stored one (RFC 9111 section 4.3.5).
 */
int cache_conditional_describes(const apr_table_t *head, const apr_table_t *stored,
                                apr_size_t body_size);

#endif
