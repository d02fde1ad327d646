/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_fingerprint.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define DIGITS 16
#define MARK   ".h"
#define SIZE   (sizeof(MARK) - 1 + DIGITS)
#define PIECE  16384

/* Returns where the fingerprint of name stands, or would: before the last dot of the last segment,
 * unless that begins it. */
static const char *place_in(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *segment = slash ? slash + 1 : name;
    const char *dot = strrchr(segment, '.');

    return dot && dot != segment ? dot : segment + strlen(segment);
}

/* How a fingerprint stands in names. */
typedef struct mark_t {
    char text[SIZE + 1];
} mark_t;

static mark_t mark_of(apr_uint64_t fingerprint)
{
    mark_t mark = {MARK};

    for (int i = 0; i < DIGITS; i++)
        mark.text[SIZE - 1 - (apr_size_t)i] = "0123456789abcdef"[fingerprint >> 4 * i & 15];
    return mark;
}

/* Returns the first size bytes of name, then middle and end. */
static const char *compose(const char *name, apr_size_t size, const char *middle, const char *end,
                           apr_pool_t *pool)
{
    apr_size_t middle_size = strlen(middle), end_size = strlen(end);
    char *text = apr_palloc(pool, size + middle_size + end_size + 1);

    memcpy(text, name, size);
    memcpy(text + size, middle, middle_size);
    memcpy(text + size + middle_size, end, end_size + 1);
    return text;
}

const char *assets_fingerprint_add(const char *name, apr_uint64_t fingerprint, apr_pool_t *pool)
{
    const char *place = place_in(name);

    return compose(name, (apr_size_t)(place - name), mark_of(fingerprint).text, place, pool);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

apr_uint64_t assets_fingerprint_read(const char *text)
{
    apr_uint64_t value = 0;

    for (int i = 0; i < DIGITS; i++) {
        int digit = digit_of(text[i]);

        if (digit < 0)
            return 0;
        value = value << 4 | (apr_uint64_t)digit;
    }
    return value;
}

const char *assets_fingerprint_split(const char *name, apr_uint64_t *fingerprint, apr_pool_t *pool)
{
    apr_size_t size = strlen(name);
    const char *place = place_in(name);
    const char *ends[] = {place, name + size}; /* with an extension behind it, or without */

    for (int i = 0; i < 2; i++) {
        const char *mark = ends[i] - SIZE;
        const char *base;

        if (mark <= name || mark[-1] == '/' || strncmp(mark, MARK, sizeof(MARK) - 1) != 0)
            continue;
        *fingerprint = assets_fingerprint_read(mark + sizeof(MARK) - 1);
        base = compose(name, (apr_size_t)(mark - name), "", ends[i], pool);
        if (*fingerprint && place_in(base) - base == mark - name)
            return base;
    }
    return NULL;
}

const char *assets_fingerprint_cut(const char *uri, apr_uint64_t fingerprint, apr_pool_t *pool)
{
    mark_t mark = mark_of(fingerprint);
    const char *path = apr_pstrmemdup(pool, uri, strcspn(uri, "?"));
    const char *found = NULL;

    for (const char *p = path; (p = strstr(p, mark.text)) != NULL; p++)
        found = p;
    return found ? compose(path, (apr_size_t)(found - path), "", found + SIZE, pool) : NULL;
}

apr_uint64_t assets_fingerprint_final(apr_sha1_ctx_t *context)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_uint64_t value = 0;

    apr_sha1_final(digest, context);
    for (int i = 0; i < 8; i++)
        value = value << 8 | digest[i];
    return value ? value : 1;
}

apr_uint64_t assets_fingerprint_file(apr_file_t *file, apr_off_t size)
{
    unsigned char data[PIECE];
    apr_sha1_ctx_t context;
    apr_os_file_t fd;

    apr_os_file_get(&fd, file);
    apr_sha1_init(&context);
    for (apr_off_t at = 0; at < size;) {
        apr_size_t most = size - at < PIECE ? (apr_size_t)(size - at) : PIECE;
        ssize_t got = pread(fd, data, most, (off_t)at);

        if (got <= 0)
            return 0;
        apr_sha1_update_binary(&context, data, (unsigned)got);
        at += got;
    }
    return assets_fingerprint_final(&context);
}

apr_uint64_t assets_fingerprint_data(const char *data, apr_size_t size)
{
    apr_sha1_ctx_t context;

    apr_sha1_init(&context);
    apr_sha1_update(&context, data, (unsigned)size);
    return assets_fingerprint_final(&context);
}
