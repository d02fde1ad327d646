/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a page; one that begins with 'X' is read as XML. */
#include "assets_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rewrite_e kind = size && data[0] == 'X' ? REWRITE_XML : REWRITE_HTML;

    fuzz_check(kind, (const char *)data, size);
    return 0;
}
