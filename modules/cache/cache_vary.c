/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_vary.h"
#include "cache_text.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Joins the names, sorted, each once. */
static const char *join(const char **name, int count, apr_pool_t *pool)
{
    const char *joined = "";

    qsort(name, (size_t)count, sizeof(name[0]), compare);
    for (int i = 0; i < count; i++) {
        if (i == 0 || strcmp(name[i], name[i - 1]) != 0)
            joined = apr_pstrcat(pool, joined, *joined ? "," : "", name[i], NULL);
    }
    return joined;
}

cache_vary_e cache_vary_parse(const char **names, const apr_table_t *response, apr_pool_t *pool)
{
    const char *name[CACHE_VARY_MAX_NAMES];
    const char *line;
    cache_span_t element;
    int count = 0, at = 0;

    if (!apr_table_get(response, "Vary"))
        return CACHE_VARY_NONE;
    while ((line = cache_text_line(response, "Vary", &at)) != NULL) {
        while (cache_text_next(&line, &element)) {
            if (!cache_text_is_token(element) || cache_text_is(element, "*") ||
                count == CACHE_VARY_MAX_NAMES)
                return CACHE_VARY_ANY;
            if (pool)
                name[count] = cache_text_lower(element, pool);
            count++;
        }
    }
    if (count && pool)
        *names = join(name, count, pool);
    return count ? CACHE_VARY_FIELDS : CACHE_VARY_NONE;
}

/*
 * The weight of "text;q=0.5" in thousandths; 1000 where there is none, or one that cannot be read.
 */
static int weight(const char *text)
{
    const char *q = strstr(text, "q=");
    int value = 0;
    int scale = 100;

    if (!q || (q[2] != '0' && q[2] != '1'))
        return 1000;
    value = (q[2] - '0') * 1000;
    if (q[3] != '.')
        return value;
    for (q += 4; *q >= '0' && *q <= '9' && scale > 0; q++, scale /= 10)
        value += (*q - '0') * scale;
    return value > 1000 ? 1000 : value;
}

/*
 * Insertion sort is stable: languages of one weight stay in the client's order, which some origins
 * go by.
 */
static void sort_by_weight(const char **element, int count)
{
    for (int i = 1; i < count; i++) {
        const char *moved = element[i];
        int at = i;
        for (; at > 0 && weight(element[at - 1]) < weight(moved); at--)
            element[at] = element[at - 1];
        element[at] = moved;
    }
}

/* Drops the white space that may stand around ";" and "=" in a weighted element. */
static char *without_space(cache_span_t element, apr_pool_t *pool)
{
    char *text = cache_text_lower(element, pool);
    char *out = text;

    for (const char *in = text; *in; in++) {
        if (*in != ' ' && *in != '\t')
            *out++ = *in;
    }
    *out = '\0';
    return text;
}

#define MAX_ELEMENTS 64

static const char *normalise_list(const char *value, int by_weight, apr_pool_t *pool)
{
    const char *element[MAX_ELEMENTS];
    const char *cursor = value;
    cache_span_t span;
    struct iovec part[2 * MAX_ELEMENTS];
    int count = 0;

    while (cache_text_next(&cursor, &span)) {
        if (count == MAX_ELEMENTS)
            return value; /* nothing sensible: only the same spelling matches */
        element[count++] = without_space(span, pool);
    }
    if (by_weight) {
        sort_by_weight(element, count);
    } else {
        qsort(element, (size_t)count, sizeof(element[0]), compare);
    }
    for (int i = 0; i < count; i++) {
        part[2 * i].iov_base = (void *)(uintptr_t)element[i];
        part[2 * i].iov_len = strlen(element[i]);
        part[2 * i + 1].iov_base = (void *)(uintptr_t) ",";
        part[2 * i + 1].iov_len = 1;
    }
    return count ? apr_pstrcatv(pool, part, 2 * (apr_size_t)count, NULL) : "";
}

static int is_accept_list(const char *name)
{
    return strcmp(name, "accept") == 0 || strcmp(name, "accept-charset") == 0;
}

/* Returns 1 when an element of a weighted list has the weight 0. */
static int is_refused(const char *element)
{
    return strchr(element, ';') && weight(strchr(element, ';')) == 0;
}

