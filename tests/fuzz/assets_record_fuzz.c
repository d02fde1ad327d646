/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a record, and the same bytes as Cache-Control and Vary of an answer. */
#include "cache_fuzz.h"

#include "assets_policy.h"
#include "assets_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    apr_table_t *fields = apr_table_make(pool, 2);
    assets_record_t record, again;
    const char *written;
    apr_size_t length;

    apr_table_setn(fields, "Cache-Control", apr_pstrmemdup(pool, (const char *)data, size));
    apr_table_setn(fields, "Vary", apr_table_get(fields, "Cache-Control"));
    assets_policy_judge(200, fields);
    if (assets_policy_expires(fields, 1000000, 1000000) < 1000000)
        abort();
    if (assets_record_read(&record, (const char *)data, size, pool) == APR_SUCCESS) {
        written = assets_record_write(&record, &length, pool);
        if (written &&
            (assets_record_read(&again, written, length, pool) != APR_SUCCESS ||
             again.expires != record.expires || again.length != record.length ||
             apr_table_elts(again.fields)->nelts != apr_table_elts(record.fields)->nelts))
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
