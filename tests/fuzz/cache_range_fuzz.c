/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a Range or a Content-Range. What is read of it lies within the whole. */
#include "cache_fuzz.h"

#include "cache_range.h"

static void check(const cache_range_t *range)
{
    cache_range_t missing;

    if (range->first < 0 || range->first > range->last || range->last >= range->total)
        abort();
    if (cache_range_missing(&missing, range) &&
        cache_range_size(&missing) + cache_range_size(range) != range->total)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const char *text = apr_pstrmemdup(pool, (const char *)data, size);
    cache_range_t range;

    if (cache_range_parse_content(&range, text))
        check(&range);
    if (cache_range_parse_request(&range, text, 1000))
        check(&range);
    apr_pool_destroy(pool);
    return 0;
}
