/* SPDX-License-Identifier: Apache-2.0 */
#include "health_http.h"

#include <apr_lib.h>
#include <string.h>
#include <strings.h>

#include "health_check_http.h"

/* The grammar's places, in the order of an answer. Each has a function that takes one byte. */
enum {
    AT_VERSION, /* "HTTP/1." */
    AT_MINOR,
    AT_SPACE,
    AT_STATUS,
    AT_STATUS_END,
    IN_REASON,
    AT_LINE, /* the first byte of a header line, or of the empty one */
    IN_NAME,
    IN_VALUE,
    AFTER_CR,      /* of a line that has something in it */
    AFTER_LAST_CR, /* of the empty line */
    AT_END
};

#define WRONG (-1)
#define OTHER (-2)

void health_http_init(health_http_t *parser)
{
    memset(parser, 0, sizeof(*parser));
}

static int wrong(health_http_t *parser, const char *complaint)
{
    parser->complaint = complaint;
    return WRONG;
}

static int line_end(char c, int after)
{
    return c == '\r' ? AFTER_CR : after;
}

/* Who speaks another protocol is often known by the first byte. */
static int other(health_http_t *parser, char c)
{
    parser->complaint = NULL;
    if (c == 0x15 || c == 0x16)
        parser->complaint = "the member speaks TLS here, not plain HTTP";
    else if (c == '\0')
        parser->complaint = "the answer begins with a zero byte, as frames of HTTP/2 do";
    else if (c == '<')
        parser->complaint = "the member answers without a status line, as HTTP/0.9 does";
    return parser->complaint ? OTHER : 0;
}

static int take_version(health_http_t *parser, char c)
{
    static const char version[] = "HTTP/1.";

    if (parser->digits == 0 && other(parser, c))
        return OTHER;
    if (c != version[parser->digits])
        return wrong(parser, "the answer does not begin with HTTP/1");
    if (version[++parser->digits])
        return AT_VERSION;
    parser->digits = 0;
    return AT_MINOR;
}

static int take_minor(health_http_t *parser, char c)
{
    parser->closes = c == '0';
    return apr_isdigit(c) ? AT_SPACE : wrong(parser, "no HTTP version in the status line");
}

static int take_space(health_http_t *parser, char c)
{
    return c == ' ' ? AT_STATUS : wrong(parser, "no space after the HTTP version");
}

static int take_status(health_http_t *parser, char c)
{
    if (!apr_isdigit(c) || (parser->digits == 0 && c == '0'))
        return wrong(parser, "no status of three digits in the status line");
    parser->status = parser->status * 10 + (c - '0');
    return ++parser->digits < 3 ? AT_STATUS : AT_STATUS_END;
}

static int take_status_end(health_http_t *parser, char c)
{
    if (c == ' ')
        return IN_REASON;
    if (c == '\r' || c == '\n')
        return line_end(c, AT_LINE);
    return wrong(parser, "no space after the status");
}

static int take_reason(health_http_t *parser, char c)
{
    if (c == '\r' || c == '\n')
        return line_end(c, AT_LINE);
    if (c == '\0')
        return wrong(parser, "a zero byte in the status line");
    /* It is quoted in the log, where a peer's bytes other than plain text have no place. */
    if (parser->reason_size < sizeof(parser->reason) - 1)
        parser->reason[parser->reason_size++] = (char)(apr_isascii(c) && apr_isprint(c) ? c : '?');
    return IN_REASON;
}

static void set_length(health_http_t *parser, const char *value)
{
    apr_int64_t length = 0;
    const char *digit = value;

    for (; apr_isdigit(*digit) && length < APR_INT64_C(100000000000000000); digit++)
        length = length * 10 + (*digit - '0');
    if (digit == value || *digit ||
        (parser->framing == HEALTH_FRAMING_LENGTH && parser->length != length)) {
        parser->framing = HEALTH_FRAMING_UNKNOWN;
    } else if (parser->framing == HEALTH_FRAMING_CLOSE) {
        parser->framing = HEALTH_FRAMING_LENGTH;
        parser->length = length;
    }
}

/* A value that was cut, which is longer than any that is sought, is none. */
static int is_sought(const health_http_line_t *sought, const health_http_field_t *field)
{
    return sought && sought->name && strcasecmp(field->name, sought->name) == 0 &&
           field->value_size < HEALTH_HTTP_VALUE && strcasecmp(field->value, sought->value) == 0;
}

