/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the head of a peer's answer. No field that is taken has a byte that would end its line. */
#include "cache_fuzz.h"

#include "assets_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    apr_table_t *fields;
    apr_off_t length = -1;

    if (assets_peer_head(apr_pstrmemdup(pool, (const char *)data, size), &fields, &length, pool)) {
        const apr_array_header_t *all = apr_table_elts(fields);

        if (length < 0)
            abort();
        for (int i = 0; i < all->nelts; i++) {
            const apr_table_entry_t *field = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

            if (strpbrk(field->key, ": \r\n") || strpbrk(field->val, "\r\n"))
                abort();
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
