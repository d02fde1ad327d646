/* SPDX-License-Identifier: Apache-2.0 */
#include "status_escape.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

typedef struct sequence_t {
    apr_size_t size; /* bytes of text it covers, at least 1 */
    int valid;
} sequence_t;

/* What the first byte of a sequence demands of the rest: table 3-7 of the Unicode standard. */
typedef struct lead_t {
    unsigned char first, last;     /* first bytes with these demands */
    unsigned char following;       /* continuation bytes */
    unsigned char lowest, highest; /* range of the first of them */
} lead_t;

static const lead_t leads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
    {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

static const lead_t *find_lead(unsigned char byte)
{
    for (apr_size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    }
    return NULL;
}

/* The NUL at the end is no continuation byte, so that nothing behind it is read. */
static sequence_t next_sequence(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const lead_t *lead;
    apr_size_t size = 1;

    if (bytes[0] < 0x80)
        return (sequence_t){1, 1};
    lead = find_lead(bytes[0]);
    if (!lead || bytes[1] < lead->lowest || bytes[1] > lead->highest)
        return (sequence_t){1, 0};
    for (size = 2; size <= lead->following; size++) {
        if (bytes[size] < 0x80 || bytes[size] > 0xBF)
            return (sequence_t){size, 0};
    }
    return (sequence_t){size, 1};
}

/* Returns what takes the place of an ASCII character, or NULL when it stays. scratch: 8 bytes. */
typedef const char *(*substitute_fn)(char character, char *scratch);

static void escape(status_buffer_t *buffer, const char *text, substitute_fn substitute)
{
    char scratch[8];

    while (text && *text) {
        sequence_t sequence = next_sequence(text);
        const char *instead = NULL;

        if (!sequence.valid)
            instead = REPLACEMENT;
        else if (sequence.size == 1)
            instead = substitute(*text, scratch);
        if (instead)
            status_buffer_text(buffer, instead);
        else
            status_buffer_add(buffer, text, sequence.size);
        text += sequence.size;
    }
}

static const char *for_json(char character, char *scratch)
{
    static const char hex[] = "0123456789abcdef";

    switch (character) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if ((unsigned char)character >= 0x20 && character != 0x7F)
        return NULL;
    memcpy(scratch, "\\u00", 4);
    scratch[4] = hex[(unsigned char)character >> 4];
    scratch[5] = hex[(unsigned char)character & 15];
    scratch[6] = '\0';
    return scratch;
}

void status_escape_json(status_buffer_t *buffer, const char *text)
{
    escape(buffer, text, for_json);
}

static int is_control(char character)
{
    return (unsigned char)character < 0x20 || character == 0x7F;
}

static const char *for_html(char character, char *scratch)
{
    (void)scratch;
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
    case '\t':
        return NULL;
    default:
        return is_control(character) ? REPLACEMENT : NULL;
    }
}

/* U+FFFE and U+FFFF are valid UTF-8 and still no characters of XML. */
static int is_noncharacter(const char *text)
{
    return memcmp(text, "\xEF\xBF\xBE", 3) == 0 || memcmp(text, "\xEF\xBF\xBF", 3) == 0;
}

void status_escape_html(status_buffer_t *buffer, const char *text)
{
    apr_size_t begin = buffer->size;

    escape(buffer, text, for_html);
    for (apr_size_t i = begin; i + 3 <= buffer->size; i++) {
        if (is_noncharacter(buffer->data + i))
            memcpy(buffer->data + i, REPLACEMENT, 3);
    }
}

static const char *for_help(char character, char *scratch)
{
    (void)scratch;
    switch (character) {
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    default:
        return is_control(character) ? REPLACEMENT : NULL;
    }
}

static const char *for_label(char character, char *scratch)
{
    return character == '"' ? "\\\"" : for_help(character, scratch);
}

void status_escape_label(status_buffer_t *buffer, const char *text)
{
    escape(buffer, text, for_label);
}

void status_escape_help(status_buffer_t *buffer, const char *text)
{
    escape(buffer, text, for_help);
}

void status_escape_metric_name(status_buffer_t *buffer, const char *text)
{
    for (; text && *text; text++) {
        int plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                    (*text >= '0' && *text <= '9');
        status_buffer_add(buffer, plain ? text : "_", 1);
    }
}
