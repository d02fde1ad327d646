/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_ESCAPE_H
#define STATUS_ESCAPE_H

#include "status_buffer.h"

/*
 * Puts strings of unknown origin (URLs, reasons, names of hosts) into an answer. Whatever the bytes
 * are, what is appended is valid UTF-8: each ill-formed sequence becomes U+FFFD, as the Unicode
 * standard advises (chapter 3, "substitution of maximal subparts"). A NULL text appends nothing.
 */

/* The inside of a JSON string (RFC 8259, section 7), without the quotes. */
void status_escape_json(status_buffer_t *buffer, const char *text);

/*
 * Text or a quoted attribute's value of HTML; well-formed as XML too. Characters that XML 1.0 (2.2)
 * does not allow, control characters first of all, become U+FFFD.
 */
void status_escape_html(status_buffer_t *buffer, const char *text);

/* A label's value in Prometheus' text format, without the quotes. Control characters but \n become
 * U+FFFD. */
void status_escape_label(status_buffer_t *buffer, const char *text);

/* A HELP text in Prometheus' text format, where quotes stay as they are. */
void status_escape_help(status_buffer_t *buffer, const char *text);

/* A part of a metric's or label's name: each byte outside [a-zA-Z0-9_] becomes '_'. */
void status_escape_metric_name(status_buffer_t *buffer, const char *text);

#endif
