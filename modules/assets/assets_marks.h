/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_MARKS_H
#define ASSETS_MARKS_H

#include <apr_errno.h>
#include <apr_time.h>

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
    apr_uint32_t bells[ASSETS_BELLS]; /* atomic: how often they rang */
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

/* Wakes all who listen to id's bell. */
void assets_bell_ring(assets_marks_t *marks, apr_uint64_t id);

/* Returns a number to give to assets_bell_wait: what rings after this call is not missed. */
apr_uint32_t assets_bell_listen(const assets_marks_t *marks, apr_uint64_t id);

/* Waits until the bell rings, at most so long. It may also return for no reason. */
void assets_bell_wait(assets_marks_t *marks, apr_uint64_t id, apr_uint32_t heard,
                      apr_interval_time_t longest);

#endif
