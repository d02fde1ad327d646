/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_text.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

cache_span_t cache_text_span(const char *text)
{
    cache_span_t span = {text, strlen(text)};

    return span;
}

/* RFC 9110 section 5.6.2. Each byte of each name that is stored, or read from memcached, is looked
 * at. */
static const unsigned char is_tchar[256] = {
    ['!'] = 1,         ['#' ... '\''] = 1, ['*'] = 1,         ['+'] = 1,
    ['-'] = 1,         ['.'] = 1,          ['0' ... '9'] = 1, ['A' ... 'Z'] = 1,
    ['^' ... '`'] = 1, ['a' ... 'z'] = 1,  ['|'] = 1,         ['~'] = 1};

int cache_text_is_token(cache_span_t span)
{
    for (apr_size_t i = 0; i < span.size; i++) {
        if (!is_tchar[(unsigned char)span.data[i]])
            return 0;
    }
    return span.size > 0;
}

#define EACH_BYTE(value) (APR_UINT64_C(0x0101010101010101) * (value))

/* Says whether all eight bytes are visible, spaces, or over 127: of most values all are. */
static int is_plain(const char *at)
{
    apr_uint64_t word, deleted;

    memcpy(&word, at, sizeof(word));
    deleted = word ^ EACH_BYTE(0x7f);
    return ((((word - EACH_BYTE(' ')) & ~word) | ((deleted - EACH_BYTE(1)) & ~deleted)) &
            EACH_BYTE(0x80)) == 0;
}

int cache_text_is_value(cache_span_t span)
{
    apr_size_t plain = 0;

    while (span.size - plain >= 8 && is_plain(span.data + plain))
        plain += 8;
    if (plain > 0 && span.size - plain < 8 && is_plain(span.data + span.size - 8))
        return 1;
    for (apr_size_t i = plain; i < span.size; i++) {
        unsigned char c = (unsigned char)span.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return 0;
    }
    return 1;
}

const char *cache_text_line(const apr_table_t *fields, const char *name, int *at)
{
    const apr_array_header_t *all = apr_table_elts(fields);

    while (*at < all->nelts) {
        const apr_table_entry_t *field = &APR_ARRAY_IDX(all, (*at)++, apr_table_entry_t);

        if (((field->key[0] ^ name[0]) & ~0x20) == 0 && strcasecmp(field->key, name) == 0)
            return field->val;
    }
    return NULL;
}

static int is_space(char c)
{
    return c == ' ' || c == '\t';
}

cache_span_t cache_text_trim(cache_span_t span)
{
    while (span.size > 0 && is_space(span.data[0])) {
        span.data++;
        span.size--;
    }
    while (span.size > 0 && is_space(span.data[span.size - 1]))
        span.size--;
    return span;
}

int cache_text_is(cache_span_t span, const char *word)
{
    if (span.size > 0 && ((span.data[0] ^ word[0]) & ~0x20)) /* most words of a list differ here */
        return 0;
    return strlen(word) == span.size && strncasecmp(span.data, word, span.size) == 0;
}

/*
 * Returns the place behind the quoted string that starts at quote, or NULL when it is never closed.
 */
static const char *skip_quoted(const char *quote)
{
    const char *at = quote + 1;

    while (*at && *at != '"') {
        if (*at == '\\' && at[1])
            at++;
        at++;
    }
    return *at ? at + 1 : NULL;
}

static const char *skip_element(const char *at)
{
    for (at += strcspn(at, ",\""); *at == '"'; at += strcspn(at, ",\"")) {
        const char *behind = skip_quoted(at);
        at = behind ? behind : at + 1;
    }
    return at;
}

int cache_text_next(const char **cursor, cache_span_t *element)
{
    const char *at = *cursor;

    while (*at) {
        const char *end = skip_element(at);
        cache_span_t whole = {at, (apr_size_t)(end - at)};

        at = *end ? end + 1 : end;
        *element = cache_text_trim(whole);
        if (element->size > 0) {
            *cursor = at;
            return 1;
        }
    }
    *cursor = at;
    return 0;
}

apr_int64_t cache_text_delta(cache_span_t span)
{
    apr_int64_t value = 0;

    if (span.size == 0)
        return -1;
    for (apr_size_t i = 0; i < span.size; i++) {
        if (!cache_text_is_digit(span.data[i]))
            return -1;
        value = value * 10 + (span.data[i] - '0');
        if (value > CACHE_DELTA_MAX)
            value = CACHE_DELTA_MAX;
    }
    return value;
}

char *cache_text_put_number(char *out, apr_int64_t number)
{
    char digits[20];
    char *at = digits + sizeof(digits);
    apr_uint64_t left = number < 0 ? 0 - (apr_uint64_t)number : (apr_uint64_t)number;
    apr_size_t size;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        *--at = '-';
    size = (apr_size_t)(digits + sizeof(digits) - at);
    memcpy(out, at, size);
    return out + size;
}

char *cache_text_lower(cache_span_t span, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, span.data, span.size);

    for (char *at = copy; *at; at++)
        *at = (char)apr_tolower(*at);
    return copy;
}

const char *cache_text_unquote(cache_span_t span, apr_pool_t *pool)
{
    char *text;
    char *out;

    if (span.size < 2 || span.data[0] != '"' || span.data[span.size - 1] != '"')
        return NULL;
    text = out = apr_palloc(pool, span.size);
    for (apr_size_t i = 1; i < span.size - 1; i++) {
        if (span.data[i] == '"')
            return NULL;
        if (span.data[i] == '\\' && ++i == span.size - 1)
            return NULL;
        *out++ = span.data[i];
    }
    *out = '\0';
    return text;
}

int cache_text_list_has(const char *list, const char *word)
{
    cache_span_t element;

    while (list && cache_text_next(&list, &element)) {
        if (cache_text_is(element, word))
            return 1;
    }
    return 0;
}
