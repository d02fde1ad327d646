/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_version.h"

#include "hash.h"

#include <string.h>

static int is_named(const apr_array_header_t *names, const char *name, apr_size_t size)
{
    for (int i = 0; i < names->nelts; i++) {
        const char *one = APR_ARRAY_IDX(names, i, const char *);

        if (strlen(one) == size && memcmp(one, name, size) == 0)
            return 1;
    }
    return 0;
}

/* Returns how many bytes of text come before the first of byte. */
static apr_size_t span(const char *text, apr_size_t size, char byte)
{
    const char *found = memchr(text, byte, size);

    return found ? (apr_size_t)(found - text) : size;
}

apr_uint64_t assets_version_of(const apr_array_header_t *names, const char *query, apr_size_t size)
{
    apr_uint64_t version;

    if (!names || size == 0)
        return 0;
    for (apr_size_t at = 0; at <= size;) {
        apr_size_t parameter = span(query + at, size - at, '&');

        if (!is_named(names, query + at, span(query + at, parameter, '=')))
            return 0;
        at += parameter + 1;
    }
    version = tier_hash_bytes(TIER_HASH_START, query, size);
    return version ? version : 1;
}
