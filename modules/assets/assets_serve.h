/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SERVE_H
#define ASSETS_SERVE_H

/* Files that are there: how they are found, and how a request is answered with one. */

#include "assets_hooks.h"

/* Finds out what r's URL says of the content: sets the state's name, path, claimed and version.
 * Where it has a fingerprint, the rest of httpd gets to see the URL without. assets_claim.c */
void assets_claim_read(assets_request_t *state, request_rec *r);

/* Remembers that there is no file of the very name, whose fingerprint was right. assets_claim.c */
void assets_claim_keep(const assets_request_t *state);

/* Returns what the fingerprint of the URL has to do with the state's file. assets_claim.c */
assets_fingerprint_e assets_claim_judge(assets_request_t *state, request_rec *r);

/* Returns 1 when the state's file, which was fetched, is not what the URL asks for by fingerprint
 * or version, and the application was not asked in this second. assets_claim.c */
int assets_claim_is_newer(assets_request_t *state, request_rec *r);

/* Finds what is at state->path, in memory or on the disk, and sets has_file and is_fresh.
 * assets_serve.c */
void assets_serve_find(assets_request_t *state, request_rec *r);

/* The same from the disk alone, as it is now. assets_serve.c */
void assets_serve_look(assets_request_t *state, request_rec *r);

/* Answers r with the file that state has. Returns a handler's result. assets_serve.c */
int assets_serve(assets_request_t *state, request_rec *r);

/* Returns what to open files for r with besides. assets_serve.c */
apr_int32_t assets_serve_flags(const request_rec *r);

/* What httpd made of a file in memory before (assets_ready.h). All in assets_ready.c. */

/* Returns it where it holds for r, or NULL. */
const assets_ready_t *assets_serve_ready(const assets_file_t *file, const request_rec *r);

/* Returns 1 when all modules that look for types of files find the same each time. Configuration
 * is over. */
int assets_serve_types_are_known(void);

/* For the type_checker hook, before all others: sets the type where it is known, and returns OK;
 * else DECLINED. */
int assets_serve_type(assets_request_t *state, request_rec *r);

/* For the fixups hook, before all others: notes the type that the others have found. */
void assets_serve_note_type(assets_request_t *state, const request_rec *r);

/* Has file, in memory at path, say from now on what httpd makes of it; type: that it noted. */
void assets_serve_keep(assets_file_t *file, const char *path, const char *type, request_rec *r);

/* Returns the ETag of file, empty or NULL: none. */
const char *assets_serve_etag(const assets_file_t *file, request_rec *r);

/* Sets r's time and Last-Modified to file's. */
void assets_serve_set_modified(request_rec *r, const assets_file_t *file);

/* Adds a part of a file to what answers r, as httpd would send its own. assets_serve.c */
void assets_serve_add_file(apr_bucket_brigade *brigade, apr_file_t *file, apr_off_t start,
                           apr_off_t length, const request_rec *r);

/* Puts a compressed file in the place of state's, where one is beside it and r wants it. r has its
 * type and fields already. assets_variant.c */
void assets_variant_choose(assets_request_t *state, request_rec *r);

/* Returns 1 when what r, which has its type, answers with is rewritten. assets_variant.c */
int assets_variant_is_rewritten(request_rec *r);

/* Sets r's fields from what is kept beside a fetched file. assets_serve.c */
void assets_serve_fields(request_rec *r, const assets_file_t *file);

#endif
