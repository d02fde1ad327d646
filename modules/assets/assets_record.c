/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_record.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define SKEW apr_time_from_sec(60)

typedef struct writer_t {
    char *data;
    apr_size_t size;
    int is_full;
} writer_t;

static void put(writer_t *writer, const char *text, apr_size_t size)
{
    if (writer->is_full || size > ASSETS_RECORD_LARGEST - writer->size) {
        writer->is_full = 1;
        return;
    }
    memcpy(writer->data + writer->size, text, size);
    writer->size += size;
}

static int put_field(void *data, const char *name, const char *value)
{
    writer_t *writer = data;

    if (strpbrk(name, ":\n") || strchr(value, '\n'))
        writer->is_full = 1;
    put(writer, name, strlen(name));
    put(writer, ":", 1);
    put(writer, value, strlen(value));
    put(writer, "\n", 1);
    return !writer->is_full;
}

const char *assets_record_write(const assets_record_t *record, apr_size_t *size, apr_pool_t *pool)
{
    writer_t writer = {apr_palloc(pool, ASSETS_RECORD_LARGEST), 0, 0};
    const char *head =
        apr_psprintf(pool,
                     "2 %d %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
                     " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT "\n",
                     record->is_complete, (apr_int64_t)apr_time_sec(record->fetched),
                     (apr_int64_t)apr_time_sec(record->expires), (apr_int64_t)record->length,
                     (apr_int64_t)record->fingerprint, (apr_int64_t)record->version);

    put(&writer, head, strlen(head));
    apr_table_do(put_field, &writer, record->fields, NULL);
    *size = writer.size;
    return writer.is_full ? NULL : writer.data;
}

/* Reads a number and the byte behind it; returns 0 when that is another one. */
static int read_number(char **cursor, apr_int64_t *number, char behind)
{
    char *end;

    *number = apr_strtoi64(*cursor, &end, 10);
    if (end == *cursor || *end != behind)
        return 0;
    *cursor = end + 1;
    return 1;
}

static apr_status_t read_fields(assets_record_t *record, char *cursor, apr_pool_t *pool)
{
    record->fields = apr_table_make(pool, 8);
    while (*cursor) {
        char *end = strchr(cursor, '\n');
        char *colon = end ? memchr(cursor, ':', (apr_size_t)(end - cursor)) : NULL;

        if (!colon || colon == cursor)
            return APR_EINVAL;
        *colon = *end = '\0';
        apr_table_addn(record->fields, cursor, colon + 1);
        cursor = end + 1;
    }
    return APR_SUCCESS;
}

apr_status_t assets_record_read(assets_record_t *record, const char *data, apr_size_t size,
                                apr_pool_t *pool)
{
    char *cursor = apr_pstrmemdup(pool, data, size);
    apr_int64_t version, complete, fetched, expires, length, fingerprint = 0, tag = 0;

    if (memchr(data, '\0', size) || !read_number(&cursor, &version, ' ') || version < 1 ||
        version > 2 || !read_number(&cursor, &complete, ' ') ||
        !read_number(&cursor, &fetched, ' ') || !read_number(&cursor, &expires, ' ') ||
        !read_number(&cursor, &length, version == 1 ? '\n' : ' ') ||
        (version == 2 &&
         (!read_number(&cursor, &fingerprint, ' ') || !read_number(&cursor, &tag, '\n'))))
        return APR_EINVAL;
    if (fetched < 0 || fetched > APR_INT32_MAX * APR_INT64_C(4) || expires < 0 ||
        expires > APR_INT32_MAX * APR_INT64_C(4))
        return APR_EINVAL;
    record->is_complete = complete == 1;
    record->fetched = apr_time_from_sec(fetched);
    record->expires = apr_time_from_sec(expires);
    record->length = length;
    record->fingerprint = (apr_uint64_t)fingerprint;
    record->version = (apr_uint64_t)tag;
    return read_fields(record, cursor, pool);
}

int assets_record_is_fresh(const assets_record_t *record, apr_time_t now)
{
    return now < record->expires && record->fetched <= now + SKEW;
}
