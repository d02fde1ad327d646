/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RANGE_H
#define REPROXY_RANGE_H

#include <apr.h>

/* Bytes first to last of a file, both included. As a client may ask (RFC 9110, 14.1.1): last -1 is
 * "to the end"; first -1 is "the last `last` bytes". A plain value. */
typedef struct reproxy_span_t {
    apr_off_t first;
    apr_off_t last;
} reproxy_span_t;

/*
 * Reads a Range field into spans, max at most. Returns how many there are; 0 when the field is to
 * be ignored: another unit, ill-formed, or more than max. Any thread.
 */
int reproxy_range_parse(const char *text, reproxy_span_t *spans, int max);

/* Makes span one of a file of size bytes. Returns 1, or 0 when it has no byte of it. Any thread. */
int reproxy_range_resolve(reproxy_span_t *span, apr_off_t size);

/*
 * Reads a Content-Range field: "bytes 0-9/100" (*size -1 for "*"), or "bytes *" "/100"
 * (span->first -1). Returns 1, or 0 for what is neither. Any thread.
 */
int reproxy_range_content(const char *text, reproxy_span_t *span, apr_off_t *size);

#endif
