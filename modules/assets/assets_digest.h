/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_DIGEST_H
#define ASSETS_DIGEST_H

#include "assets_fingerprint.h"

#include <sys/stat.h>

/* The fingerprint of one file, computed a piece at a time. One thread. */
typedef struct assets_digest_t {
    int fd; /* -1: none is being read */
    struct stat info;
    apr_off_t at;
    apr_sha1_ctx_t context;
    int is_sheet, refers; /* a style sheet; it refers to other files */
    char last[8];         /* of a style sheet: the end of the piece before */
} assets_digest_t;

typedef enum { ASSETS_DIGEST_MORE, ASSETS_DIGEST_DONE, ASSETS_DIGEST_FAILED } assets_digest_e;

/* Opens the file at path. Returns 0 when it cannot be opened. */
int assets_digest_begin(assets_digest_t *digest, const char *path);

/* Reads the next piece, of up to 64 KiB. DONE: *fingerprint and info are set; FAILED: it cannot be
 * read, or changed meanwhile. The file is closed after both. */
assets_digest_e assets_digest_step(assets_digest_t *digest, apr_uint64_t *fingerprint);

/* Closes the file, if there is one. */
void assets_digest_end(assets_digest_t *digest);

#endif
