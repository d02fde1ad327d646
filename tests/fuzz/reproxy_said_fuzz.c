/* SPDX-License-Identifier: Apache-2.0 */
/* Input: lines, of which the first byte says what field of an application or a client they are.
 * What is understood must be harmless in a request, and lead to no other place than its own. */
#include "reproxy_fuzz.h"

#include "reproxy_allow.h"
#include "reproxy_memory.h"
#include "reproxy_plan.h"
#include "reproxy_range.h"
#include "reproxy_said.h"
#include "reproxy_url.h"

static void check_url(const char *text, apr_pool_t *pool)
{
    reproxy_url_t url;

    if (reproxy_url_parse(&url, text, pool))
        return;
    if (url.target[0] != '/' || strpbrk(url.target, " \t\r\n#") || url.port == 0 || !*url.host ||
        strpbrk(url.host, " \t\r\n/@[]?#") || strpbrk(url.node, " \t\r\n@"))
        abort();
    for (const char *c = url.target; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7F)
            abort();
}

static void check_map(const char *text, apr_pool_t *pool)
{
    static const reproxy_map_t entry = {"/p/", "/srv/", 0};
    apr_array_header_t *map = apr_array_make(pool, 1, sizeof(entry));
    reproxy_said_t said;

    APR_ARRAY_PUSH(map, reproxy_map_t) = entry;
    reproxy_said_init(&said, pool);
    if (!reproxy_said_mapped(&said, map, text, pool))
        return;
    if (strncmp(said.path, "/srv/", 5) != 0 || strstr(said.path, "/../"))
        abort();
}

static void check_range(const char *text)
{
    reproxy_span_t spans[8];
    int count = reproxy_range_parse(text, spans, 8);

    if (count < 0 || count > 8)
        abort();
    for (int i = 0; i < count; i++)
        if (reproxy_range_resolve(&spans[i], 1000) &&
            (spans[i].first < 0 || spans[i].last < spans[i].first || spans[i].last > 999))
            abort();
}

static void check_memory(const reproxy_said_t *said, apr_pool_t *pool)
{
    reproxy_memo_t memo = {.said = *said, .fields = apr_table_make(pool, 1)}, got;
    reproxy_memory_t *memory = reproxy_memory_create(1, pool);

    reproxy_memory_put(memory, "k", &memo, 1);
    if (reproxy_memory_get(memory, "k", 0, &got, pool) && got.said.urls->nelts != said->urls->nelts)
        abort();
}

static void check_line(reproxy_said_t *said, const char *line, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(reproxy_allow_entry_t));

    switch (line[0]) {
    case 'u':
        reproxy_said_urls(said, line + 1, pool);
        check_url(line + 1, pool);
        break;
    case 's':
        if (reproxy_said_size(said, line + 1) && said->size < 0)
            abort();
        break;
    case 'c':
        if (reproxy_said_cache(said, line + 1, pool) && said->cache_for < 0)
            abort();
        break;
    case 'p':
        check_map(line + 1, pool);
        break;
    case 'r':
        check_range(line + 1);
        break;
    default:
        reproxy_allow_add(list, line, pool);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *text = apr_pstrmemdup(pool, (const char *)data, size), *last, *line;
    reproxy_said_t said;

    reproxy_said_init(&said, pool);
    for (line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last))
        check_line(&said, line, pool);
    if (said.urls->nelts > REPROXY_PLAN_MAX)
        abort();
    check_memory(&said, pool);
    apr_pool_destroy(pool);
    return 0;
}
