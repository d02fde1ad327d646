/* SPDX-License-Identifier: Apache-2.0 */
#include "health_state.h"

#include "hash.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define MAGIC     "webtier-health-state 1 "
#define HEAD_SIZE (sizeof(MAGIC) - 1 + 16 + 1) /* checksum in hexadecimal, end of line */
#define FIELDS    9

/* Finds what a crash or a full disk leaves, not what somebody does on purpose. */
static apr_uint64_t checksum(const char *text, apr_size_t size)
{
    return tier_hash_bytes(TIER_HASH_START, text, size);
}

/* A growing text. */
typedef struct writer_t {
    char *text;
    apr_size_t size;
    apr_size_t room;
    apr_pool_t *pool;
} writer_t;

static void add(writer_t *writer, const char *text, apr_size_t size)
{
    if (writer->size + size > writer->room) {
        char *more;

        while (writer->size + size > writer->room)
            writer->room *= 2;
        more = apr_palloc(writer->pool, writer->room);
        memcpy(more, writer->text, writer->size);
        writer->text = more;
    }
    memcpy(writer->text + writer->size, text, size);
    writer->size += size;
}

/* Blanks, control characters and the percent sign as %XX, so that fields and lines stay apart. */
static void add_text(writer_t *writer, const char *text)
{
    char escaped[4];

    if (!*text)
        add(writer, "%00", 3);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c > ' ' && c != '%' && c != 0x7F) {
            add(writer, text, 1);
        } else {
            apr_snprintf(escaped, sizeof(escaped), "%%%02X", c);
            add(writer, escaped, 3);
        }
    }
    add(writer, " ", 1);
}

static void add_number(writer_t *writer, apr_int64_t number, const char *after)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT "%s", number, after);
    add(writer, text, strlen(text));
}

static void add_history(writer_t *writer, const health_member_t *member)
{
    apr_uint32_t count =
        member->transitions < HEALTH_HISTORY ? (apr_uint32_t)member->transitions : HEALTH_HISTORY;

    for (apr_uint32_t i = count; i > 0; i--) {
        const health_transition_t *line = health_member_history(member, i - 1);

        add(writer, "h ", 2);
        add_number(writer, line->when, " ");
        add_number(writer, line->from, " ");
        add_number(writer, line->to, " ");
        add_text(writer, line->reason);
        add(writer, "\n", 1);
    }
}

static void add_member(writer_t *writer, const health_record_t *record)
{
    const health_member_t *member = &record->member;

    add(writer, "m ", 2);
    add_text(writer, record->key.scope);
    add_text(writer, record->key.balancer);
    add_text(writer, record->key.member);
    add_number(writer, member->state, " ");
    add_number(writer, member->mode, " ");
    add_number(writer, member->since, " ");
    add_number(writer, member->ejected_until, " ");
    add_number(writer, member->eject_count, " ");
    add_number(writer, (apr_int64_t)member->transitions, " \n");
    add_history(writer, member);
}

const char *health_state_encode(health_table_t *table, apr_size_t *size, apr_pool_t *pool)
{
    writer_t writer = {.room = 4096, .pool = pool};
    char head[HEAD_SIZE + 1];

    writer.text = apr_palloc(pool, writer.room);
    writer.size = HEAD_SIZE;
    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        const health_entry_t *entry = health_table_at(table, i);

        if (entry)
            add_member(&writer, &entry->record);
    }
    apr_snprintf(head, sizeof(head), MAGIC "%016" APR_UINT64_T_HEX_FMT "\n",
                 checksum(writer.text + HEAD_SIZE, writer.size - HEAD_SIZE));
    memcpy(writer.text, head, HEAD_SIZE);
    *size = writer.size;
    return writer.text;
}

apr_uint64_t health_state_version(health_table_t *table)
{
    apr_uint64_t version = 0;

    for (apr_uint32_t i = 0; i < health_table_capacity(table); i++) {
        const health_entry_t *entry = health_table_at(table, i);

        if (entry)
            version += (entry->record.member.transitions + 1) * health_key_hash(&entry->record.key);
    }
    return version;
}

/* Reading. */

/* Where the reader is in the text; line ends are zero bytes already. */
typedef struct reader_t {
    char *next;
    char *end;
} reader_t;

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes add_text() in place. Returns 0 when it is none. */
static int unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from == '%') {
            int high = hex_value(from[1]);
            int low = high < 0 ? -1 : hex_value(from[2]);

            if (low < 0)
                return 0;
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return 1;
}

/* Cuts a line into its fields, each ended by a blank. Returns how many, at most max. */
static int cut(char *line, char **fields, int max)
{
    int count = 0;

    for (char *blank; count < max && (blank = strchr(line, ' ')) != NULL; line = blank + 1) {
        *blank = '\0';
        fields[count++] = line;
    }
    return *line ? -1 : count;
}

