/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_name.h"

#include <apr_escape.h>
#include <apr_sha1.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#define LONGEST_SEGMENT 255

static int is_good_segment(const char *segment, apr_size_t size)
{
    if (size == 0 || size > LONGEST_SEGMENT || segment[0] == '.')
        return 0;
    for (apr_size_t i = 0; i < size; i++) {
        if ((unsigned char)segment[i] < 0x20 || segment[i] == 0x7f || segment[i] == '\\' ||
            (segment[i] == '%' && strncasecmp(segment + i, "%2f", 3) == 0))
            return 0;
    }
    return 1;
}

int assets_name_is_good(const char *name)
{
    int depth = 0;

    if (strlen(name) > ASSETS_NAME_LONGEST)
        return 0;
    for (;;) {
        apr_size_t size = strcspn(name, "/");

        if (!is_good_segment(name, size) || ++depth > ASSETS_NAME_DEEPEST)
            return 0;
        if (name[size] == '\0')
            return 1;
        name += size + 1;
    }
}

const char *assets_name_work(const char *directory, const char *name, apr_pool_t *pool)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    char hex[2 * APR_SHA1_DIGESTSIZE + 1];
    apr_sha1_ctx_t context;

    apr_sha1_init(&context);
    apr_sha1_update(&context, name, (unsigned)strlen(name));
    apr_sha1_final(digest, &context);
    apr_escape_hex(hex, digest, sizeof(digest), 0, NULL);
    return apr_pstrcat(pool, directory, "/" ASSETS_NAME_WORK "/", hex, NULL);
}
