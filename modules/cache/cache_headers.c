/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_headers.h"

#include <string.h>
#include <strings.h>

typedef struct filter_t {
    const apr_table_t *source;
    const cache_directives_t *told;
    int updating;
    int has_connection; /* source has a Connection field */
    apr_table_t *into;
} filter_t;

static int is_one_of(const char *name, const char *const *list, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        if (((name[0] ^ list[i][0]) & ~0x20) == 0 && strcasecmp(name, list[i]) == 0)
            return 1;
    }
    return 0;
}

#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof((list)[0]))

static int find_name(void *baton, const char *key, const char *line)
{
    const char **wanted = baton;

    (void)key;
    if (cache_text_list_has(line, *wanted)) {
        *wanted = NULL;
        return 0;
    }
    return 1;
}

static int connection_names(const apr_table_t *headers, const char *name)
{
    const char *wanted = name;

    apr_table_do(find_name, &wanted, headers, "Connection", NULL);
    return wanted == NULL;
}

static int may_store(const filter_t *filter, const char *name)
{
    static const char *const never[] = {"Connection",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "Proxy-Authenticate",
                                        "Proxy-Authorization",
                                        "Proxy-Authentication-Info",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Content-Length",
                                        "Age"};
    static const char *const body_fields[] = {"Content-Encoding", "Content-Range", "Content-MD5",
                                              "Content-Digest"};

    if (IS_ONE_OF(name, never) || (filter->updating && IS_ONE_OF(name, body_fields)))
        return 0;
    if (cache_text_list_has(filter->told->no_cache_fields, name) ||
        cache_text_list_has(filter->told->private_fields, name))
        return 0;
    return !filter->has_connection || !connection_names(filter->source, name);
}

static int copy_storable(void *baton, const char *name, const char *value)
{
    filter_t *filter = baton;

    if (cache_text_is_token(cache_text_span(name)) && cache_text_is_value(cache_text_span(value)) &&
        may_store(filter, name))
        apr_table_addn(filter->into, name, value);
    return 1;
}

apr_table_t *cache_headers_storable(const apr_table_t *response, const cache_directives_t *told,
                                    apr_pool_t *pool)
{
    filter_t filter = {response, told, 0, apr_table_get(response, "Connection") != NULL,
                       apr_table_make(pool, apr_table_elts(response)->nelts)};

    apr_table_do(copy_storable, &filter, response, NULL);
    return filter.into;
}

static int unset_name(void *baton, const char *name, const char *value)
{
    (void)value;
    apr_table_unset(baton, name);
    return 1;
}

apr_table_t *cache_headers_update(const apr_table_t *stored, const apr_table_t *fresh,
                                  const cache_directives_t *told, apr_pool_t *pool)
{
    filter_t filter = {fresh, told, 1, apr_table_get(fresh, "Connection") != NULL,
                       apr_table_make(pool, apr_table_elts(fresh)->nelts)};
    apr_table_t *updated = apr_table_copy(pool, stored);

    apr_table_do(copy_storable, &filter, fresh, NULL);
    apr_table_do(unset_name, updated, filter.into, NULL);
    return apr_table_overlay(pool, updated, filter.into);
}

void cache_headers_strip_for_304(apr_table_t *headers)
{
    static const char *const gone[] = {"Content-Type",     "Content-Length", "Content-Encoding",
                                       "Content-Language", "Content-Range",  "Transfer-Encoding"};

    for (apr_size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        apr_table_unset(headers, gone[i]);
}
