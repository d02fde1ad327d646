/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_chunk.h"

#include <apr_lib.h>

#define LINE_MAX_BYTES 8192
#define DIGITS_MAX     15 /* fits into apr_off_t */

enum {
    SIZE,      /* digits of a chunk's size */
    EXTENSION, /* the rest of that line */
    SIZE_LF,   /* the LF behind its CR */
    DATA,
    DATA_CR, /* what ends a chunk */
    DATA_LF,
    TRAILER,      /* at the start of a line after the last chunk */
    TRAILER_LINE, /* within one */
    TRAILER_LF,   /* the LF of the empty line */
    DONE,
    BAD
};

static int hex_value(char c)
{
    if (apr_isdigit(c))
        return c - '0';
    c = (char)apr_tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int end_of_size(reproxy_chunk_t *chunk)
{
    if (chunk->digits == 0)
        return BAD;
    chunk->digits = 0;
    chunk->line = 0;
    return chunk->left > 0 ? DATA : TRAILER;
}

static int in_size(reproxy_chunk_t *chunk, char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (chunk->digits++ == 0)
            chunk->left = 0;
        if (chunk->digits > DIGITS_MAX)
            return BAD;
        chunk->left = chunk->left * 16 + digit;
        return SIZE;
    }
    if (chunk->digits == 0)
        return BAD;
    if (c == '\n')
        return end_of_size(chunk);
    if (c == '\r')
        return SIZE_LF;
    return c == ';' || c == ' ' || c == '\t' ? EXTENSION : BAD;
}

static int in_line(reproxy_chunk_t *chunk, char c, int same)
{
    if (c == '\n')
        return same == EXTENSION ? end_of_size(chunk) : TRAILER;
    return ++chunk->line > LINE_MAX_BYTES ? BAD : same;
}

/* Returns the state after one byte of framing. */
static int after(reproxy_chunk_t *chunk, char c)
{
    switch (chunk->state) {
    case SIZE:
        return in_size(chunk, c);
    case EXTENSION:
        return in_line(chunk, c, EXTENSION);
    case SIZE_LF:
        return c == '\n' ? end_of_size(chunk) : BAD;
    case DATA_CR:
        return c == '\r' ? DATA_LF : c == '\n' ? SIZE : BAD;
    case DATA_LF:
        return c == '\n' ? SIZE : BAD;
    case TRAILER:
        return c == '\n' ? DONE : c == '\r' ? TRAILER_LF : in_line(chunk, c, TRAILER_LINE);
    case TRAILER_LINE:
        return in_line(chunk, c, TRAILER_LINE);
    case TRAILER_LF:
        return c == '\n' ? DONE : BAD;
    default:
        return BAD;
    }
}

reproxy_chunk_e reproxy_chunk_next(reproxy_chunk_t *chunk, const char **data, apr_size_t *size,
                                   const char **body, apr_size_t *body_size)
{
    while (chunk->state != DONE && chunk->state != BAD && *size > 0) {
        if (chunk->state == DATA) {
            *body = *data;
            *body_size = (apr_off_t)*size < chunk->left ? *size : (apr_size_t)chunk->left;
            *data += *body_size;
            *size -= *body_size;
            chunk->left -= (apr_off_t)*body_size;
            chunk->state = chunk->left == 0 ? DATA_CR : DATA;
            return REPROXY_CHUNK_BODY;
        }
        chunk->state = after(chunk, **data);
        (*data)++;
        (*size)--;
    }
    return chunk->state == DONE  ? REPROXY_CHUNK_END
           : chunk->state == BAD ? REPROXY_CHUNK_BAD
                                 : REPROXY_CHUNK_MORE;
}
