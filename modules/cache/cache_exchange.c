/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_exchange.h"

#include <string.h>

cache_method_e cache_exchange_method(const char *method)
{
    /* RFC 9110, and what the registry of methods lists as safe. */
    static const char *const safe[] = {"OPTIONS", "TRACE", "PROPFIND", "REPORT",
                                       "SEARCH",  "QUERY", "PRI"};

    if (strcmp(method, "GET") == 0)
        return CACHE_METHOD_GET;
    if (strcmp(method, "HEAD") == 0)
        return CACHE_METHOD_HEAD;
    for (apr_size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
        if (strcmp(method, safe[i]) == 0)
            return CACHE_METHOD_SAFE;
    }
    return CACHE_METHOD_UNSAFE;
}
