/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a date. What is taken for one in the form we write must be written the same, but for a
 * weekday that is wrong.
 */
#include "cache_fuzz.h"

#include "cache_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const apr_time_t now = apr_time_from_sec(1790000000);
    apr_pool_t *pool = fuzz_pool();
    const char *text = apr_pstrmemdup(pool, (const char *)data, size);
    char again[CACHE_DATE_SIZE];
    apr_time_t date, second;

    if (cache_date_parse(text, now, &date)) {
        cache_date_format(again, date);
        if (!cache_date_parse(again, now, &second) || second != date)
            abort();
        if (strlen(text) == 29 && text[3] == ',' && strncmp(text + 22, ":60", 3) != 0 &&
            strcmp(text + 4, again + 4) != 0)
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
