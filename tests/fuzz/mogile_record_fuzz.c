/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what a cache that others write to has for the key "k" of the domain "web". */
#include "mogile_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    mogile_file_t *file, *again;
    apr_size_t text_size;
    char *text;

    if (mogile_file_read(&file, (const char *)data, size, "web", "k", pool) != APR_SUCCESS) {
        if (file)
            abort();
        return 0;
    }
    if (!file)
        return 0;
    check_file(file, pool);
    text = mogile_file_write(file, "web", "k", &text_size, pool);
    if (mogile_file_read(&again, text, text_size, "web", "k", pool) != APR_SUCCESS ||
        again->fid != file->fid || again->length != file->length ||
        again->copies->nelts != file->copies->nelts)
        abort();
    return 0;
}
