/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HOT_H
#define ASSETS_HOT_H

#include "assets_file.h"

/*
 * Files in the memory of one process, with what was kept beside them; of larger ones that
 * were put there, what stat(2) says; and names at which there was no file: found without opening
 * anything. Whether the disk has changed is looked at
 * before an answer, but not twice within ASSETS_HOT_LOOK. Bounded; what was not used goes first.
 * Any thread.
 */
typedef struct assets_hot_t assets_hot_t;

#define ASSETS_HOT_LOOK apr_time_from_msec(900)

/* The largest size of a file whose content is kept: a 64th of all, but within these. */
#define ASSETS_HOT_SMALL   ((apr_off_t)64 * 1024)
#define ASSETS_HOT_LARGEST ((apr_off_t)256 * 1024)

/* Makes an empty one for most_bytes, from pool, which must outlive all pools given below. Errors:
 * of making locks. */
apr_status_t assets_hot_create(assets_hot_t **hot, apr_size_t most_bytes, apr_pool_t *pool);

/*
 * Returns 1 when something is known of path, and sets *file: with data (NULL: it is known only),
 * and without an open file, until pool is destroyed; or (*is_there 0) to nothing. now is
 * tier_clock_now()'s.
 */
int assets_hot_get(assets_hot_t *hot, assets_file_t *file, int *is_there, const char *path,
                   apr_time_t now, apr_pool_t *pool);

/* Keeps what was just opened at path; NULL: there was nothing. Reads the file, unless
 * it is too large: then it is known only, or not at all if it was fetched. One that is not what it
 * was when it was opened is not kept. */
void assets_hot_put(assets_hot_t *hot, const assets_file_t *file, const char *path, apr_time_t now);

/* Keeps with the content of file, which assets_hot_get has found at path, what was made of it (its
 * strings are copied): what is told first, while nothing has come in the file's place. */
void assets_hot_tell(assets_hot_t *hot, const assets_file_t *file, const char *path,
                     const assets_ready_t *ready);

/* Returns how many bytes are in use. */
apr_size_t assets_hot_bytes(assets_hot_t *hot);

#endif
