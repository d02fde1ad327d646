/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_query.h"
#include "cache_pattern.h"

#include <apr_lib.h>

#include <string.h>

typedef struct parameter_t {
    cache_span_t whole;
    cache_span_t name; /* as it is written */
} parameter_t;

static int hex(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* What an application makes of a name. */
static cache_span_t decoded(cache_span_t name, apr_pool_t *pool)
{
    cache_span_t result;
    char *out;

    if (!memchr(name.data, '%', name.size) && !memchr(name.data, '+', name.size))
        return name;
    out = apr_palloc(pool, name.size);
    result.data = out;
    for (apr_size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '%' && i + 2 < name.size && apr_isxdigit(name.data[i + 1]) &&
            apr_isxdigit(name.data[i + 2])) {
            *out++ = (char)(hex(name.data[i + 1]) << 4 | hex(name.data[i + 2]));
            i += 2;
        } else {
            *out++ = name.data[i] == '+' ? ' ' : name.data[i];
        }
    }
    result.size = (apr_size_t)(out - result.data);
    return result;
}

static int is_kept(const cache_query_rules_t *rules, cache_span_t name, apr_pool_t *pool)
{
    cache_span_t meant;

    if (!rules->keep && !rules->drop)
        return 1;
    meant = decoded(name, pool);
    if (rules->keep && !cache_pattern_any(rules->keep, meant))
        return 0;
    return !cache_pattern_any(rules->drop, meant);
}

static apr_array_header_t *read_parameters(const cache_query_rules_t *rules, const char *query,
                                           apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 8, sizeof(parameter_t));

    while (*query) {
        cache_span_t whole = {query, strcspn(query, "&")};
        cache_span_t name = {query, strcspn(query, "&=")};

        if (whole.size > 0 && is_kept(rules, name, pool)) {
            parameter_t *it = apr_array_push(list);
            it->whole = whole;
            it->name = name;
        }
        query += whole.size;
        query += *query == '&';
    }
    return list;
}

static int compare(const cache_span_t *a, const cache_span_t *b)
{
    apr_size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->data, b->data, size);

    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Takes the lesser heads of two sorted runs; of equal ones that of the first. */
static void merge(parameter_t *into, const parameter_t *one, int ones, const parameter_t *other,
                  int others)
{
    while (ones > 0 || others > 0) {
        if (others == 0 || (ones > 0 && compare(&one->name, &other->name) <= 0)) {
            *into++ = *one++;
            ones--;
        } else {
            *into++ = *other++;
            others--;
        }
    }
}

/* A merge sort: stable, and no query takes it long. */
static void sort(parameter_t *list, parameter_t *spare, int count)
{
    int half = count / 2;

    if (count < 2)
        return;
    sort(list, spare, half);
    sort(list + half, spare, count - half);
    memcpy(spare, list, (apr_size_t)count * sizeof(*list));
    merge(list, spare, half, spare + half, count - half);
}

static const char *join(const apr_array_header_t *list, apr_size_t longest, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, longest + 1);
    char *out = text;

    for (int i = 0; i < list->nelts; i++) {
        const parameter_t *it = &APR_ARRAY_IDX(list, i, parameter_t);

        if (i > 0)
            *out++ = '&';
        memcpy(out, it->whole.data, it->whole.size);
        out += it->whole.size;
    }
    *out = '\0';
    return text;
}

const char *cache_query_normalise(const cache_query_rules_t *rules, const char *query,
                                  apr_pool_t *pool)
{
    apr_array_header_t *list;

    if (!rules->sort && !rules->keep && !rules->drop)
        return query;
    list = read_parameters(rules, query, pool);
    if (rules->sort && list->nelts > 1)
        sort((parameter_t *)(void *)list->elts,
             apr_palloc(pool, (apr_size_t)list->nelts * sizeof(parameter_t)), list->nelts);
    return join(list, strlen(query), pool);
}
