/* SPDX-License-Identifier: Apache-2.0 */
#include "health_http.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#include <webtier/version.h>

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

void health_http_init(health_http_t *parser)
{
    memset(parser, 0, sizeof(*parser));
}

static int wrong(health_http_t *parser, const char *complaint)
{
    parser->complaint = complaint;
    return WRONG;
}

/* RFC 9110, 5.6.2: tchar. */
static int is_token(char c)
{
    return apr_isascii(c) && (apr_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static int line_end(char c, int after)
{
    return c == '\r' ? AFTER_CR : after;
}

static int take_version(health_http_t *parser, char c)
{
    static const char version[] = "HTTP/1.";

    if (c != version[parser->digits])
        return wrong(parser, "the answer does not begin with HTTP/1");
    if (version[++parser->digits])
        return AT_VERSION;
    parser->digits = 0;
    return AT_MINOR;
}

static int take_minor(health_http_t *parser, char c)
{
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

/* The head is over: an interim answer is forgotten and the next one begins. */
static int take_head_end(health_http_t *parser)
{
    if (parser->status >= 200 || parser->status == 101)
        return AT_END;
    parser->digits = 0;
    parser->status = 0;
    parser->reason_size = 0;
    memset(parser->reason, 0, sizeof(parser->reason));
    return AT_VERSION;
}

static int take_line(health_http_t *parser, char c)
{
    if (c == '\r')
        return AFTER_LAST_CR;
    if (c == '\n')
        return take_head_end(parser);
    if (c == ' ' || c == '\t')
        return IN_VALUE; /* a folded line goes on (obs-fold) */
    return is_token(c) ? IN_NAME : wrong(parser, "a header line does not begin with a name");
}

static int take_name(health_http_t *parser, char c)
{
    if (c == ':')
        return IN_VALUE;
    return is_token(c) ? IN_NAME : wrong(parser, "a header line has no colon after its name");
}

static int take_value(health_http_t *parser, char c)
{
    if (c == '\r' || c == '\n')
        return line_end(c, AT_LINE);
    return c ? IN_VALUE : wrong(parser, "a zero byte in a header");
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

health_http_e health_http_feed(health_http_t *parser, const char *data, apr_size_t size)
{
    for (apr_size_t i = 0; i < size && parser->step != AT_END; i++) {
        if (parser->step == WRONG)
            return HEALTH_HTTP_MALFORMED;
        if (parser->taken++ >= HEALTH_HTTP_MAX_HEAD)
            return HEALTH_HTTP_TOO_LONG;
        parser->step = take[parser->step](parser, data[i]);
    }
    if (parser->step == WRONG)
        return HEALTH_HTTP_MALFORMED;
    return parser->step == AT_END ? HEALTH_HTTP_COMPLETE : HEALTH_HTTP_MORE;
}

/* The protocol of a probe. */

typedef struct dialogue_t {
    const health_check_t *check;
    health_http_t parser;
} dialogue_t;

static const char *http_request(const health_check_t *check, const char *authority,
                                apr_pool_t *pool)
{
    return apr_pstrcat(pool, check->method, " ", check->uri,
                       " HTTP/1.1\r\nHost: ", check->host ? check->host : authority,
                       "\r\nUser-Agent: webtier-health/" WEBTIER_VERSION
                       "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                       NULL);
}

static void *http_begin(const health_check_t *check, apr_pool_t *pool)
{
    dialogue_t *dialogue = apr_pcalloc(pool, sizeof(*dialogue));

    dialogue->check = check;
    health_http_init(&dialogue->parser);
    return dialogue;
}

static health_verdict_e judge_status(const dialogue_t *dialogue, tier_result_t *result,
                                     apr_pool_t *pool)
{
    const health_http_t *parser = &dialogue->parser;
    const char *text = apr_psprintf(pool, "status %d%s%s", parser->status,
                                    *parser->reason ? " " : "", parser->reason);

    if (health_check_status_passes(&dialogue->check->statuses, parser->status)) {
        *result = tier_result_ok();
        result->detail = text;
        return HEALTH_PASS;
    }
    *result = tier_result_fail(pool, APR_EGENERAL, "bad_status", "%s", text);
    return HEALTH_FAIL;
}

static health_verdict_e http_feed(void *state, const char *data, apr_size_t size,
                                  tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;

    switch (health_http_feed(&dialogue->parser, data, size)) {
    case HEALTH_HTTP_MORE:
        return HEALTH_MORE;
    case HEALTH_HTTP_COMPLETE:
        return judge_status(dialogue, result, pool);
    case HEALTH_HTTP_TOO_LONG:
        *result = tier_result_fail(pool, APR_EGENERAL, "too_long",
                                   "no end of the headers within %d bytes", HEALTH_HTTP_MAX_HEAD);
        return HEALTH_FAIL;
    case HEALTH_HTTP_MALFORMED:
    default:
        *result =
            tier_result_fail(pool, APR_EGENERAL, "malformed", "%s", dialogue->parser.complaint);
        return HEALTH_FAIL;
    }
}

static health_verdict_e http_end(void *state, tier_result_t *result, apr_pool_t *pool)
{
    const dialogue_t *dialogue = state;

    *result = tier_result_fail(pool, APR_EGENERAL, "closed",
                               "the member closed the connection after %" APR_SIZE_T_FMT
                               " bytes, before the end of the headers",
                               dialogue->parser.taken);
    return HEALTH_FAIL;
}

const health_protocol_t health_http_protocol = {http_request, http_begin, http_feed, http_end};
