/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_NAME_H
#define ASSETS_NAME_H

#include <apr_pools.h>

/* Where the fetches that are under way are written, below an asset directory. */
#define ASSETS_NAME_WORK ".tier"

/* How long the names of their files are; others in that folder are not of fetches. */
#define ASSETS_NAME_WORK_SIZE 40

#define ASSETS_NAME_LONGEST 1024
#define ASSETS_NAME_DEEPEST 32

/*
 * Returns 1 when name (the decoded path of a URL, without the prefix) may be a file below an asset
 * directory: segments of 1 to 255 bytes without control characters and backslashes, none of which
 * begins with a dot. Pure; any thread.
 */
int assets_name_is_good(const char *name);

/*
 * Returns the file that a fetch of name is written to, from pool: ".tier/" and the SHA-1 of name,
 * below directory.
 */
const char *assets_name_work(const char *directory, const char *name, apr_pool_t *pool);

#endif
