/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_said.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "reproxy_head.h"
#include "reproxy_plan.h"

#define CACHE_FOR_MAX    (7 * 24 * 3600)
#define CACHE_FIELDS_MAX 32

void reproxy_said_init(reproxy_said_t *said, apr_pool_t *pool)
{
    said->urls = apr_array_make(pool, 4, sizeof(const char *));
    said->path = NULL;
    said->size = -1;
    said->cache_for = 0;
    said->cache_fields = NULL;
}

static void split(apr_array_header_t *words, int max, const char *value, apr_pool_t *pool)
{
    const char *end;

    for (;; value = end) {
        while (apr_isspace(*value))
            value++;
        for (end = value; *end && !apr_isspace(*end); end++) {
        }
        if (end == value || words->nelts == max)
            return;
        APR_ARRAY_PUSH(words, const char *) =
            apr_pstrmemdup(pool, value, (apr_size_t)(end - value));
    }
}

void reproxy_said_urls(reproxy_said_t *said, const char *value, apr_pool_t *pool)
{
    split(said->urls, REPROXY_PLAN_MAX, value, pool);
}

int reproxy_said_size(reproxy_said_t *said, const char *value)
{
    return reproxy_head_number(value, &said->size);
}

int reproxy_said_cache(reproxy_said_t *said, const char *value, apr_pool_t *pool)
{
    const char *fields = strchr(value, ';');
    apr_size_t size = fields ? (apr_size_t)(fields - value) : strlen(value);
    apr_off_t seconds;
    char *number = apr_pstrmemdup(pool, value, size);

    while (size > 0 && (number[size - 1] == ' ' || number[size - 1] == '\t'))
        number[--size] = '\0';
    if (!reproxy_head_number(number, &seconds))
        return 0;
    said->cache_for = seconds < CACHE_FOR_MAX ? (int)seconds : CACHE_FOR_MAX;
    if (!said->cache_fields)
        said->cache_fields = apr_array_make(pool, 4, sizeof(const char *));
    if (fields)
        split(said->cache_fields, CACHE_FIELDS_MAX, fields + 1, pool);
    return 1;
}

static int hex(char c)
{
    if (apr_isdigit(c))
        return c - '0';
    c = (char)apr_tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the path decoded and without its query; NULL: ill-formed, or it would leave its place. */
static const char *decode(const char *value, apr_pool_t *pool)
{
    char *path = apr_palloc(pool, strlen(value) + 1), *to = path;

    for (; *value && *value != '?'; value++) {
        if (*value == '%') {
            int high = hex(value[1]), low = high < 0 ? -1 : hex(value[2]);

            if (low < 0 || (high == 0 && low == 0))
                return NULL;
            *to++ = (char)(high * 16 + low);
            value += 2;
        } else {
            *to++ = *value;
        }
    }
    *to = '\0';
    return path;
}

static int climbs(const char *path)
{
    for (const char *at = strstr(path, ".."); at; at = strstr(at + 1, ".."))
        if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
            return 1;
    return 0;
}

static const reproxy_map_t *find(const apr_array_header_t *map, const char *path)
{
    const reproxy_map_t *best = NULL;

    for (int i = 0; map && i < map->nelts; i++) {
        const reproxy_map_t *entry = &APR_ARRAY_IDX(map, i, reproxy_map_t);

        if (strncmp(path, entry->prefix, strlen(entry->prefix)) == 0 &&
            (!best || strlen(entry->prefix) > strlen(best->prefix)))
            best = entry;
    }
    return best;
}

int reproxy_said_mapped(reproxy_said_t *said, const apr_array_header_t *map, const char *value,
                        apr_pool_t *pool)
{
    const reproxy_map_t *entry = find(map, value);
    const char *path = decode(value, pool), *rest;

    if (!entry || !path || climbs(path))
        return 0;
    rest = value + strlen(entry->prefix);
    if (entry->is_url) {
        if (said->urls->nelts < REPROXY_PLAN_MAX)
            APR_ARRAY_PUSH(said->urls, const char *) = apr_pstrcat(pool, entry->target, rest, NULL);
        return 1;
    }
    said->path = apr_pstrcat(pool, entry->target, decode(rest, pool), NULL);
    return 1;
}
