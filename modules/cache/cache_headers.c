/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_headers.h"

typedef struct filter_t {
    const apr_table_t *source;
    const cache_directives_t *told;
    int updating;
    int is_named_any; /* a field of source names others that are not stored */
} filter_t;

static int connection_names(const apr_table_t *headers, const char *name)
{
    const char *line;
    int at = 0;

    while ((line = cache_text_line(headers, "Connection", &at)) != NULL) {
        if (cache_text_list_has(line, name))
            return 1;
    }
    return 0;
}

static int is_named(const filter_t *filter, const char *name)
{
    return cache_text_list_has(filter->told->no_cache_fields, name) ||
           cache_text_list_has(filter->told->private_fields, name) ||
           connection_names(filter->source, name);
}

/* Of one connection, or made anew for each answer; by their length, as most names are of another.
 */
static int is_never_stored(cache_span_t name)
{
    static const char *const never[][2] = {[2] = {"TE"},
                                           [3] = {"Age"},
                                           [7] = {"Trailer", "Upgrade"},
                                           [10] = {"Connection", "Keep-Alive"},
                                           [14] = {"Content-Length"},
                                           [16] = {"Proxy-Connection"},
                                           [17] = {"Transfer-Encoding"},
                                           [18] = {"Proxy-Authenticate"},
                                           [19] = {"Proxy-Authorization"},
                                           [25] = {"Proxy-Authentication-Info"}};
    const char *const *list =
        name.size < sizeof(never) / sizeof(never[0]) ? never[name.size] : NULL;

    return list && ((list[0] && strcasecmp(name.data, list[0]) == 0) ||
                    (list[1] && strcasecmp(name.data, list[1]) == 0));
}

static int describes_body(cache_span_t name)
{
    return cache_text_is(name, "content-encoding") || cache_text_is(name, "content-range") ||
           cache_text_is(name, "content-md5") || cache_text_is(name, "content-digest");
}

static int may_store(const filter_t *filter, cache_span_t name)
{
    return cache_text_is_token(name) && !is_never_stored(name) &&
           !(filter->updating && describes_body(name)) &&
           !(filter->is_named_any && is_named(filter, name.data));
}

/* Returns the fields of response that may be stored, or, updating, may replace what is stored. */
static apr_table_t *filtered(const apr_table_t *response, const cache_directives_t *told,
                             int updating, apr_pool_t *pool)
{
    const apr_array_header_t *fields = apr_table_elts(response);
    apr_table_t *into = apr_table_make(pool, fields->nelts);
    filter_t filter = {response, told, updating};

    filter.is_named_any =
        told->no_cache_fields || told->private_fields || apr_table_get(response, "Connection");
    for (int i = 0; i < fields->nelts; i++) {
        const apr_table_entry_t *field = &APR_ARRAY_IDX(fields, i, apr_table_entry_t);

        if (may_store(&filter, cache_text_span(field->key)) &&
            cache_text_is_value(cache_text_span(field->val)))
            apr_table_addn(into, field->key, field->val);
    }
    return into;
}

apr_table_t *cache_headers_storable(const apr_table_t *response, const cache_directives_t *told,
                                    apr_pool_t *pool)
{
    return filtered(response, told, 0, pool);
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
    apr_table_t *changed = filtered(fresh, told, 1, pool);
    apr_table_t *updated = apr_table_copy(pool, stored);

    apr_table_do(unset_name, updated, changed, NULL);
    return apr_table_overlay(pool, updated, changed);
}

void cache_headers_strip_for_304(apr_table_t *headers)
{
    static const char *const gone[] = {"Content-Type",     "Content-Length", "Content-Encoding",
                                       "Content-Language", "Content-Range",  "Transfer-Encoding"};

    for (apr_size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        apr_table_unset(headers, gone[i]);
}
