/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_MARKS_H
#define ASSETS_MARKS_H

#include "assets_bell.h"

#include <apr_errno.h>

/*
 * What is remembered for a moment about URLs that are no files, and the bells that waiting requests
 * listen to; in shared memory. Any thread of any process, without locks: a mark is one word. Marks
 * may be lost to others; one of another URL is never taken for this URL's but by a collision of a
 * keyed hash, whose key no client knows.
 */
#define ASSETS_MARKS 16384
#define ASSETS_BELLS 256

typedef enum {
    ASSETS_MARK_NONE,
    ASSETS_MARK_NOT_FOUND,  /* the application has no such file */
    ASSETS_MARK_UNSTORABLE, /* its answer is not for everybody: ask it yourself */
    ASSETS_MARK_FAILED      /* it could not be asked, or broke off */
} assets_mark_e;

typedef struct assets_marks_t {
    unsigned char secret[16];
    apr_uint64_t marks[ASSETS_MARKS]; /* atomic */
    assets_bell_t bells[ASSETS_BELLS];
} assets_marks_t;

/* Prepares fresh shared memory. Parent process. Errors: of the source of randomness. */
apr_status_t assets_marks_init(assets_marks_t *marks);

/* Returns what the functions below know a file by: its full path. */
apr_uint64_t assets_marks_id(const assets_marks_t *marks, const char *path);

/* Remembers mark until now + keep; times are tier_clock_now()'s, kept to the second. */
void assets_marks_set(assets_marks_t *marks, apr_uint64_t id, assets_mark_e mark, apr_time_t now,
                      apr_interval_time_t keep);

/* Returns what is remembered. */
assets_mark_e assets_marks_get(const assets_marks_t *marks, apr_uint64_t id, apr_time_t now);

/* Returns what those listen to who wait for the file; others may, too. */
assets_bell_t *assets_marks_bell(assets_marks_t *marks, apr_uint64_t id);

#endif
