/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_text.h"

#include <apr_lib.h>

#include <stdio.h>
#include <string.h>

#define LAST_CODE    0x10ffffu
#define REPLACEMENT  0xfffdu
#define LONGEST_UTF8 4

int assets_text_is(const char *text, apr_size_t size, const char *word)
{
    for (apr_size_t i = 0; i < size; i++) {
        /* NUL in text is not the end of word */
        if (word[i] == '\0' || assets_text_lower(text[i]) != word[i])
            return 0;
    }
    return word[size] == '\0';
}

/* A text that is being decoded. */
typedef struct writer_t {
    char *data;
    apr_uint32_t *places;
    apr_size_t size;
} writer_t;

/* What is decoded is never longer than its source. */
static void begin(writer_t *writer, apr_size_t size, apr_pool_t *pool)
{
    writer->data = apr_palloc(pool, size + 1);
    writer->places = apr_palloc(pool, (size + 1) * sizeof(*writer->places));
    writer->size = 0;
}

static void put(writer_t *writer, char c, apr_size_t place)
{
    writer->data[writer->size] = c;
    writer->places[writer->size++] = (apr_uint32_t)place;
}

static void finish(assets_text_t *text, writer_t *writer, apr_size_t place)
{
    writer->places[writer->size] = (apr_uint32_t)place;
    text->data = writer->data;
    text->size = writer->size;
    text->places = writer->places;
}

