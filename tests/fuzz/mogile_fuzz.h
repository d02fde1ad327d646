/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_FUZZ_H
#define MOGILE_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "mogile_file.h"

/* Returns a pool that is emptied at each call. */
static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    apr_pool_clear(pool);
    return pool;
}

/* Whatever made the file: its copies are of its fid, and on devices. */
static inline void check_file(const mogile_file_t *file, apr_pool_t *pool)
{
    if (file->copies->nelts > MOGILE_COPIES_MOST)
        abort();
    for (int i = 0; i < file->copies->nelts; i++) {
        const mogile_copy_t *copy = &APR_ARRAY_IDX(file->copies, i, mogile_copy_t);
        const char *path = mogile_file_path(copy->devid, file->fid, pool);

        if (strncmp(copy->url, "http://", 7) != 0 ||
            strncmp(copy->url + 7, copy->node, strlen(copy->node)) != 0 ||
            strcmp(copy->url + 7 + strlen(copy->node), path) != 0 || strpbrk(copy->node, "@/ \r\n"))
            abort();
    }
}

#endif
