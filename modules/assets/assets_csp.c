/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_csp.h"

#include "assets_text.h"

#include <string.h>

#define SPACE " \t\n\f\r"

/* Lists for what references of a page lead to; connect-src, frame-src and others are not. */
static int is_list(const char *name, apr_size_t size)
{
    static const char *const names[] = {
        "default-src", "script-src", "script-src-elem", "style-src",  "style-src-elem",
        "img-src",     "font-src",   "media-src",       "object-src", "manifest-src"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (assets_text_is(name, size, names[i]))
            return 1;
    }
    return 0;
}

static int is_same(const char *text, apr_size_t size, const char *host)
{
    for (apr_size_t i = 0; i < size; i++) {
        if (host[i] == '\0' || assets_text_lower(text[i]) != assets_text_lower(host[i]))
            return 0;
    }
    return host[size] == '\0';
}

/* source has neither scheme nor path. "*.example.net" is for its subdomains. */
static int is_host(const char *source, apr_size_t size, const char *host)
{
    apr_size_t length = strlen(host);

    if (size < 2 || source[0] != '*' || source[1] != '.')
        return is_same(source, size, host);
    return length > size - 1 && is_same(source + 1, size - 1, host + length - (size - 1));
}

static int allows(const char *source, apr_size_t size, const char *host)
{
    const char *slashes = memchr(source, '/', size);

    if ((size == 1 && *source == '*') || assets_text_is(source, size, "https:") ||
        assets_text_is(source, size, "http:"))
        return 1;
    if (slashes && slashes > source && slashes[-1] == ':' && slashes + 1 < source + size) {
        size -= (apr_size_t)(slashes + 2 - source);
        source = slashes + 2;
    }
    slashes = memchr(source, '/', size);
    return is_host(source, slashes ? (apr_size_t)(slashes - source) : size, host);
}

int assets_csp_allows(const char *policy, const char *host)
{
    int has_list = 0;

    while (*policy) {
        const char *end = policy + strcspn(policy, ";,");
        const char *word = policy + strspn(policy, SPACE);
        apr_size_t size = strcspn(word, SPACE ";,");
        int counts = is_list(word, size);

        has_list |= counts;
        for (word += size; counts && word < end; word += size) {
            word += strspn(word, SPACE);
            size = strcspn(word, SPACE ";,");
            if (size > 0 && allows(word, size, host))
                return 1;
        }
        policy = *end ? end + 1 : end;
    }
    return !has_list;
}