/*
 * Which of the codings that are worth a variant the client takes, in one order. Answers in another
 * coding are not stored (cache_vary_is_plain), so that a client is never given what it does not
 * take.
 */
static const char *normalise_codings(const char *value, apr_pool_t *pool)
{
    static const char *const codings[] = {"br", "gzip", "zstd"};
    int taken[3] = {-1, -1, -1};
    int others = 0; /* what "*" says */
    int coded_only = 0;
    const char *result = "";
    cache_span_t span;

    while (cache_text_next(&value, &span)) {
        const char *element = without_space(span, pool);
        cache_span_t name = {element, strcspn(element, ";")};
        int is_taken = !is_refused(element);

        if (cache_text_is(name, "identity"))
            coded_only = !is_taken;
        if (cache_text_is(name, "*"))
            others = is_taken;
        for (int i = 0; i < 3; i++) {
            if (cache_text_is(name, codings[i]) || (i == 1 && cache_text_is(name, "x-gzip")))
                taken[i] = is_taken;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (taken[i] == 1 || (taken[i] < 0 && others))
            result = apr_pstrcat(pool, result, *result ? "," : "", codings[i], NULL);
    }
    return coded_only ? apr_pstrcat(pool, result, ";", NULL) : result;
}

int cache_vary_is_plain(const apr_table_t *response)
{
    const char *coding = apr_table_get(response, "Content-Encoding");
    cache_span_t span;

    if (!coding)
        return 1;
    span = cache_text_trim(cache_text_span(coding));
    return cache_text_is(span, "br") || cache_text_is(span, "gzip") ||
           cache_text_is(span, "zstd") || cache_text_is(span, "identity");
}

/* These are no lists: their white space is their own. */
static int is_single(const char *name)
{
    static const char *const names[] = {"authorization", "cookie", "referer", "user-agent"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return 1;
    }
    return 0;
}

/* Drops the white space around the elements of a list whose meaning is not known. */
static const char *tidy(const char *value, apr_pool_t *pool)
{
    char *tidied = apr_palloc(pool, strlen(value) + 1);
    char *out = tidied;
    cache_span_t element;

    while (cache_text_next(&value, &element)) {
        if (out > tidied)
            *out++ = ',';
        memcpy(out, element.data, element.size);
        out += element.size;
    }
    *out = '\0';
    return tidied;
}

static const char *normalise(const char *name, const char *value, apr_pool_t *pool)
{
    cache_span_t trimmed;

    if (strcmp(name, "accept-encoding") == 0)
        return normalise_codings(value, pool);
    if (is_accept_list(name))
        return normalise_list(value, 0, pool);
    if (strcmp(name, "accept-language") == 0)
        return normalise_list(value, 1, pool);
    if (!is_single(name))
        return tidy(value, pool);
    trimmed = cache_text_trim(cache_text_span(value));
    return apr_pstrmemdup(pool, trimmed.data, trimmed.size);
}

/* Lengths in front of the values: no value can imitate another field's. */
const char *cache_vary_selector(const char *names, const apr_table_t *request, apr_pool_t *pool)
{
    const char *selector = names;
    cache_span_t span;

    while (cache_text_next(&names, &span)) {
        const char *name = apr_pstrmemdup(pool, span.data, span.size);
        const char *value = apr_table_getm(pool, request, name);
        if (value) {
            value = normalise(name, value, pool);
            selector =
                apr_psprintf(pool, "%s\n%" APR_SIZE_T_FMT ":%s", selector, strlen(value), value);
        } else {
            selector = apr_pstrcat(pool, selector, "\n-", NULL);
        }
    }
    return selector;
}

const char *cache_vary_list_next(const char **list, apr_pool_t *pool)
{
    const char *start = *list;
    const char *end;

    if (!start)
        return NULL;
    end = strchr(start, '\n');
    *list = end ? end + 1 : NULL;
    return end ? apr_pstrmemdup(pool, start, (apr_size_t)(end - start)) : start;
}

const char *cache_vary_list_add(const char *list, const char *names, apr_pool_t *pool)
{
    const char *added = names;
    const char *set;
    int count = 1;

    while (count < CACHE_VARY_MAX_SETS && (set = cache_vary_list_next(&list, pool)) != NULL) {
        if (strcmp(set, names) == 0)
            continue;
        added = apr_pstrcat(pool, added, "\n", set, NULL);
        count++;
    }
    return added;
}
