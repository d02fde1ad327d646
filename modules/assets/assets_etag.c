/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_etag.h"

#include "assets_text.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define MARK      "-t"
#define MARK_SIZE (sizeof(MARK) - 1)
#define HEX_SIZE  16

/* What filters behind this one (mod_deflate, mod_brotli) put at the end of a tag. */
static const char *const codings[] = {"-gzip", "-br", "-zstd", "-deflate"};

const char *assets_etag_make(const char *etag, apr_uint64_t version, apr_pool_t *pool)
{
    apr_size_t size = strlen(etag);

    if (size < 2 || etag[size - 1] != '"')
        return etag;
    return apr_psprintf(pool, "%.*s" MARK "%016" APR_UINT64_T_HEX_FMT "\"", (int)(size - 1), etag,
                        version);
}

/* Returns the end of the tag that begins at text: behind its closing quote. */
static const char *tag_end(const char *text)
{
    const char *quote = strchr(text, '"');
    const char *end = quote ? strchr(quote + 1, '"') : NULL;

    if (quote && quote - text <= 2 && end)
        return end + 1;
    return text + strcspn(text, ",");
}

static apr_size_t without_coding(const char *tag, apr_size_t size)
{
    for (apr_size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        apr_size_t length = strlen(codings[i]);

        if (size > length && memcmp(tag + size - length, codings[i], length) == 0)
            return size - length;
    }
    return size;
}

/* Returns how many bytes of a tag (without its closing quote) are the application's; size: it has
 * no version. */
static apr_size_t find_version(const char *tag, apr_size_t size, apr_uint64_t *version)
{
    apr_size_t end = without_coding(tag, size);
    apr_size_t start = end - HEX_SIZE;
    char hex[HEX_SIZE + 1];

    if (end < HEX_SIZE + MARK_SIZE || memcmp(tag + start - MARK_SIZE, MARK, MARK_SIZE) != 0)
        return size;
    for (apr_size_t i = start; i < end; i++) {
        if (!apr_isxdigit(tag[i]))
            return size;
    }
    apr_cpystrn(hex, tag + start, sizeof(hex));
    *version = 0;
    for (const char *p = hex; *p; p++)
        *version = *version << 4 | (apr_uint64_t)(*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
    return start - MARK_SIZE;
}

static const char *skip_separators(const char *list)
{
    while (*list == ',' || assets_text_is_space(*list))
        list++;
    return list;
}

const char *assets_etag_restore(const char *list, apr_uint64_t version, int *is_ours, int *is_other,
                                apr_pool_t *pool)
{
    const char *out = NULL;

    *is_ours = *is_other = 0;
    list = skip_separators(list);
    while (*list) {
        const char *end = tag_end(list);
        apr_size_t size = (apr_size_t)(end - list);
        apr_uint64_t found = 0;
        apr_size_t kept = size > 0 && end[-1] == '"' ? find_version(list, size - 1, &found) : size;
        const char *tag = apr_pstrmemdup(pool, list, size);

        if (size > 0 && end[-1] == '"' && kept < size - 1) {
            *is_ours |= found == version;
            *is_other |= found != version;
            tag = found == version ? apr_pstrcat(pool, apr_pstrmemdup(pool, list, kept), "\"", NULL)
                                   : NULL;
        }
        if (tag && size > 0)
            out = out ? apr_pstrcat(pool, out, ", ", tag, NULL) : tag;
        list = skip_separators(end);
    }
    return out;
}
