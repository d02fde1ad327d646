/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what a storage node answers to an upload. */
#include "mogile_fuzz.h"

#include "mogile_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int status = 0, earlier_status = 0;
    apr_status_t rv;

    /* Bytes that follow change nothing of what is certain already. */
    rv = mogile_store_status((const char *)data, size, &status);
    for (size_t cut = 0; cut < size && cut < 600; cut++) {
        apr_status_t earlier = mogile_store_status((const char *)data, cut, &earlier_status);

        if (earlier != APR_INCOMPLETE &&
            (earlier != rv || (rv == APR_SUCCESS && earlier_status != status)))
            abort();
    }
    if (rv == APR_SUCCESS && (status < 200 || status > 599))
        abort();
    return 0;
}
