/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a style sheet. */
#include "assets_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_check(REWRITE_CSS, (const char *)data, size);
    return 0;
}
