/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_head.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define FIELDS_MAX 200

int reproxy_head_number(const char *text, apr_off_t *number)
{
    apr_int64_t value = 0;

    if (!apr_isdigit(*text))
        return 0;
    for (; apr_isdigit(*text); text++) {
        int digit = *text - '0';

        if (value > (INT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (*text != '\0')
        return 0;
    *number = (apr_off_t)value;
    return 1;
}

/* Returns the length of the line at data without its end, and in *next where the next one starts;
 * -1 when it is not complete. */
static apr_ssize_t line_at(const char *data, const char *end, const char **next)
{
    const char *lf = memchr(data, '\n', (apr_size_t)(end - data));
    apr_size_t size;

    if (!lf)
        return -1;
    *next = lf + 1;
    size = (apr_size_t)(lf - data);
    return (apr_ssize_t)(size > 0 && lf[-1] == '\r' ? size - 1 : size);
}

/* "HTTP/1.x NNN", then a space or nothing. */
static int read_status_line(reproxy_head_t *head, const char *line, apr_size_t size)
{
    if (size < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !apr_isdigit(line[7]) || line[8] != ' ')
        return 0;
    if (!apr_isdigit(line[9]) || !apr_isdigit(line[10]) || !apr_isdigit(line[11]))
        return 0;
    if (size > 12 && line[12] != ' ')
        return 0;
    head->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    head->keeps = line[7] != '0';
    return head->status >= 100;
}

static int is_token(const char *text, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        if (!apr_isalnum(text[i]) && (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
            return 0;
    return size > 0;
}

static int is_value(const char *text, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7F)
            return 0;
    return 1;
}

static int read_field(reproxy_head_t *head, const char *line, apr_size_t size, apr_pool_t *pool)
{
    const char *colon = memchr(line, ':', size), *value, *end = line + size;

    if (!colon || !is_token(line, (apr_size_t)(colon - line)))
        return 0;
    value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (!is_value(value, (apr_size_t)(end - value)))
        return 0;
    apr_table_mergen(head->fields, apr_pstrmemdup(pool, line, (apr_size_t)(colon - line)),
                     apr_pstrmemdup(pool, value, (apr_size_t)(end - value)));
    return 1;
}

/* Repeated fields have been joined: each member must be the same number. */
static int read_length(reproxy_head_t *head, apr_pool_t *pool)
{
    const char *text = apr_table_get(head->fields, "Content-Length");
    char *last, *word;

    head->length = -1;
    if (!text)
        return 1;
    if (!*text)
        return 0;
    for (word = apr_strtok(apr_pstrdup(pool, text), ", ", &last); word;
         word = apr_strtok(NULL, ", ", &last)) {
        apr_off_t number;

        if (!reproxy_head_number(word, &number) || (head->length >= 0 && head->length != number))
            return 0;
        head->length = number;
    }
    return head->length >= 0;
}

static void read_connection(reproxy_head_t *head, apr_pool_t *pool)
{
    const char *text = apr_table_get(head->fields, "Connection");
    char *last, *word;

    if (!text)
        return;
    for (word = apr_strtok(apr_pstrdup(pool, text), ", \t", &last); word;
         word = apr_strtok(NULL, ", \t", &last)) {
        if (strcasecmp(word, "close") == 0) {
            head->keeps = 0;
            return;
        }
        if (strcasecmp(word, "keep-alive") == 0)
            head->keeps = 1;
    }
}

static int read_framing(reproxy_head_t *head, apr_pool_t *pool)
{
    const char *coding = apr_table_get(head->fields, "Transfer-Encoding");

    read_connection(head, pool);
    if (!read_length(head, pool))
        return 0;
    head->chunked = 0;
    if (!coding)
        return 1;
    if (strcasecmp(coding, "chunked") != 0)
        return 0;
    /* Both framings at once: what follows on such a connection is not trusted. */
    if (head->length >= 0)
        head->keeps = 0;
    head->length = -1;
    head->chunked = 1;
    return 1;
}

reproxy_head_e reproxy_head_parse(reproxy_head_t *head, apr_size_t *used, const char *data,
                                  apr_size_t size, apr_pool_t *pool)
{
    const char *end = data + size, *line = data, *next = data;
    apr_ssize_t length = line_at(line, end, &next);

    /* What cannot become a status line is not waited for. */
    if (size > 0 && memcmp(data, "HTTP/1.", size < 7 ? size : 7) != 0)
        return REPROXY_HEAD_BAD;
    if (length < 0)
        return REPROXY_HEAD_MORE;
    if (!read_status_line(head, line, (apr_size_t)length))
        return REPROXY_HEAD_BAD;
    head->fields = apr_table_make(pool, 12);
    for (int count = 0; count < FIELDS_MAX; count++) {
        line = next;
        length = line_at(line, end, &next);
        if (length < 0)
            return REPROXY_HEAD_MORE;
        if (length == 0) {
            *used = (apr_size_t)(next - data);
            return read_framing(head, pool) ? REPROXY_HEAD_DONE : REPROXY_HEAD_BAD;
        }
        if (!read_field(head, line, (apr_size_t)length, pool))
            return REPROXY_HEAD_BAD;
    }
    return REPROXY_HEAD_BAD;
}