static int read_number(const char *text, apr_int64_t max, apr_int64_t *number)
{
    char *end;

    if (!apr_isdigit(*text))
        return 0;
    *number = apr_strtoi64(text, &end, 10);
    return *end == '\0' && *number >= 0 && *number <= max;
}

static int read_member(health_record_t *record, char *line)
{
    static const apr_int64_t max[] = {HEALTH_DOWN,   HEALTH_MODE_MAINTENANCE, APR_INT64_MAX,
                                      APR_INT64_MAX, APR_INT32_MAX,           APR_INT64_MAX};
    health_member_t *member = &record->member;
    char *fields[FIELDS];
    apr_int64_t numbers[FIELDS - 3];

    if (cut(line, fields, FIELDS) != FIELDS)
        return 0;
    for (int i = 0; i < FIELDS - 3; i++) {
        if (!read_number(fields[i + 3], max[i], &numbers[i]))
            return 0;
    }
    if (!unescape(fields[0]) || !unescape(fields[1]) || !unescape(fields[2]) || !*fields[1] ||
        !*fields[2] || !health_key_set(&record->key, fields[0], fields[1], fields[2]))
        return 0;
    health_member_init(member, numbers[2]);
    member->state = (apr_uint32_t)numbers[0];
    member->mode = (apr_uint32_t)numbers[1];
    member->ejected_until = numbers[3];
    member->eject_count = (apr_uint32_t)numbers[4];
    member->transitions = (apr_uint64_t)numbers[5];
    return 1;
}

/* One line of the history, oldest first; left is how many follow it. */
static int read_transition(health_member_t *member, char *line, apr_uint32_t left)
{
    char *fields[4];
    apr_int64_t when, from, to;
    health_transition_t *transition;

    if (cut(line, fields, 4) != 4 || !read_number(fields[0], APR_INT64_MAX, &when) ||
        !read_number(fields[1], HEALTH_MAINTENANCE, &from) ||
        !read_number(fields[2], HEALTH_MAINTENANCE, &to) || !unescape(fields[3]))
        return 0;
    transition = &member->history[(member->transitions - 1 - left) % HEALTH_HISTORY];
    transition->when = when;
    transition->from = (apr_uint32_t)from;
    transition->to = (apr_uint32_t)to;
    apr_cpystrn(transition->reason, fields[3], sizeof(transition->reason));
    return 1;
}

/* Returns the next line, without its end, when it begins like that; else NULL. */
static char *next_line(reader_t *reader, char kind)
{
    char *line = reader->next;

    if (line >= reader->end || line[0] != kind || line[1] != ' ')
        return NULL;
    reader->next = line + strlen(line) + 1;
    return line + 2;
}

static int read_record(reader_t *reader, health_record_t *record)
{
    char *line = next_line(reader, 'm');
    apr_uint32_t left;

    memset(record, 0, sizeof(*record));
    if (!line || !read_member(record, line))
        return 0;
    left = record->member.transitions < HEALTH_HISTORY ? (apr_uint32_t)record->member.transitions
                                                       : HEALTH_HISTORY;
    while (left > 0) {
        line = next_line(reader, 'h');
        if (!line || !read_transition(&record->member, line, --left))
            return 0;
    }
    return 1;
}

static const char *check_head(const char *text, apr_size_t size)
{
    char sum[17];

    if (size < HEAD_SIZE || memcmp(text, MAGIC, sizeof(MAGIC) - 1) != 0)
        return "it is none of this version";
    apr_snprintf(sum, sizeof(sum), "%016" APR_UINT64_T_HEX_FMT,
                 checksum(text + HEAD_SIZE, size - HEAD_SIZE));
    if (memcmp(text + sizeof(MAGIC) - 1, sum, 16) != 0 || text[HEAD_SIZE - 1] != '\n')
        return "its checksum is wrong";
    if (memchr(text, '\0', size) || text[size - 1] != '\n')
        return "it is no text";
    return NULL;
}

const char *health_state_decode(const char *text, apr_size_t size,
                                void (*visit)(void *visitor, const health_record_t *record),
                                void *visitor, apr_pool_t *pool)
{
    const char *problem = check_head(text, size);
    health_record_t *record = apr_palloc(pool, sizeof(*record));
    reader_t reader;
    int pass = 0;

    if (problem)
        return problem;
    /* Once to see that all of it is right, once to take it. */
    for (; pass < 2; pass++) {
        reader.next = apr_pmemdup(pool, text + HEAD_SIZE, size - HEAD_SIZE + 1);
        reader.end = reader.next + (size - HEAD_SIZE);
        for (char *c = reader.next; c < reader.end; c++)
            *c = *c == '\n' ? '\0' : *c;
        while (reader.next < reader.end) {
            if (!read_record(&reader, record))
                return "a line of it is wrong";
            if (pass == 1)
                visit(visitor, record);
        }
    }
    return NULL;
}
