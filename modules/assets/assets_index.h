/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_INDEX_H
#define ASSETS_INDEX_H

#include "assets_map.h"

#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_tables.h>

/*
 * The fingerprints of an asset directory's files (assets_fingerprint.h), as one process computes
 * them (assets_census.h) and all read them: a text of one line a file. Pure; any thread.
 */

/* The text's file, below the directory. */
#define ASSETS_INDEX_FILE ".tier/fingerprints"

/* So many files get one. */
#define ASSETS_INDEX_MOST 20000

/* So many former fingerprints of a file are known. */
#define ASSETS_INDEX_OLD 4

typedef struct assets_print_t {
    const char *name; /* below the directory */
    apr_uint64_t fingerprint;
    apr_uint64_t inode;
    apr_off_t size;
    apr_time_t mtime;
    apr_uint64_t old[ASSETS_INDEX_OLD]; /* the latest first; 0: none */
    int refers; /* a style sheet that refers to other files: rewriting may change what is sent */
} assets_print_t;

/* Sorts prints (of const assets_print_t *) by their names and returns their text, from pool: the
 * same for the same files. */
const char *assets_index_write(apr_array_header_t *prints, apr_pool_t *pool);

/* Returns the prints of such a text, which is changed, in their order; from pool. NULL: it is none,
 * or not whole. */
apr_array_header_t *assets_index_read(char *text, apr_pool_t *pool);

/* Adds to map: prefix and name lead to prefix and the name with its fingerprint; and to files: the
 * full path -> its print. */
void assets_index_add(assets_map_t *map, apr_hash_t *files, const char *prefix,
                      const char *directory, const apr_array_header_t *prints, apr_pool_t *pool);

/* Returns 1 when print is of the file with this info, as it is now. */
int assets_index_is_of(const assets_print_t *print, const apr_finfo_t *info);

/* Returns 1 when fingerprint is or was that of print. */
int assets_index_knows(const assets_print_t *print, apr_uint64_t fingerprint);

/* Returns 1 when a name is spelt alike in files and in references, so that it may be in a map. */
int assets_index_is_plain(const char *name);

#endif
