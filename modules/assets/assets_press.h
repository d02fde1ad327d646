/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_PRESS_H
#define ASSETS_PRESS_H

#include "assets_accept.h"

#include <apr_pools.h>
#include <sys/stat.h>

/*
 * Compressed variants that are made in the background: a piece at a time, seen when they are whole.
 * They lie beside the fetches (assets_name.h), and an extended attribute says of which file, as it
 * was then, each of them is. One that is empty says that compressing is not worth it.
 */
#define ASSETS_PRESS_ATTRIBUTE "user.webtier.variant"
#define ASSETS_PRESS_LONGEST   1200 /* of the attribute */

/* Sizes of files that are compressed. */
#define ASSETS_PRESS_SMALLEST ((apr_off_t)1024)
#define ASSETS_PRESS_LARGEST  ((apr_off_t)8 * 1024 * 1024)

typedef struct assets_press_t assets_press_t;

typedef enum { ASSETS_PRESS_MORE, ASSETS_PRESS_DONE, ASSETS_PRESS_FAILED } assets_press_e;

/* Returns 1 for a coding that can be made here. */
int assets_press_can(assets_coding_e coding);

/* Returns 1 for a name of a file that compression makes smaller, by its extension. */
int assets_press_is_for(const char *name);

/* Returns the path of the variant of name below directory, from pool. */
const char *assets_press_path(const char *directory, const char *name, assets_coding_e coding,
                              apr_pool_t *pool);

/* Returns 1 when the attribute (size bytes) is that of a variant of the file that these are of. */
int assets_press_is_of(const char *attribute, apr_size_t size, apr_uint64_t inode,
                       apr_off_t file_size, apr_time_t mtime);

/* The same of the variant at path. */
int assets_press_is_at(const char *path, const struct stat *file);

/* Returns the name in an attribute, which is terminated; NULL: it is none. */
const char *assets_press_name(const char *attribute);

/*
 * Begins to compress the file at path, called name below its directory, into target. Returns NULL
 * with *problem when one of them cannot be opened. A cleanup of pool gives up what is not done.
 */
assets_press_t *assets_press_begin(const char *path, const char *name, const char *target,
                                   assets_coding_e coding, apr_status_t *problem, apr_pool_t *pool);

/* Compresses the next piece, of up to 64 KiB: up to some 100 ms. DONE: the variant is there.
 * FAILED: with *problem, or (APR_SUCCESS) because the file changed meanwhile. */
assets_press_e assets_press_step(assets_press_t *press, apr_status_t *problem);

#endif
