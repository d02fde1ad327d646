/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_LINE_H
#define HEALTH_LINE_H

#include <apr.h>

/*
 * One line of a text protocol, gathered as its bytes come. A plain value: no allocation, one thread
 * at a time.
 */
#define HEALTH_LINE_MAX 256

typedef enum { HEALTH_LINE_MORE, HEALTH_LINE_WHOLE, HEALTH_LINE_TOO_LONG } health_line_e;

typedef struct health_line_t {
    char text[HEALTH_LINE_MAX + 1]; /* without its end (LF or CRLF); bytes other than visible ASCII
                                       are '?' */
    apr_size_t size;
    apr_size_t taken; /* bytes of all lines */
} health_line_t;

/* Takes bytes in up to the end of a line and sets *used to how many it took. The next call after
 * HEALTH_LINE_WHOLE begins a new line where health_line_next() was called. */
health_line_e health_line_feed(health_line_t *line, const char *data, apr_size_t size,
                               apr_size_t *used);

/* Makes a line of what came without an end, or was too long. Safe for a whole one too. */
void health_line_end(health_line_t *line);

/* Forgets the line, for the next one. */
void health_line_next(health_line_t *line);

#endif
