/* SPDX-License-Identifier: Apache-2.0 */
#include "health_http_body.h"

#include <apr_lib.h>

#include <string.h>

#define FIRST_ROOM 4096

/* The places of a chunked body. */
enum { AT_SIZE, IN_EXTENSION, IN_DATA, AFTER_DATA };

void health_http_body_init(health_http_body_t *body, const health_http_t *head, int empty,
                           apr_size_t limit, apr_pool_t *pool)
{
    memset(body, 0, sizeof(*body));
    body->framing = empty ? HEALTH_FRAMING_LENGTH : head->framing;
    body->left = !empty && head->framing == HEALTH_FRAMING_LENGTH ? head->length : 0;
    body->limit = limit;
    body->pool = pool;
}

static health_body_e wrong(health_http_body_t *body, const char *complaint)
{
    body->complaint = complaint;
    return HEALTH_BODY_MALFORMED;
}

static void grow(health_http_body_t *body, apr_size_t wanted)
{
    apr_size_t room = body->room ? body->room : FIRST_ROOM;
    char *bytes;

    while (room < wanted)
        room *= 2;
    bytes = apr_palloc(body->pool, room);
    if (body->size)
        memcpy(bytes, body->bytes, body->size);
    body->bytes = bytes;
    body->room = room;
}

/* Keeps what there is room for. */
static health_body_e keep(health_http_body_t *body, const char *data, apr_size_t size)
{
    apr_size_t part = size < body->limit - body->size ? size : body->limit - body->size;

    if (body->size + part > body->room)
        grow(body, body->size + part);
    if (part)
        memcpy(body->bytes + body->size, data, part);
    body->size += part;
    return body->size == body->limit ? HEALTH_BODY_FULL : HEALTH_BODY_MORE;
}

static health_body_e feed_length(health_http_body_t *body, const char *data, apr_size_t size)
{
    apr_size_t part = (apr_int64_t)size < body->left ? size : (apr_size_t)body->left;
    health_body_e state = keep(body, data, part);

    body->left -= (apr_int64_t)part;
    return body->left == 0 ? HEALTH_BODY_END : state;
}

static int hex_value(char c)
{
    if (apr_isdigit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line of a chunk's size is over. */
static health_body_e end_size(health_http_body_t *body)
{
    if (body->digits == 0)
        return wrong(body, "a chunk has no size");
    body->step = IN_DATA;
    body->digits = 0;
    return body->left == 0 ? HEALTH_BODY_END : HEALTH_BODY_MORE;
}

static health_body_e take_size(health_http_body_t *body, char c)
{
    int value = hex_value(c);

    if (c == '\n')
        return end_size(body);
    if (c == ';' || c == '\r' || c == ' ' || c == '\t')
        body->step = IN_EXTENSION;
    else if (value < 0 || ++body->digits > 15)
        return wrong(body, "a chunk's size is no hexadecimal number");
    else
        body->left = body->left * 16 + value;
    return HEALTH_BODY_MORE;
}

/* One byte that is not of the data. */
static health_body_e take_framing(health_http_body_t *body, char c)
{
    if (body->step == AT_SIZE)
        return take_size(body, c);
    if (body->step == IN_EXTENSION)
        return c == '\n' ? end_size(body) : HEALTH_BODY_MORE;
    if (c == '\n')
        body->step = AT_SIZE;
    else if (c != '\r')
        return wrong(body, "a chunk is longer than its size");
    return HEALTH_BODY_MORE;
}

static health_body_e feed_chunks(health_http_body_t *body, const char *data, apr_size_t size)
{
    health_body_e state = HEALTH_BODY_MORE;

    while (size > 0 && state == HEALTH_BODY_MORE) {
        apr_size_t part = 1;

        if (body->step == IN_DATA) {
            part = (apr_int64_t)size < body->left ? size : (apr_size_t)body->left;
            state = keep(body, data, part);
            body->left -= (apr_int64_t)part;
            if (body->left == 0)
                body->step = AFTER_DATA;
        } else {
            state = take_framing(body, *data);
        }
        data += part;
        size -= part;
    }
    return state;
}

health_body_e health_http_body_feed(health_http_body_t *body, const char *data, apr_size_t size)
{
    switch (body->framing) {
    case HEALTH_FRAMING_CLOSE:
        return keep(body, data, size);
    case HEALTH_FRAMING_LENGTH:
        return feed_length(body, data, size);
    case HEALTH_FRAMING_CHUNKED:
        return feed_chunks(body, data, size);
    case HEALTH_FRAMING_UNKNOWN:
    default:
        return wrong(body, "no telling where the body ends: its length or coding makes no sense");
    }
}

health_body_e health_http_body_closed(health_http_body_t *body)
{
    if (body->framing == HEALTH_FRAMING_CLOSE)
        return HEALTH_BODY_END;
    return wrong(body, "the connection was closed before the end of the body");
}