static apr_size_t to_utf8(char *bytes, apr_uint32_t code)
{
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    bytes[0] = (char)(0xf0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
    bytes[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* One character written by room bytes of source: never more bytes than that. */
static void put_code(writer_t *writer, apr_uint32_t code, apr_size_t place, apr_size_t room)
{
    char bytes[LONGEST_UTF8];
    apr_size_t size;

    if (code == 0 || code > LAST_CODE || (code >= 0xd800 && code <= 0xdfff))
        code = REPLACEMENT;
    size = to_utf8(bytes, code);
    if (size > room) {
        bytes[0] = '?'; /* as good as any: only text that is nobody's URL is so short */
        size = 1;
    }
    for (apr_size_t i = 0; i < size; i++)
        put(writer, bytes[i], place);
}

/* Reads digits; returns how many. *code stops at LAST_CODE + 1. */
static apr_size_t read_digits(apr_uint32_t *code, const char *source, apr_size_t size,
                              apr_uint32_t base)
{
    apr_size_t i;

    *code = 0;
    for (i = 0; i < size; i++) {
        apr_uint32_t digit;

        if (source[i] >= '0' && source[i] <= '9') {
            digit = (apr_uint32_t)(source[i] - '0');
        } else if (base == 16 && apr_isxdigit(source[i])) {
            digit = (apr_uint32_t)(apr_tolower(source[i]) - 'a' + 10);
        } else {
            break;
        }
        *code = *code * base + digit;
        if (*code > LAST_CODE)
            *code = LAST_CODE + 1;
    }
    return i;
}

/* HTML. */

typedef struct name_t {
    const char *name;
    char means;
    char is_old; /* known without its semicolon, too */
} name_t;

/* Those of the standard's list that stand for one ASCII character. */
static const name_t names[] = {
    {"amp", '&', 1},     {"AMP", '&', 1},    {"lt", '<', 1},           {"LT", '<', 1},
    {"gt", '>', 1},      {"GT", '>', 1},     {"quot", '"', 1},         {"QUOT", '"', 1},
    {"apos", '\'', 0},   {"sol", '/', 0},    {"bsol", '\\', 0},        {"colon", ':', 0},
    {"period", '.', 0},  {"comma", ',', 0},  {"semi", ';', 0},         {"num", '#', 0},
    {"quest", '?', 0},   {"equals", '=', 0}, {"lowbar", '_', 0},       {"UnderBar", '_', 0},
    {"percnt", '%', 0},  {"excl", '!', 0},   {"lpar", '(', 0},         {"rpar", ')', 0},
    {"lsqb", '[', 0},    {"lbrack", '[', 0}, {"rsqb", ']', 0},         {"rbrack", ']', 0},
    {"lcub", '{', 0},    {"lbrace", '{', 0}, {"rcub", '}', 0},         {"rbrace", '}', 0},
    {"plus", '+', 0},    {"ast", '*', 0},    {"midast", '*', 0},       {"commat", '@', 0},
    {"dollar", '$', 0},  {"Hat", '^', 0},    {"grave", '`', 0},        {"DiacriticalGrave", '`', 0},
    {"verbar", '|', 0},  {"vert", '|', 0},   {"VerticalLine", '|', 0}, {"Tab", '\t', 0},
    {"NewLine", '\n', 0}};

/* Returns how many bytes after the ampersand are the reference, its semicolon included; 0: none. */
static apr_size_t read_named(char *means, const char *source, apr_size_t size)
{
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        apr_size_t length = strlen(names[i].name);

        if (length > size || memcmp(source, names[i].name, length) != 0)
            continue;
        *means = names[i].means;
        if (length < size && source[length] == ';')
            return length + 1;
        /* In an attribute "&amp=" and "&ampx" are what they look like. */
        if (names[i].is_old &&
            (length == size || (source[length] != '=' && !assets_text_is_alnum(source[length]))))
            return length;
    }
    return 0;
}

static apr_size_t read_numeric(apr_uint32_t *code, const char *source, apr_size_t size)
{
    apr_size_t start = size > 1 && (source[1] == 'x' || source[1] == 'X') ? 2 : 1;
    apr_size_t digits = read_digits(code, source + start, size - start, start == 2 ? 16 : 10);

    if (digits == 0)
        return 0;
    if (start + digits < size && source[start + digits] == ';')
        digits++;
    return start + digits;
}

/* Decodes what begins with the ampersand at place; returns how many bytes that was. */
static apr_size_t put_reference(writer_t *writer, const char *source, apr_size_t size,
                                apr_size_t place)
{
    const char *rest = source + place + 1;
    apr_size_t left = size - place - 1;
    apr_uint32_t code;
    apr_size_t length = 0;
    char means;

    if (left > 0 && rest[0] == '#') {
        length = read_numeric(&code, rest, left);
        if (length > 0)
            put_code(writer, code, place, length + 1);
    } else {
        length = read_named(&means, rest, left);
        if (length > 0)
            put(writer, means, place);
    }
    if (length == 0)
        put(writer, '&', place);
    return length + 1;
}

void assets_text_from_attribute(assets_text_t *text, const char *source, apr_size_t size,
                                apr_pool_t *pool)
{
    writer_t writer;
    apr_size_t i = 0;

    *text = (assets_text_t){source, size, NULL};
    if (!memchr(source, '&', size))
        return;
    begin(&writer, size, pool);
    while (i < size) {
        if (source[i] == '&') {
            i += put_reference(&writer, source, size, i);
        } else {
            put(&writer, source[i], i);
            i++;
        }
    }
    finish(text, &writer, size);
}

/* CSS. */

/* Decodes the escape whose backslash is at place; returns how many bytes that was. */
static apr_size_t put_escape(writer_t *writer, const char *source, apr_size_t size,
                             apr_size_t place)
{
    const char *rest = source + place + 1;
    apr_size_t left = size - place - 1;
    apr_uint32_t code;
    apr_size_t digits = read_digits(&code, rest, left < 6 ? left : 6, 16);

    if (digits > 0) {
        put_code(writer, code, place, digits + 1);
        if (digits + 1 < left && rest[digits] == '\r' && rest[digits + 1] == '\n')
            digits++;
        if (digits < left && assets_text_is_space(rest[digits]))
            digits++;
        return digits + 1;
    }
    if (left == 0)
        return 1;
    if (rest[0] == '\n' || rest[0] == '\f') /* a string goes on in the next line */
        return 2;
    if (rest[0] == '\r')
        return left > 1 && rest[1] == '\n' ? 3 : 2;
    put(writer, rest[0], place);
    return 2;
}

void assets_text_from_css(assets_text_t *text, const char *source, apr_size_t size,
                          apr_pool_t *pool)
{
    writer_t writer;
    apr_size_t i = 0;

    *text = (assets_text_t){source, size, NULL};
    if (!memchr(source, '\\', size))
        return;
    begin(&writer, size, pool);
    while (i < size) {
        if (source[i] == '\\') {
            i += put_escape(&writer, source, size, i);
        } else {
            put(&writer, source[i], i);
            i++;
        }
    }
    finish(text, &writer, size);
}

/* Writing. */

static int is_plain_in_attribute(char c, char quote)
{
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
        return 0;
    return quote || !(assets_text_is_space(c) || c == '=' || c == '`');
}

/* A '\' before these would change what follows, or end the string or url() early. */
static int is_plain_in_css(char c, char quote)
{
    if (c == '\\' || c == '"' || c == '\'' || c == '<' || (unsigned char)c < 0x20 || c == 0x7f)
        return 0;
    return quote || !(c == ' ' || c == '(' || c == ')');
}

typedef int (*plain_t)(char c, char quote);

/* The longest way to write one character is "&#255;". */
#define LONGEST 8

static apr_size_t write_text(const char **source, const char *data, apr_size_t size, char quote,
                             plain_t is_plain, apr_pool_t *pool)
{
    const char *end = data + size;
    const char *from = data;
    char *out, *to;

    while (from < end && is_plain(*from, quote))
        from++;
    *source = data;
    if (from == end)
        return size;
    out = to = apr_palloc(pool, size * LONGEST + 1);
    for (from = data; from < end; from++) {
        unsigned code = (unsigned char)*from;

        if (is_plain(*from, quote)) {
            *to++ = *from;
        } else if (is_plain == is_plain_in_css) {
            to += snprintf(to, LONGEST + 1, "\\%x ", code);
        } else {
            to += snprintf(to, LONGEST + 1, "&#%u;", code);
        }
    }
    *source = out;
    return (apr_size_t)(to - out);
}

apr_size_t assets_text_to_attribute(const char **source, const char *data, apr_size_t size,
                                    char quote, apr_pool_t *pool)
{
    return write_text(source, data, size, quote, is_plain_in_attribute, pool);
}

apr_size_t assets_text_to_css(const char **source, const char *data, apr_size_t size, char quote,
                              apr_pool_t *pool)
{
    return write_text(source, data, size, quote, is_plain_in_css, pool);
}
