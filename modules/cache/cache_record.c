/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_record.h"
#include "cache_checksum.h"
#include "cache_text.h"

#include <endian.h>
#include <string.h>

enum {
    AT_SUM = 4,
    AT_HEAD_SIZE = 8,
    AT_BODY_SUM = 12,
    AT_BODY_SIZE = 16,
    AT_KIND = 24,
    AT_STATUS = 26,
    AT_FLAGS = 28,
    AT_RECEIVED = 32,
    AT_AGE = 40,
    AT_LIFETIME = 48,
    AT_WHILE_REVALIDATE = 56,
    AT_IF_ERROR = 64,
    AT_GENERATION = 72,
    AT_FIELDS = 80
};

static const unsigned char magic[4] = {'W', 'T', 'C', CACHE_RECORD_VERSION};

static inline void put(unsigned char *out, apr_uint64_t value, apr_size_t bytes)
{
    value = htole64(value);
    memcpy(out, &value, bytes);
}

static inline apr_uint64_t get(const unsigned char *in, apr_size_t bytes)
{
    apr_uint64_t value = 0;

    memcpy(&value, in, bytes);
    return le64toh(value);
}

static apr_size_t text_size(const char *text)
{
    return 4 + strlen(text) + 1;
}

static const apr_array_header_t *fields_of(const apr_table_t *headers)
{
    static const apr_array_header_t none;

    return headers ? apr_table_elts(headers) : &none;
}

static const char *tags_of(const cache_record_t *record)
{
    return record->tags ? record->tags : "";
}

apr_size_t cache_record_head_size(const cache_record_t *record, const apr_table_t *headers)
{
    const apr_array_header_t *fields = fields_of(headers);
    apr_size_t size = CACHE_RECORD_FIXED_SIZE + text_size(record->key) +
                      text_size(record->status_line) + text_size(tags_of(record));

    for (int i = 0; i < fields->nelts; i++) {
        const apr_table_entry_t *field = &APR_ARRAY_IDX(fields, i, apr_table_entry_t);

        size += text_size(field->key) + text_size(field->val);
    }
    return size;
}

static unsigned char *put_text(unsigned char *out, const char *text)
{
    apr_size_t size = strlen(text);

    put(out, size, 4);
    memcpy(out + 4, text, size + 1);
    return out + 4 + size + 1;
}

void cache_record_write_head(unsigned char *out, const cache_record_t *record,
                             const apr_table_t *headers)
{
    const cache_life_t *life = &record->life;
    const apr_array_header_t *fields = fields_of(headers);
    unsigned char *at = out + CACHE_RECORD_FIXED_SIZE;

    memset(out, 0, CACHE_RECORD_FIXED_SIZE);
    memcpy(out, magic, sizeof(magic));
    put(out + AT_KIND, (apr_uint64_t)record->kind, 2);
    put(out + AT_STATUS, (apr_uint64_t)record->status, 2);
    put(out + AT_FLAGS, life->flags, 4);
    put(out + AT_RECEIVED, (apr_uint64_t)life->received, 8);
    put(out + AT_AGE, (apr_uint64_t)life->initial_age, 8);
    put(out + AT_LIFETIME, (apr_uint64_t)life->lifetime, 8);
    put(out + AT_WHILE_REVALIDATE, (apr_uint64_t)life->stale_while_revalidate, 8);
    put(out + AT_IF_ERROR, (apr_uint64_t)life->stale_if_error, 8);
    put(out + AT_GENERATION, record->generation, 8);
    put(out + AT_FIELDS, (apr_uint64_t)fields->nelts, 4);
    at = put_text(at, record->key);
    at = put_text(at, record->status_line);
    at = put_text(at, tags_of(record));
    for (int i = 0; i < fields->nelts; i++) {
        const apr_table_entry_t *field = &APR_ARRAY_IDX(fields, i, apr_table_entry_t);

        at = put_text(put_text(at, field->key), field->val);
    }
    put(out + AT_HEAD_SIZE, (apr_uint64_t)(at - out), 4);
}

void cache_record_seal(unsigned char *data, apr_size_t size, cache_record_trust_e trust)
{
    apr_size_t head = (apr_size_t)get(data + AT_HEAD_SIZE, 4);

    put(data + AT_BODY_SIZE, size - head, 8);
    if (trust == CACHE_RECORD_TRUSTED)
        return;
    put(data + AT_BODY_SUM, cache_checksum(data + head, size - head), 4);
    put(data + AT_SUM, cache_checksum(data + 8, head - 8), 4);
}

void cache_record_set_lifetime(unsigned char *data, apr_int64_t lifetime)
{
    apr_size_t head = (apr_size_t)get(data + AT_HEAD_SIZE, 4);

    put(data + AT_LIFETIME, (apr_uint64_t)lifetime, 8);
    put(data + AT_SUM, cache_checksum(data + 8, head - 8), 4);
}

/* Where reading is: at the length of a text that must end before end. */
typedef struct reader_t {
    const unsigned char *at;
    const unsigned char *end;
} reader_t;

