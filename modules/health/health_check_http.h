/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CHECK_HTTP_H
#define HEALTH_CHECK_HTTP_H

#include "health_check.h"

/* Values of settings that are sent in an HTTP request, or judge its answer. Pure; any thread. */

/*
 * Reads "200-399" or "200,204,301-302". Returns NULL, or a constant that says what is allowed; then
 * *set is undefined.
 */
const char *health_check_parse_statuses(health_status_set_t *set, const char *text);

/* Returns 1 when status is in set. Any thread. */
int health_check_status_passes(const health_status_set_t *set, int status);

/*
 * Checks the value of method=, uri= and host=: NULL when it may be sent as it is, else a constant
 * that says what is allowed. Nothing that passes can end a request line or a header early.
 */
const char *health_check_method_error(const char *method);
const char *health_check_uri_error(const char *uri);
const char *health_check_host_error(const char *host);

/* The same for header="Name: value": one line of a request that is not among those that the probe
 * itself writes (RFC 9110, 5.5; no controls, no obs-text). */
const char *health_check_header_error(const char *header);

/*
 * Reads "Name: value", a header field to be looked for in answers. Strings come from pool. Returns
 * NULL, or a constant that says what is allowed.
 */
const char *health_check_parse_header(health_http_line_t *line, const char *text, apr_pool_t *pool);

/* Returns 1 when headers, as health_check_t has them, contain one of this name. */
int health_check_has_header(const char *headers, const char *name);

/* Returns host without brackets and port, from pool: what a certificate is issued for. */
const char *health_check_host_name(const char *host, apr_pool_t *pool);

/* Returns 1 for a byte of a token (RFC 9110, 5.6.2). */
int health_check_is_token(char c);

#endif
