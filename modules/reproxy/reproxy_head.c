/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_head.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define FIELDS_MAX 200
#define TOKEN      1 /* may be part of a field's name */
#define VALUE      2 /* may be part of its value */
#define BOTH       (TOKEN | VALUE)

/* RFC 9110, 5.1 and 5.5. */
static const unsigned char classes[256] = {
    ['\t'] = VALUE,        [' '] = VALUE,         ['!'] = BOTH,         ['"'] = VALUE,
    ['#' ... '\''] = BOTH, ['(' ... ')'] = VALUE, ['*' ... '+'] = BOTH, [','] = VALUE,
    ['-' ... '.'] = BOTH,  ['/'] = VALUE,         ['0' ... '9'] = BOTH, [':' ... '@'] = VALUE,
    ['A' ... 'Z'] = BOTH,  ['[' ... ']'] = VALUE, ['^' ... 'z'] = BOTH, ['{'] = VALUE,
    ['|'] = BOTH,          ['}'] = VALUE,         ['~'] = BOTH,         [0x80 ... 0xFF] = VALUE,
};

/* Returns 1 and the number when the text is digits alone and fits. */
static int read_number(const char *text, apr_size_t size, apr_off_t *number)
{
    apr_int64_t value = 0;

    for (apr_size_t i = 0; i < size; i++) {
        int digit = text[i] - '0';

        if (!apr_isdigit(text[i]) || value > (INT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *number = (apr_off_t)value;
    return size > 0;
}

int reproxy_head_number(const char *text, apr_off_t *number)
{
    apr_off_t value;

    if (!read_number(text, strlen(text), &value))
        return 0;
    *number = value;
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

static int is_all(const char *text, apr_size_t size, int class)
{
    for (apr_size_t i = 0; i < size; i++)
        if (!(classes[(unsigned char)text[i]] & class))
            return 0;
    return 1;
}

static int is_field(const char *line, apr_size_t size)
{
    const char *colon = memchr(line, ':', size);
    apr_size_t name = colon ? (apr_size_t)(colon - line) : 0;

    return name > 0 && is_all(line, name, TOKEN) && is_all(colon, size - name, VALUE);
}

/* Looks at the whole head, and changes nothing. */
static reproxy_head_e check(reproxy_head_t *head, apr_size_t *used, const char *data,
                            apr_size_t size)
{
    const char *end = data + size, *next = data;
    apr_ssize_t length = line_at(data, end, &next);

    /* What cannot become a status line is not waited for. */
    if (size > 0 && memcmp(data, "HTTP/1.", size < 7 ? size : 7) != 0)
        return REPROXY_HEAD_BAD;
    if (length < 0)
        return REPROXY_HEAD_MORE;
    if (!read_status_line(head, data, (apr_size_t)length))
        return REPROXY_HEAD_BAD;
    for (int count = 0; count < FIELDS_MAX; count++) {
        const char *line = next;

        length = line_at(line, end, &next);
        if (length < 0)
            return REPROXY_HEAD_MORE;
        if (length == 0) {
            *used = (apr_size_t)(next - data);
            return REPROXY_HEAD_DONE;
        }
        if (!is_field(line, (apr_size_t)length))
            return REPROXY_HEAD_BAD;
    }
    return REPROXY_HEAD_BAD;
}

static int is_space(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* Returns the next word of a list, and moves *text behind it; NULL: there is none. */
static const char *next_word(const char **text, apr_size_t *size)
{
    const char *word = *text, *end;

    while (is_space(*word))
        word++;
    for (end = word; *end && !is_space(*end); end++) {
    }
    *size = (apr_size_t)(end - word);
    *text = end;
    return *size > 0 ? word : NULL;
}

/* Each member, and each repeated field, must be the same number. */
static int read_length(reproxy_head_t *head, const char *text)
{
    apr_off_t number = -1;
    apr_size_t size;
    const char *word;

    while ((word = next_word(&text, &size)) != NULL) {
        if (!read_number(word, size, &number) || (head->length >= 0 && head->length != number))
            return 0;
        head->length = number;
    }
    return number >= 0;
}

static int has_word(const char *text, const char *wanted)
{
    apr_size_t size;
    const char *word;

    while ((word = next_word(&text, &size)) != NULL)
        if (size == strlen(wanted) && strncasecmp(word, wanted, size) == 0)
            return 1;
    return 0;
}

/* What the fields say together of the framing. */
typedef struct framing_t {
    int closes;
    int stays;
} framing_t;

static int read_coding(reproxy_head_t *head, const char *value)
{
    if (head->chunked || strcasecmp(value, "chunked") != 0)
        return 0;
    head->chunked = 1;
    return 1;
}

static void take_first(const char **place, const char *value)
{
    if (!*place)
        *place = value;
}

static int is_named(const char *name, apr_size_t size, const char *wanted, apr_size_t wanted_size)
{
    return size == wanted_size && strncasecmp(name, wanted, size) == 0;
}

#define IS(wanted) is_named(name, size, wanted, sizeof(wanted) - 1)

/* Takes a field whose name has that size. Returns 0 when the end of the answer, or which part of
 * the file it is, cannot be told. */
static int read_field(reproxy_head_t *head, framing_t *framing, const char *name, apr_size_t size,
                      const char *value)
{
    if (IS("Content-Length"))
        return read_length(head, value);
    if (IS("Transfer-Encoding"))
        return read_coding(head, value);
    if (IS("Connection")) {
        framing->closes |= has_word(value, "close");
        framing->stays |= has_word(value, "keep-alive");
    } else if (IS("Content-Range")) {
        take_first(&head->content_range, value);
        return strcmp(head->content_range, value) == 0;
    } else if (IS("ETag")) {
        take_first(&head->etag, value);
    } else if (IS("Last-Modified")) {
        take_first(&head->modified, value);
    } else if (IS("Accept-Ranges")) {
        take_first(&head->accept_ranges, value);
    } else if (IS("Location")) {
        take_first(&head->location, value);
    }
    return 1;
}

/* Moves a field to where the ones before it end: name, NUL, value, NUL. Returns its value. */
static char *cut_field(char **to, char *line, apr_size_t size)
{
    char *end = line + size, *colon = memchr(line, ':', size), *text = colon + 1, *value;

    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    memmove(*to, line, (apr_size_t)(colon - line));
    value = *to + (colon - line);
    *value++ = '\0';
    memmove(value, text, (apr_size_t)(end - text));
    *to = value + (end - text);
    *(*to)++ = '\0';
    return value;
}

static int read_fields(reproxy_head_t *head, framing_t *framing, char *data, apr_size_t size)
{
    const char *end = data + size, *next;
    char *line = memchr(data, '\n', size), *to = data;

    head->fields = data;
    for (line++;; line = data + (next - data)) {
        apr_ssize_t length = line_at(line, end, &next);
        const char *name = to, *value;

        if (length <= 0)
            break;
        value = cut_field(&to, line, (apr_size_t)length);
        if (!read_field(head, framing, name, (apr_size_t)(value - name) - 1, value))
            return 0;
    }
    *to = '\0';
    return 1;
}

reproxy_head_e reproxy_head_parse(reproxy_head_t *head, apr_size_t *used, char *data,
                                  apr_size_t size)
{
    framing_t framing = {0, 0};
    reproxy_head_e result;

    memset(head, 0, sizeof(*head));
    head->length = -1;
    result = check(head, used, data, size);
    if (result != REPROXY_HEAD_DONE)
        return result;
    if (!read_fields(head, &framing, data, *used))
        return REPROXY_HEAD_BAD;
    if (framing.closes || framing.stays)
        head->keeps = !framing.closes;
    if (head->chunked) {
        /* Both framings at once: what follows on such a connection is not trusted. */
        if (head->length >= 0)
            head->keeps = 0;
        head->length = -1;
    }
    return REPROXY_HEAD_DONE;
}

const char *reproxy_head_get(const reproxy_head_t *head, const char *name, apr_pool_t *pool)
{
    const char *found = NULL, *at = head->fields;

    while (*at) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, name) == 0)
            found = found ? apr_pstrcat(pool, found, ", ", value, NULL) : apr_pstrdup(pool, value);
        at = value + strlen(value) + 1;
    }
    return found;
}
