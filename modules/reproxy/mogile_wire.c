/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_wire.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define FIRST_ROOM 1024

static int is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_,-./\\:", c));
}

char *mogile_wire_quote(const char *value, apr_pool_t *pool)
{
    static const char digits[] = "0123456789ABCDEF";
    char *quoted = apr_palloc(pool, 3 * strlen(value) + 1);
    char *to = quoted;

    for (const unsigned char *from = (const unsigned char *)value; *from; from++) {
        if (*from == ' ') {
            *to++ = '+';
        } else if (is_plain(*from)) {
            *to++ = (char)*from;
        } else {
            *to++ = '%';
            *to++ = digits[*from >> 4];
            *to++ = digits[*from & 15];
        }
    }
    *to = '\0';
    return quoted;
}

char *mogile_wire_request(apr_pool_t *pool, const char *command, ...)
{
    char *line = apr_pstrcat(pool, command, " ", NULL);
    const char *separator = "";
    const char *name;
    va_list args;

    va_start(args, command);
    while ((name = va_arg(args, const char *)) != NULL) {
        const char *value = va_arg(args, const char *);

        if (!value)
            continue;
        line = apr_pstrcat(pool, line, separator, name, "=", mogile_wire_quote(value, pool), NULL);
        separator = "&";
    }
    va_end(args);
    return line;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the size bytes at text without their quoting. */
static char *unquote(const char *text, apr_size_t size, apr_size_t *plain_size, apr_pool_t *pool)
{
    char *plain = apr_palloc(pool, size + 1);
    char *to = plain;

    for (apr_size_t i = 0; i < size; i++) {
        if (text[i] == '%' && i + 2 < size && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            *to++ = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else {
            *to++ = text[i] == '+' ? ' ' : text[i];
        }
    }
    *to = '\0';
    *plain_size = (apr_size_t)(to - plain);
    return plain;
}

static int has_control(const char *line, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            return 1;
    }
    return 0;
}

static int find(const mogile_answer_t *answer, const char *name)
{
    for (int i = 0; i < answer->count; i++) {
        if (strcmp(answer->pairs[i].name, name) == 0)
            return i;
    }
    return -1;
}

static apr_status_t read_pair(mogile_answer_t *answer, const char *text, apr_size_t size,
                              apr_pool_t *pool)
{
    const char *equals = memchr(text, '=', size);
    mogile_pair_t *pair = &answer->pairs[answer->count];
    apr_size_t name_size;

    if (!equals || equals == text)
        return APR_EGENERAL;
    name_size = (apr_size_t)(equals - text);
    pair->name = apr_pstrmemdup(pool, text, name_size);
    pair->value = unquote(equals + 1, size - name_size - 1, &pair->size, pool);
    if (find(answer, pair->name) >= 0)
        return APR_EGENERAL;
    answer->count++;
    return APR_SUCCESS;
}

static int count_pairs(const char *text, const char *end)
{
    int count = 1;

    for (; text < end; text++)
        count += *text == '&';
    return count;
}

static apr_status_t read_pairs(mogile_answer_t *answer, const char *text, const char *end,
                               apr_pool_t *pool)
{
    int count = count_pairs(text, end);

    if (count > MOGILE_WIRE_PAIRS)
        return APR_EGENERAL;
    answer->pairs = apr_palloc(pool, (apr_size_t)count * sizeof(mogile_pair_t));
    while (text < end) {
        const char *stop = memchr(text, '&', (apr_size_t)(end - text));
        apr_size_t size = (apr_size_t)((stop ? stop : end) - text);

        if (size > 0 && read_pair(answer, text, size, pool) != APR_SUCCESS)
            return APR_EGENERAL;
        text += size + 1;
    }
    answer->callid = mogile_wire_value(answer, "callid");
    return APR_SUCCESS;
}

/* Returns the next word at *text, NULL when there is none, and moves *text behind it. */
static const char *next_word(const char **text, const char *end, apr_pool_t *pool)
{
    const char *start = *text, *stop;
    apr_size_t size;

    if (start >= end)
        return NULL;
    stop = memchr(start, ' ', (apr_size_t)(end - start));
    if (!stop)
        stop = end;
    *text = stop + 1;
    return unquote(start, (apr_size_t)(stop - start), &size, pool);
}

static apr_status_t read_error(mogile_answer_t *answer, const char *text, const char *end,
                               apr_pool_t *pool)
{
    answer->code = next_word(&text, end, pool);
    answer->text = next_word(&text, end, pool);
    answer->callid = next_word(&text, end, pool);
    if (!answer->code || !*answer->code)
        return APR_EGENERAL;
    if (!answer->text)
        answer->text = "";
    return APR_SUCCESS;
}

apr_status_t mogile_wire_read(mogile_answer_t *answer, const char *line, apr_size_t size,
                              apr_pool_t *pool)
{
    memset(answer, 0, sizeof(*answer));
    if (has_control(line, size))
        return APR_EGENERAL;
    if (size >= 3 && memcmp(line, "OK ", 3) == 0) {
        answer->ok = 1;
        return read_pairs(answer, line + 3, line + size, pool);
    }
    if (size >= 4 && memcmp(line, "ERR ", 4) == 0)
        return read_error(answer, line + 4, line + size, pool);
    return APR_EGENERAL;
}

const char *mogile_wire_value(const mogile_answer_t *answer, const char *name)
{
    int at = find(answer, name);

    if (at < 0 || strlen(answer->pairs[at].value) != answer->pairs[at].size)
        return NULL;
    return answer->pairs[at].value;
}

int mogile_wire_number(const mogile_answer_t *answer, const char *name, apr_int64_t *number)
{
    const char *value = mogile_wire_value(answer, name);
    apr_size_t digits = value ? strspn(value, "0123456789") : 0;

    if (digits == 0 || digits > 18 || value[digits])
        return 0;
    *number = apr_atoi64(value);
    return 1;
}

static void make_room(mogile_lines_t *lines, apr_size_t size)
{
    char *data;

    if (lines->taken > 0) {
        lines->have -= lines->taken;
        lines->looked = 0;
        memmove(lines->data, lines->data + lines->taken, lines->have);
        lines->taken = 0;
    }
    if (lines->have + size <= lines->room)
        return;
    lines->room = 2 * (lines->have + size) > FIRST_ROOM ? 2 * (lines->have + size) : FIRST_ROOM;
    data = apr_palloc(lines->pool, lines->room);
    if (lines->have > 0)
        memcpy(data, lines->data, lines->have);
    lines->data = data;
}

apr_status_t mogile_lines_add(mogile_lines_t *lines, const char *data, apr_size_t size)
{
    if (size == 0)
        return APR_SUCCESS;
    if (lines->have - lines->taken + size > 2 * MOGILE_WIRE_LONGEST)
        return APR_ENOSPC;
    make_room(lines, size);
    memcpy(lines->data + lines->have, data, size);
    lines->have += size;
    return APR_SUCCESS;
}

apr_status_t mogile_lines_next(mogile_lines_t *lines, const char **line, apr_size_t *size)
{
    apr_size_t start = lines->looked > lines->taken ? lines->looked : lines->taken;
    char *end = start < lines->have ? memchr(lines->data + start, '\n', lines->have - start) : NULL;

    lines->looked = lines->have;
    if (!end)
        return lines->have - lines->taken > MOGILE_WIRE_LONGEST ? APR_ENOSPC : APR_INCOMPLETE;
    *line = lines->data + lines->taken;
    *size = (apr_size_t)(end - *line);
    if (*size > MOGILE_WIRE_LONGEST)
        return APR_ENOSPC;
    if (*size > 0 && (*line)[*size - 1] == '\r')
        (*size)--;
    lines->taken = lines->looked = (apr_size_t)(end - lines->data) + 1;
    return APR_SUCCESS;
}
