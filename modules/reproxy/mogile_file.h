/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_FILE_H
#define MOGILE_FILE_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "mogile_wire.h"

/*
 * A file of MogileFS and where its copies are. A fid is one immutable body: a key that is
 * overwritten gets a new one. Copies lie at
 *     http://host[:port]/dev<devid>/<a>/<bbb>/<ccc>/<fid, 10 digits or more>.fid
 * where a, bbb and ccc are digits 1, 2-4 and 5-7 of the padded number. Nothing else is believed to
 * be a path, so that a broken tracker or a poisoned cache cannot send us elsewhere.
 */

#define MOGILE_COPIES_MOST 64
#define MOGILE_KEY_LONGEST 1020 /* bytes: the column holds 255 characters of up to 4 */

typedef struct mogile_copy_t {
    const char *url;
    const char *node; /* "host" or "host:port", as in url */
    apr_uint32_t devid;
} mogile_copy_t;

typedef struct mogile_file_t {
    apr_int64_t fid;
    apr_int64_t length;         /* -1: unknown */
    const char *md5;            /* 32 hexadecimal digits in lower case; NULL: unknown or none */
    apr_array_header_t *copies; /* of mogile_copy_t; may be empty: no copy is readable */
} mogile_file_t;

/* Returns an empty file from pool. */
mogile_file_t *mogile_file_make(apr_pool_t *pool);

/* Returns the path of a fid's copy on a device, from pool, from the slash on. */
char *mogile_file_path(apr_uint32_t devid, apr_int64_t fid, apr_pool_t *pool);

/*
 * Reads url into *copy and *fid; its strings are from pool. Returns 0 when it is not of the form
 * above. Pure.
 */
int mogile_file_read_url(mogile_copy_t *copy, apr_int64_t *fid, const char *url, apr_pool_t *pool);

/*
 * Adds a copy. APR_EGENERAL: the url is none, or of another fid than those before it; APR_ENOSPC:
 * MOGILE_COPIES_MOST.
 */
apr_status_t mogile_file_add(mogile_file_t *file, const char *url, apr_pool_t *pool);

/* Reads the answer of get_paths. APR_EGENERAL: it is none. Strings are from pool. */
apr_status_t mogile_file_of_paths(mogile_file_t *file, const mogile_answer_t *answer,
                                  apr_pool_t *pool);

/*
 * Takes length and checksum out of the answer of file_info, when it is about file's fid: else, the
 * key was overwritten between two requests, and they stay unknown. APR_EGENERAL: it is no such
 * answer.
 */
apr_status_t mogile_file_of_info(mogile_file_t *file, const mogile_answer_t *answer,
                                 apr_pool_t *pool);

/*
 * Reads the answer of create_open with multi_dest=1: copies are where the file may be put, in the
 * tracker's order. APR_EGENERAL: it is none.
 */
apr_status_t mogile_file_of_open(mogile_file_t *file, const mogile_answer_t *answer,
                                 apr_pool_t *pool);

/* Returns md5 in lower case when it is 32 hexadecimal digits, else NULL. From pool. */
const char *mogile_file_md5(const char *md5, apr_pool_t *pool);

/*
 * What a cache keeps of a key: the file, or that there is none (file NULL). The text names domain
 * and key, so that a look-up by a hash never answers for another key. From pool; *size is its
 * length.
 */
char *mogile_file_write(const mogile_file_t *file, const char *domain, const char *key,
                        apr_size_t *size, apr_pool_t *pool);

/*
 * Reads such a text. APR_SUCCESS: *file is set, NULL for "no such key". APR_EGENERAL: it is none,
 * or of another domain or key. Pure; strings from pool.
 */
apr_status_t mogile_file_read(mogile_file_t **file, const char *text, apr_size_t size,
                              const char *domain, const char *key, apr_pool_t *pool);

#endif
