/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a manifest. Whatever it says, no target may have a character that ends an attribute. */
#include "cache_fuzz.h"

#include "assets_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    assets_map_t *map = assets_map_create(pool);
    apr_hash_t *names = apr_hash_make(pool);
    assets_manifest_t got = assets_manifest_read(map, names, "/x/", (const char *)data, size, pool);

    if (got.problem && assets_map_count(map) > 0)
        abort();
    for (apr_hash_index_t *i = apr_hash_first(pool, names); i; i = apr_hash_next(i)) {
        const char *name = apr_hash_this_key(i);

        if (strpbrk(name, "\"'<> \t\n\\"))
            abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
