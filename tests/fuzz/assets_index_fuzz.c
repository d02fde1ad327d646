/* SPDX-License-Identifier: Apache-2.0 */
/* Input: an index of fingerprints. What is read of it is written and read again alike, and no name
 * has a character that ends an attribute. */
#include "cache_fuzz.h"

#include "assets_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    apr_array_header_t *prints = assets_index_read(text, pool);

    if (prints) {
        const char *first = assets_index_write(prints, pool);
        apr_array_header_t *again = assets_index_read(apr_pstrdup(pool, first), pool);

        if (!again || again->nelts != prints->nelts)
            abort();
        for (int i = 0; i < again->nelts; i++) {
            if (strpbrk(APR_ARRAY_IDX(again, i, assets_print_t *)->name, "\"'<>& \t\n\\"))
                abort();
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