/*
 * Sets *text to the next text. Returns 0 when it does not fit, is not terminated, or has a zero
 * inside.
 */
static int take_text(reader_t *reader, cache_span_t *text)
{
    apr_size_t left = (apr_size_t)(reader->end - reader->at);
    apr_size_t size;

    if (left < 5)
        return 0;
    size = (apr_size_t)get(reader->at, 4);
    if (size > left - 5 || reader->at[4 + size] != '\0')
        return 0;
    text->data = (const char *)reader->at + 4;
    text->size = size;
    if (memchr(text->data, '\0', size))
        return 0;
    reader->at += 4 + size + 1;
    return 1;
}

static int check_fields(reader_t *reader, apr_uint32_t count)
{
    cache_span_t name;
    cache_span_t value;

    for (; count > 0; count--) {
        if (!take_text(reader, &name) || !take_text(reader, &value) || !cache_text_is_token(name) ||
            !cache_text_is_value(value))
            return 0;
    }
    return reader->at == reader->end;
}

static void read_numbers(cache_record_t *record, const unsigned char *data)
{
    cache_life_t *life = &record->life;

    record->kind = (cache_record_kind_e)get(data + AT_KIND, 2);
    record->status = (int)get(data + AT_STATUS, 2);
    record->generation = get(data + AT_GENERATION, 8);
    record->field_count = (apr_uint32_t)get(data + AT_FIELDS, 4);
    life->flags = (apr_uint32_t)get(data + AT_FLAGS, 4);
    life->received = (apr_time_t)get(data + AT_RECEIVED, 8);
    life->initial_age = (apr_interval_time_t)get(data + AT_AGE, 8);
    life->lifetime = (apr_int64_t)get(data + AT_LIFETIME, 8);
    life->stale_while_revalidate = (apr_int64_t)get(data + AT_WHILE_REVALIDATE, 8);
    life->stale_if_error = (apr_int64_t)get(data + AT_IF_ERROR, 8);
}

static int is_delta(apr_int64_t seconds, apr_int64_t lowest)
{
    return seconds >= lowest && seconds <= CACHE_DELTA_MAX;
}

/* Bounds that keep later arithmetic within 64 bits and later code within what httpd can send. */
static int numbers_are_sane(const cache_record_t *record)
{
    const cache_life_t *life = &record->life;
    const apr_time_t latest = apr_time_from_sec(APR_INT64_C(253402300800)); /* the year 10000 */

    if (record->kind != CACHE_RECORD_RESPONSE && record->kind != CACHE_RECORD_VARIANTS)
        return 0;
    if (record->kind == CACHE_RECORD_RESPONSE && (record->status < 200 || record->status > 999))
        return 0;
    return is_delta(life->lifetime, 0) && is_delta(life->stale_while_revalidate, 0) &&
           is_delta(life->stale_if_error, CACHE_DELTA_NONE) && life->received >= 0 &&
           life->received < latest && life->initial_age >= 0 && life->initial_age < latest;
}

apr_size_t cache_record_head_of(const unsigned char *data, apr_size_t size)
{
    apr_size_t head;

    if (size < CACHE_RECORD_FIXED_SIZE || memcmp(data, magic, sizeof(magic)) != 0)
        return 0;
    head = (apr_size_t)get(data + AT_HEAD_SIZE, 4);
    if (head < CACHE_RECORD_FIXED_SIZE || head > size || get(data + AT_BODY_SIZE, 8) != size - head)
        return 0;
    return head;
}

int cache_record_parse(cache_record_t *record, const unsigned char *data, apr_size_t size,
                       cache_record_trust_e trust)
{
    apr_size_t head = cache_record_head_of(data, size);
    reader_t reader = {data + CACHE_RECORD_FIXED_SIZE, data + head};
    cache_span_t key;
    cache_span_t status_line;
    cache_span_t tags;

    if (head == 0)
        return 0;
    if (trust == CACHE_RECORD_UNTRUSTED &&
        cache_checksum(data + 8, head - 8) != get(data + AT_SUM, 4))
        return 0;
    read_numbers(record, data);
    if (!numbers_are_sane(record) || !take_text(&reader, &key) ||
        !take_text(&reader, &status_line) || !take_text(&reader, &tags))
        return 0;
    record->key = key.data;
    record->status_line = status_line.data;
    record->tags = tags.data;
    record->fields = reader.at;
    record->body = data + head;
    record->body_size = size - head;
    if (trust == CACHE_RECORD_TRUSTED)
        return 1;
    return cache_text_is_value(status_line) && check_fields(&reader, record->field_count) &&
           cache_checksum(record->body, record->body_size) == get(data + AT_BODY_SUM, 4);
}

void cache_record_add_fields(const cache_record_t *record, apr_table_t *headers)
{
    const unsigned char *at = record->fields;

    for (apr_uint32_t i = 0; i < record->field_count; i++) {
        const char *name = (const char *)at + 4;
        const char *value;

        at += 4 + get(at, 4) + 1;
        value = (const char *)at + 4;
        at += 4 + get(at, 4) + 1;
        apr_table_addn(headers, name, value);
    }
}