/* A header field is complete: takes in what matters here. */
static void end_field(health_http_t *parser)
{
    health_http_field_t *field = &parser->field;

    while (field->value_size > 0 && field->value_size < HEALTH_HTTP_VALUE &&
           strchr(" \t", field->value[field->value_size - 1]))
        field->value[--field->value_size] = '\0';
    parser->found |= is_sought(parser->sought, field);
    if (strcasecmp(field->name, "Content-Length") == 0)
        set_length(parser, field->value);
    else if (strcasecmp(field->name, "Transfer-Encoding") == 0)
        parser->framing = strcasecmp(field->value, "chunked") == 0 ? HEALTH_FRAMING_CHUNKED
                                                                   : HEALTH_FRAMING_UNKNOWN;
    else if (strcasecmp(field->name, "Connection") == 0)
        parser->closes |= strcasestr(field->value, "close") != NULL;
    else if (strcasecmp(field->name, "Location") == 0)
        memcpy(parser->location, field->value, sizeof(parser->location));
    memset(field, 0, sizeof(*field));
}

/* The head is over: an interim answer is forgotten and the next one begins. */
static int take_head_end(health_http_t *parser)
{
    if (parser->status >= 200 || parser->status == 101)
        return AT_END;
    parser->digits = 0;
    parser->status = 0;
    parser->reason_size = 0;
    memset(parser->reason, 0, sizeof(parser->reason));
    memset(parser->location, 0, sizeof(parser->location));
    parser->framing = HEALTH_FRAMING_CLOSE;
    parser->length = 0;
    parser->found = 0;
    return AT_VERSION;
}

static int take_name(health_http_t *parser, char c);

static int take_line(health_http_t *parser, char c)
{
    if (c == ' ' || c == '\t')
        return IN_VALUE; /* a folded line goes on (obs-fold) */
    end_field(parser);
    if (c == '\r')
        return AFTER_LAST_CR;
    if (c == '\n')
        return take_head_end(parser);
    return health_check_is_token(c) ? take_name(parser, c)
                                    : wrong(parser, "a header line does not begin with a name");
}

static int take_name(health_http_t *parser, char c)
{
    health_http_field_t *field = &parser->field;

    if (c == ':')
        return IN_VALUE;
    if (field->name_size < sizeof(field->name) - 1)
        field->name[field->name_size] = c;
    else
        field->name[0] = '\0'; /* none of those that matter */
    field->name_size++;
    return health_check_is_token(c) ? IN_NAME
                                    : wrong(parser, "a header line has no colon after its name");
}

static char shown(char c)
{
    return (char)(c == '\t' || (apr_isascii(c) && apr_isprint(c)) ? c : '?');
}

static int take_value(health_http_t *parser, char c)
{
    health_http_field_t *field = &parser->field;

    if (c == '\r' || c == '\n')
        return line_end(c, AT_LINE);
    if (c == '\0')
        return wrong(parser, "a zero byte in a header");
    if (field->value_size == 0 && (c == ' ' || c == '\t'))
        return IN_VALUE;
    if (field->value_size < sizeof(field->value) - 1)
        field->value[field->value_size] = shown(c);
    field->value_size++;
    return IN_VALUE;
}

static int take_after_cr(health_http_t *parser, char c)
{
    return c == '\n' ? AT_LINE : wrong(parser, "a carriage return without a line feed");
}

static int take_after_last_cr(health_http_t *parser, char c)
{
    return c == '\n' ? take_head_end(parser)
                     : wrong(parser, "a carriage return without a line feed");
}

static int (*const take[])(health_http_t *, char) = {
    take_version, take_minor, take_space, take_status,   take_status_end,   take_reason,
    take_line,    take_name,  take_value, take_after_cr, take_after_last_cr};

/*
 * Most of a head is values: their bytes up to the end of the line or of data at once, once the
 * first is there. Returns how many it took.
 */
static apr_size_t take_run(health_http_t *parser, const char *data, apr_size_t size)
{
    health_http_field_t *field = &parser->field;
    apr_size_t count = 0;

    if (parser->step != IN_VALUE || field->value_size == 0 || parser->taken >= HEALTH_HTTP_MAX_HEAD)
        return 0;
    if (size > HEALTH_HTTP_MAX_HEAD - parser->taken)
        size = HEALTH_HTTP_MAX_HEAD - parser->taken;
    while (count < size && data[count] != '\r' && data[count] != '\n' && data[count] != '\0')
        count++;
    for (apr_size_t i = 0; i < count && field->value_size + i < sizeof(field->value) - 1; i++)
        field->value[field->value_size + i] = shown(data[i]);
    field->value_size += count;
    parser->taken += count;
    return count;
}

health_http_e health_http_feed(health_http_t *parser, const char *data, apr_size_t size)
{
    for (apr_size_t i = 0; i < size && parser->step != AT_END; i++) {
        if (parser->step < 0)
            break;
        i += take_run(parser, data + i, size - i);
        if (i == size)
            break;
        if (parser->taken++ >= HEALTH_HTTP_MAX_HEAD)
            return HEALTH_HTTP_TOO_LONG;
        parser->step = take[parser->step](parser, data[i]);
    }
    if (parser->step < 0)
        return parser->step == WRONG ? HEALTH_HTTP_MALFORMED : HEALTH_HTTP_OTHER;
    return parser->step == AT_END ? HEALTH_HTTP_COMPLETE : HEALTH_HTTP_MORE;
}
