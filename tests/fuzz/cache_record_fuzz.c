/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the bytes of a record. They are read as they are, then with checksums that fit, so that
 * what stands behind the checksums is reached too.
 */
#include "cache_fuzz.h"

#include "cache_record.h"
#include "cache_text.h"

static int check_field(void *baton, const char *name, const char *value)
{
    (void)baton;
    if (!cache_text_is_token(cache_text_span(name)) || !cache_text_is_value(cache_text_span(value)))
        abort();
    return 1;
}

static void read_all(const unsigned char *data, apr_size_t size, apr_pool_t *pool)
{
    cache_directives_t asked = {0};
    apr_table_t *headers = apr_table_make(pool, 4);
    cache_record_t record;
    volatile unsigned char last = 0;

    if (!cache_record_parse(&record, data, size, CACHE_RECORD_UNTRUSTED))
        return;
    if (record.body_size > 0)
        last = record.body[record.body_size - 1];
    (void)last;
    cache_record_add_fields(&record, headers);
    apr_table_do(check_field, NULL, headers, NULL);
    if (strlen(record.key) + strlen(record.status_line) > size)
        abort();
    cache_freshness_use(&record.life, &asked, APR_INT64_C(1790000000000000));
    if (cache_freshness_age(&record.life, APR_INT64_C(1790000000000000)) < 0)
        abort();
    cache_freshness_keep(&record.life, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    unsigned char *copy = malloc(size ? size : 1);
    apr_size_t head;

    memcpy(copy, data, size);
    read_all(copy, size, pool);
    if (size >= CACHE_RECORD_FIXED_SIZE) {
        head = (apr_size_t)copy[8] | (apr_size_t)copy[9] << 8 | (apr_size_t)copy[10] << 16 |
               (apr_size_t)copy[11] << 24;
        if (head >= CACHE_RECORD_FIXED_SIZE && head <= size) {
            cache_record_seal(copy, size, CACHE_RECORD_UNTRUSTED);
            read_all(copy, size, pool);
        }
    }
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
