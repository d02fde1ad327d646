/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_url.h"

#include "assets_text.h"

#include <apr_strings.h>

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Returns how many bytes are "scheme:"; 0: none. */
static apr_size_t scheme_size(const char *text, apr_size_t size)
{
    apr_size_t i = 0;

    if (size == 0 || !assets_text_is_alpha(text[0]))
        return 0;
    while (i < size &&
           (assets_text_is_alnum(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.'))
        i++;
    return i < size && text[i] == ':' ? i + 1 : 0;
}

static int is_http(const char *text, apr_size_t size)
{
    return assets_text_is(text, size, "http:") || assets_text_is(text, size, "https:");
}

apr_size_t assets_url_origin_size(const char *text, apr_size_t size)
{
    apr_size_t i = scheme_size(text, size);

    if ((i > 0 && !is_http(text, i)) || size - i < 2 || text[i] != '/' || text[i + 1] != '/')
        return 0;
    i += 2;
    while (i < size && text[i] != '/' && text[i] != '?' && text[i] != '#')
        i++;
    return i;
}

/* Takes a default port off. */
static apr_size_t host_size(const char *host, apr_size_t size)
{
    if (size > 3 && memcmp(host + size - 3, ":80", 3) == 0)
        return size - 3;
    if (size > 4 && memcmp(host + size - 4, ":443", 4) == 0)
        return size - 4;
    return size;
}

/* origin ends with the host. */
static int is_own_host(const assets_base_t *base, const char *origin, apr_size_t size)
{
    const char *slashes = memchr(origin, '/', size);
    const char *host = slashes ? slashes + 2 : origin;

    return assets_text_is(host, host_size(host, size - (apr_size_t)(host - origin)), base->host);
}

int assets_url_is_elsewhere(const assets_base_t *base, const char *text, apr_size_t size)
{
    apr_size_t origin = assets_url_origin_size(text, size);

    return origin > 0 && !is_own_host(base, text, origin);
}

static void set_directory(assets_base_t *base, const char *path, apr_size_t size, apr_pool_t *pool)
{
    while (size > 0 && path[size - 1] != '/')
        size--;
    base->directory = size ? apr_pstrmemdup(pool, path, size) : "/";
    base->directory_size = size ? size : 1;
}

assets_base_t assets_url_base(const char *host, const char *path, apr_pool_t *pool)
{
    assets_base_t base = {NULL};
    char *lower = apr_pstrmemdup(pool, host, host_size(host, strlen(host)));

    for (char *p = lower; *p; p++)
        *p = assets_text_lower(*p);
    base.host = lower;
    set_directory(&base, path, strcspn(path, "?#"), pool);
    return base;
}

void assets_url_rebase(assets_base_t *base, const char *text, apr_size_t size, apr_pool_t *pool)
{
    assets_url_t url;

    if (assets_url_resolve(&url, base, text, size, pool)) {
        base->is_elsewhere = url.is_other;
        if (!url.is_other)
            set_directory(base, url.path, url.size, pool);
    } else if (scheme_size(text, size) > 0) {
        base->is_elsewhere = 1;
    }
}

/* Dot segments. */

/* Says whether the segment at text is "." (1), ".." (2), one of them encoded (-1), or neither. */
static int dots_of(const char *text, apr_size_t size)
{
    if (size == 1 && text[0] == '.')
        return 1;
    if (size == 2 && text[0] == '.' && text[1] == '.')
        return 2;
    for (apr_size_t i = 0; i + 2 < size; i++) {
        if (text[i] == '%' && text[i + 1] == '2' && (text[i + 2] == 'e' || text[i + 2] == 'E'))
            return size <= 6 ? -1 : 0;
    }
    return 0;
}

static apr_size_t segment_size(const char *text, apr_size_t size)
{
    const char *slash = memchr(text, '/', size);

    return slash ? (apr_size_t)(slash - text) : size;
}

/* Without one of these there are no dot segments, encoded or not, and no backslashes. */
static int may_have_dots(const char *text, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++) {
        if (text[i] == '%' || text[i] == '\\' ||
            (text[i] == '.' && (i == 0 || text[i - 1] == '/' || text[i - 1] == '.')))
            return 1;
    }
    return 0;
}

/* Returns 1 when there are dot segments, -1 when there are encoded ones, else 0. */
static int find_dots(const char *text, apr_size_t size)
{
    int found = 0;

    for (apr_size_t i = 0; i < size;) {
        apr_size_t segment = segment_size(text + i, size - i);
        int dots = dots_of(text + i, segment);

        if (dots < 0)
            return dots;
        found |= dots > 0;
        i += segment + 1;
    }
    return found;
}

/* Writes text, which begins behind the slash that ends out (of *to bytes), without dot segments. */
static void append_without_dots(char *out, apr_size_t *to, const char *text, apr_size_t size)
{
    for (apr_size_t i = 0; i < size;) {
        apr_size_t segment = segment_size(text + i, size - i);
        int dots = dots_of(text + i, segment);

        if (dots == 2 && *to > 1) {
            (*to)--;
            while (out[*to - 1] != '/')
                (*to)--;
        } else if (dots == 0) {
            memcpy(out + *to, text + i, segment);
            *to += segment;
            if (i + segment < size)
                out[(*to)++] = '/';
        }
        i += segment + 1;
    }
}

/* Sets the path to base's directory and what the reference has behind it. */
static int join(assets_url_t *url, const char *directory, apr_size_t directory_size,
                const char *text, apr_pool_t *pool)
{
    const char *own = text + url->start;
    apr_size_t size = url->end - url->start;
    int is_odd = may_have_dots(own, size);
    int dots = is_odd ? find_dots(own, size) : 0;
    char *path;

    if (dots < 0 || (is_odd && memchr(own, '\\', size)))
        return 0;
    url->is_plain = !dots;
    url->lead = directory_size;
    if (directory_size == 0 && !dots) {
        url->path = own;
        url->size = size;
        return 1;
    }
    path = apr_palloc(pool, directory_size + size + 1);
    memcpy(path, directory, directory_size);
    url->size = directory_size;
    if (dots && directory_size == 0) {
        path[url->size++] = '/';
        own++;
        size--;
    }
    if (dots) {
        append_without_dots(path, &url->size, own, size);
    } else {
        memcpy(path + url->size, own, size);
        url->size += size;
    }
    url->path = path;
    return 1;
}

static apr_size_t path_end(const char *text, apr_size_t from, apr_size_t to)
{
    while (from < to && text[from] != '?' && text[from] != '#')
        from++;
    return from;
}

static int resolve_absolute(assets_url_t *url, const assets_base_t *base, const char *text,
                            apr_size_t origin, apr_pool_t *pool)
{
    const char *own = text + url->first;

    if (memchr(own, '@', origin))
        return 0;
    url->start = url->first + origin;
    if (url->start == url->end)
        return 0;
    url->is_other = !is_own_host(base, own, origin);
    if (!url->is_other)
        return join(url, "", 0, text, pool);
    url->path = own;
    url->size = url->end - url->first;
    url->is_plain = 1;
    url->start = url->first;
    return find_dots(text + url->first + origin, url->end - url->first - origin) == 0;
}

/* Which bytes of a reference are not simply a part of its path. */
enum { PATH_ENDS = 1, PATH_DOT, PATH_ODD };

static const unsigned char classes[256] = {
    [0] = PATH_ODD,    ['\t'] = PATH_ODD, ['\n'] = PATH_ODD, ['\f'] = PATH_ODD,
    ['\r'] = PATH_ODD, [' '] = PATH_ODD,  ['%'] = PATH_ODD,  ['\\'] = PATH_ODD,
    ['.'] = PATH_DOT,  ['?'] = PATH_ENDS, ['#'] = PATH_ENDS};

/* Returns the first byte from i on that may have a class; size: there is none. */
static apr_size_t find_class(const char *text, apr_size_t i, apr_size_t size)
{
#ifdef __SSE2__
    for (; size - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        __m128i found = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ')), v);

        found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('?')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('%')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        if (_mm_movemask_epi8(found))
            return i + (apr_size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(found));
    }
#endif
    while (i < size && !classes[(unsigned char)text[i]])
        i++;
    return i;
}

/* Most references: returns the size of the path that text, which begins with a slash, begins with;
 * 0: it needs a closer look. */
static apr_size_t plain_size(const char *text, apr_size_t size)
{
    if (size > 1 && text[1] == '/')
        return 0;
    for (apr_size_t i = 1; i < size; i++) {
        unsigned char class;

        i = find_class(text, i, size);
        class = i < size ? classes[(unsigned char)text[i]] : PATH_ENDS;
        if (class == PATH_ENDS)
            return i;
        if (class == PATH_ODD || (class == PATH_DOT && (text[i - 1] == '/' || text[i - 1] == '.')))
            return 0;
    }
    return size;
}

int assets_url_resolve(assets_url_t *url, const assets_base_t *base, const char *text,
                       apr_size_t size, apr_pool_t *pool)
{
    apr_size_t origin;

    *url = (assets_url_t){NULL};
    if (size > 0 && text[0] == '/' && !base->is_elsewhere &&
        (url->size = plain_size(text, size)) > 0) {
        url->path = text;
        url->end = url->size;
        url->is_plain = url->is_checked = 1;
        return 1;
    }
    while (size > 0 && assets_text_is_space(text[size - 1]))
        size--;
    while (url->first < size && assets_text_is_space(text[url->first]))
        url->first++;
    url->start = url->first;
    url->end = path_end(text, url->first, size);
    if (url->start == url->end)
        return 0;
    origin = assets_url_origin_size(text + url->first, url->end - url->first);
    if (origin > 0)
        return resolve_absolute(url, base, text, origin, pool);
    if (scheme_size(text + url->first, url->end - url->first) > 0 || text[url->first] == '\\')
        return 0;
    if (text[url->first] == '/')
        return !base->is_elsewhere && join(url, "", 0, text, pool);
    if (base->is_elsewhere)
        return 0;
    return join(url, base->directory, base->directory_size, text, pool);
}
