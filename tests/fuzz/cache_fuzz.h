/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_FUZZ_H
#define CACHE_FUZZ_H

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns a pool for one input. */
static inline apr_pool_t *fuzz_pool(void)
{
    static int ready;
    apr_pool_t *pool;

    if (!ready && apr_initialize() != APR_SUCCESS)
        abort();
    ready = 1;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        abort();
    return pool;
}

/* Returns a table in which each line of text is one line of the field called name. */
static inline apr_table_t *fuzz_lines(const char *name, char *text, apr_pool_t *pool)
{
    apr_table_t *table = apr_table_make(pool, 4);
    char *line;

    while ((line = apr_strtok(text, "\n", &text)) != NULL)
        apr_table_addn(table, name, line);
    return table;
}

#endif
