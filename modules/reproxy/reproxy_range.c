/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_range.h"

#include <stdint.h>
#include <strings.h>

#include <apr_lib.h>

static const char *skip_space(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* Returns what follows the number, NULL when there is none or it does not fit. */
static const char *read_number(const char *text, apr_off_t *number)
{
    apr_int64_t value = 0;

    if (!apr_isdigit(*text))
        return NULL;
    for (; apr_isdigit(*text); text++) {
        if (value > (INT64_MAX - 9) / 10)
            return NULL;
        value = value * 10 + (*text - '0');
    }
    *number = (apr_off_t)value;
    return text;
}

static const char *read_span(const char *text, reproxy_span_t *span)
{
    span->first = span->last = -1;
    if (*text == '-')
        return read_number(text + 1, &span->last);
    text = read_number(text, &span->first);
    if (!text || *text++ != '-')
        return NULL;
    if (apr_isdigit(*text))
        text = read_number(text, &span->last);
    return text && (span->last < 0 || span->last >= span->first) ? text : NULL;
}

int reproxy_range_parse(const char *text, reproxy_span_t *spans, int max)
{
    int count = 0;

    if (strncasecmp(text, "bytes=", 6) != 0)
        return 0;
    text = skip_space(text + 6);
    while (*text) {
        if (*text == ',') { /* empty members are allowed */
            text = skip_space(text + 1);
            continue;
        }
        if (count == max)
            return 0;
        text = read_span(text, &spans[count++]);
        if (!text)
            return 0;
        text = skip_space(text);
        if (*text && *text != ',')
            return 0;
    }
    return count;
}

int reproxy_range_resolve(reproxy_span_t *span, apr_off_t size)
{
    if (span->first < 0) {
        if (span->last == 0 || size == 0)
            return 0;
        span->first = span->last < size ? size - span->last : 0;
        span->last = size - 1;
        return 1;
    }
    if (span->first >= size)
        return 0;
    if (span->last < 0 || span->last >= size)
        span->last = size - 1;
    return 1;
}

int reproxy_range_content(const char *text, reproxy_span_t *span, apr_off_t *size)
{
    if (strncasecmp(text, "bytes ", 6) != 0)
        return 0;
    text = skip_space(text + 6);
    span->first = span->last = *size = -1;
    if (*text == '*') {
        text++;
    } else {
        text = read_number(text, &span->first);
        if (!text || *text++ != '-' || !(text = read_number(text, &span->last)) ||
            span->last < span->first)
            return 0;
    }
    if (*text++ != '/')
        return 0;
    if (*text == '*')
        return span->first >= 0 && text[1] == '\0';
    text = read_number(text, size);
    return text && *text == '\0' && (span->first < 0 || span->last < *size);
}
