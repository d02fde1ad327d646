/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_range.h"

#include <apr_lib.h>

#include <string.h>
#include <strings.h>

#define LARGEST (APR_INT64_MAX / 16)

/* Reads 1*DIGIT at *text and moves behind it. Returns -1 when there is none, or too large a one. */
static apr_int64_t read_number(const char **text)
{
    apr_int64_t number = 0;

    if (!apr_isdigit(**text))
        return -1;
    for (; apr_isdigit(**text); ++*text) {
        if (number > LARGEST)
            return -1;
        number = number * 10 + (**text - '0');
    }
    return number;
}

int cache_range_parse_content(cache_range_t *range, const char *text)
{
    if (!text || strncasecmp(text, "bytes ", 6) != 0)
        return 0;
    text += 6 + strspn(text + 6, " ");
    range->first = read_number(&text);
    if (range->first < 0 || *text++ != '-')
        return 0;
    range->last = read_number(&text);
    if (range->last < range->first || *text++ != '/')
        return 0;
    range->total = read_number(&text);
    return range->total > range->last && *text == '\0';
}

int cache_range_parse_request(cache_range_t *range, const char *text, apr_int64_t total)
{
    int is_suffix;

    if (!text || strncasecmp(text, "bytes=", 6) != 0 || total <= 0)
        return 0;
    text += 6 + strspn(text + 6, " \t");
    is_suffix = *text == '-';
    range->total = total;
    range->first = is_suffix ? 0 : read_number(&text);
    range->last = total - 1;
    if (range->first < 0 || range->first >= total || *text++ != '-')
        return 0;
    if (is_suffix) {
        apr_int64_t length = read_number(&text);
        if (length <= 0)
            return 0;
        range->first = length < total ? total - length : 0;
    } else if (apr_isdigit(*text)) {
        apr_int64_t last = read_number(&text);
        if (last < range->first)
            return 0;
        range->last = last < total ? last : total - 1;
    }
    return text[strspn(text, " \t")] == '\0';
}

apr_int64_t cache_range_size(const cache_range_t *range)
{
    return range->last - range->first + 1;
}

int cache_range_covers(const cache_range_t *range, const cache_range_t *other)
{
    return range->total == other->total && range->first <= other->first &&
           range->last >= other->last;
}

int cache_range_touches(const cache_range_t *one, const cache_range_t *other)
{
    return one->total == other->total && one->first <= other->last + 1 &&
           other->first <= one->last + 1;
}

cache_range_t cache_range_union(const cache_range_t *one, const cache_range_t *other)
{
    cache_range_t both = *one;

    if (other->first < both.first)
        both.first = other->first;
    if (other->last > both.last)
        both.last = other->last;
    return both;
}

int cache_range_missing(cache_range_t *missing, const cache_range_t *range)
{
    missing->total = range->total;
    missing->first = range->first == 0 ? range->last + 1 : 0;
    missing->last = range->first == 0 ? range->total - 1 : range->first - 1;
    return missing->first <= missing->last &&
           (range->first == 0 || range->last == range->total - 1);
}
