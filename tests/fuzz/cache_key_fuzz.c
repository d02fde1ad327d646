/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a request target, a Host and a reference (Location), a line each. Whatever they are, a key
 * is of its site and can be printed, and what is related to it is of the same site, scheme and
 * host.
 */
#include "cache_fuzz.h"

#include "cache_key.h"

#define START "shop.test:80 http://"

static void check(const char *key)
{
    if (strncmp(key, START, strlen(START)) != 0)
        abort();
    for (const char *at = key + strlen(START); *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f || *at == '#')
            abort();
    }
}

/* Returns how much of a key is before its path. */
static size_t origin_of(const char *key)
{
    return strlen(START) + strcspn(key + strlen(START), "/?");
}

static void check_related(const char *key, const char *related)
{
    size_t size = origin_of(key);
    const char *path = related + size;

    if (origin_of(related) != size || strncmp(key, related, size) != 0 || *path != '/')
        abort();
    path = strstr(path, "/../");
    if (path && strcspn(related + size, "?") > (size_t)(path - (related + size)))
        abort(); /* not the URL that a client would ask for */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    cache_key_parts_t parts = {"shop.test:80", "http", "", ""};
    char *lines[3] = {text, text + strlen(text), text + strlen(text)};
    const char *key, *related;

    for (int i = 1; i < 3; i++) {
        char *end = strchr(lines[i - 1], '\n');

        if (!end)
            break;
        *end = '\0';
        lines[i] = end + 1;
    }
    parts.uri = lines[0];
    parts.host = lines[1];
    key = cache_key_make(&parts, pool);
    related = cache_key_related(&parts, lines[2], pool);
    if (key)
        check(key);
    if (related)
        check(related);
    if (key && related)
        check_related(key, related);
    apr_pool_destroy(pool);
    return 0;
}
