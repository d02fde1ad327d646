/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_FINGERPRINT_H
#define ASSETS_FINGERPRINT_H

#include <apr_file_io.h>
#include <apr_sha1.h>

/*
 * Names that say what the content is, without a build step: "css/a.css" whose content has the
 * fingerprint 1f is "css/a.h000000000000001f.css". A fingerprint is the first 64 bits of the
 * content's SHA-1, never 0. Pure but for assets_fingerprint_file; any thread.
 */

/* Files that are larger get no fingerprint. */
#define ASSETS_FINGERPRINT_LARGEST ((apr_off_t)64 * 1024 * 1024)

/* Returns the name with its fingerprint, from pool. */
const char *assets_fingerprint_add(const char *name, apr_uint64_t fingerprint, apr_pool_t *pool);

/* Returns the name that is without its fingerprint, from pool, and sets *fingerprint; NULL: name is
 * not one that assets_fingerprint_add would have made. */
const char *assets_fingerprint_split(const char *name, apr_uint64_t *fingerprint, apr_pool_t *pool);

/* Cuts the same fingerprint out of an URL's path with or without query, in whatever way the rest of
 * it is encoded. NULL: it is not spelt out there. From pool. */
const char *assets_fingerprint_cut(const char *uri, apr_uint64_t fingerprint, apr_pool_t *pool);

/* Reads 16 digits as assets_fingerprint_add writes them. Returns 0 where there are none. */
apr_uint64_t assets_fingerprint_read(const char *text);

/* Ends the SHA-1 of a content and returns its fingerprint. */
apr_uint64_t assets_fingerprint_final(apr_sha1_ctx_t *context);

/* Returns the fingerprint of size bytes of an open file, whose offset it leaves alone; 0: they
 * could not be read. */
apr_uint64_t assets_fingerprint_file(apr_file_t *file, apr_off_t size);

/* The same of a content in memory. */
apr_uint64_t assets_fingerprint_data(const char *data, apr_size_t size);

/* What a fingerprint that a client asks for has to do with a file. */
typedef enum {
    ASSETS_FINGERPRINT_RIGHT,   /* it is the content's */
    ASSETS_FINGERPRINT_OLD,     /* it was */
    ASSETS_FINGERPRINT_UNKNOWN, /* the content's is not known yet */
    ASSETS_FINGERPRINT_WRONG    /* anything else */
} assets_fingerprint_e;

#endif
