/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_srcset.h"

#include "assets_text.h"

#include <apr_lib.h>

/* Moves behind the descriptors of a candidate and the comma after them; commas in parentheses are
 * part of a descriptor. */
static apr_size_t skip_descriptors(const char *value, apr_size_t size, apr_size_t i)
{
    int in_parentheses = 0;

    for (; i < size; i++) {
        if (value[i] == '(') {
            in_parentheses = 1;
        } else if (value[i] == ')') {
            in_parentheses = 0;
        } else if (value[i] == ',' && !in_parentheses) {
            return i + 1;
        }
    }
    return i;
}

int assets_srcset_next(const char *value, apr_size_t size, apr_size_t *cursor, assets_span_t *url)
{
    apr_size_t i = *cursor;

    while (i < size && (assets_text_is_space(value[i]) || value[i] == ','))
        i++;
    url->from = i;
    while (i < size && !assets_text_is_space(value[i]))
        i++;
    url->to = i;
    if (url->from == url->to)
        return 0;
    if (value[url->to - 1] == ',') {
        while (value[url->to - 1] == ',') /* its first character is none */
            url->to--;
    } else {
        i = skip_descriptors(value, size, i);
    }
    *cursor = i;
    return 1;
}

static apr_size_t skip_space(const char *value, apr_size_t size, apr_size_t i)
{
    while (i < size && assets_text_is_space(value[i]))
        i++;
    return i;
}

/* Returns where the text after the time and its separator begins; size: there is none, or no time.
 */
static apr_size_t skip_time(const char *value, apr_size_t size)
{
    apr_size_t start = skip_space(value, size, 0);
    apr_size_t i = start;

    while (i < size && apr_isdigit(value[i]))
        i++;
    if (i == start && (i == size || value[i] != '.'))
        return size;
    while (i < size && (apr_isdigit(value[i]) || value[i] == '.'))
        i++;
    if (i < size && !assets_text_is_space(value[i]) && value[i] != ';' && value[i] != ',')
        return size;
    i = skip_space(value, size, i);
    if (i < size && (value[i] == ';' || value[i] == ','))
        i++;
    return skip_space(value, size, i);
}

/* "url", white space, "=": what is not written that way is itself the URL. */
static apr_size_t skip_url_word(const char *value, apr_size_t size, apr_size_t start)
{
    apr_size_t i = start;

    if (size - i < 3 || !assets_text_is(value + i, 3, "url"))
        return start;
    i = skip_space(value, size, i + 3);
    if (i == size || value[i] != '=')
        return start;
    return skip_space(value, size, i + 1);
}

int assets_srcset_refresh(const char *value, apr_size_t size, assets_span_t *url)
{
    apr_size_t i = skip_time(value, size);
    char quote;

    if (i == size)
        return 0;
    i = skip_url_word(value, size, i);
    url->from = i;
    url->to = size;
    if (i < size && (value[i] == '"' || value[i] == '\'')) {
        quote = value[i++];
        url->from = i;
        while (i < size && value[i] != quote)
            i++;
        url->to = i;
    }
    return url->from < url->to;
}
