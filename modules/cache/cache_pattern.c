/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_pattern.h"

/* Only the last "*" has to be gone back to: whatever an earlier one could take, it can. */
int cache_pattern_matches(const char *pattern, cache_span_t name)
{
    const char *star = NULL;
    apr_size_t at = 0;
    apr_size_t taken = 0; /* where the name goes on behind what the last star has taken */

    while (at < name.size) {
        if (*pattern == '*') {
            star = ++pattern;
            taken = at;
        } else if (*pattern && *pattern == name.data[at]) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star;
            at = ++taken;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

int cache_pattern_any(const apr_array_header_t *patterns, cache_span_t name)
{
    for (int i = 0; patterns && i < patterns->nelts; i++) {
        if (cache_pattern_matches(APR_ARRAY_IDX(patterns, i, const char *), name))
            return 1;
    }
    return 0;
}
