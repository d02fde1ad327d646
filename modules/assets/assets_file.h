/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_FILE_H
#define ASSETS_FILE_H

#include <apr_file_io.h>

#include "assets_ready.h"
#include "assets_record.h"

/*
 * The files of an asset directory. One of three things is at a path: nothing, a file that somebody
 * put there, or one that was fetched (assets_record.h). A fetch is written to a file of its own
 * beside them, whose lock (flock(2), given back by the kernel when its holder dies) says that it is
 * under way, over all processes, and is published by rename(2).
 */
typedef struct assets_file_t {
    apr_file_t *file; /* NULL: its content is in data, or (data NULL) it is known only */
    apr_finfo_t info;
    int has_record;         /* it was fetched */
    assets_record_t record; /* with has_record */
    const char *data;    /* info.size bytes of a small file that was open before (assets_hot.h) */
    const char *made_of; /* of a variant that was made here: its attribute (assets_press.h) */
    const assets_ready_t *ready; /* of what is in memory: what was made of it; NULL: nothing */
} assets_file_t;

/*
 * Opens the file at path for reading; flags are added to apr_file_open's. Errors: APR_ENOENT, of
 * open(2), and APR_EISDIR for what is no regular file. Everything from pool.
 */
apr_status_t assets_file_open(assets_file_t *file, const char *path, apr_int32_t flags,
                              apr_pool_t *pool);

/* Returns 1 when both are of the same file, which has not changed between them. */
int assets_file_is_same(const apr_finfo_t *one, const apr_finfo_t *other);

/* Returns 1 when what file says is at path still. */
int assets_file_is_at(const assets_file_t *file, const char *path, apr_pool_t *pool);

/* Opens a file that is known only. flags, path and pool as for assets_file_open. Errors: of
 * open(2); APR_EMISMATCH: it is another one by now. */
apr_status_t assets_file_reopen(assets_file_t *file, const char *path, apr_int32_t flags,
                                apr_pool_t *pool);

/* Opens for reading once more what file is, whatever it is called by now: with a descriptor and an
 * offset of its own. flags and pool as for assets_file_open. Errors: of open(2). */
apr_status_t assets_file_again(apr_file_t **again, apr_file_t *file, apr_int32_t flags,
                               apr_pool_t *pool);

/* Reads size and record of an open file again. APR_EINVAL: it has no record. */
apr_status_t assets_file_look(assets_file_t *file, apr_pool_t *pool);

/*
 * Begins or joins the fetch that is written to work. *is_leader: 1, the caller fetches; the file is
 * empty, and locked until it is closed. 0: another one does. Makes the folder of work where it is
 * missing. Errors: of open(2).
 */
apr_status_t assets_file_enter(apr_file_t **file, int *is_leader, const char *work,
                               apr_pool_t *pool);

/* Returns 1 while some process fetches into file, which the caller has joined. */
int assets_file_is_led(apr_file_t *file);

/* Writes record beside file, or (file NULL) beside what is at path. Errors: of fsetxattr(2);
 * APR_ENOSPC: it is too large. */
apr_status_t assets_file_note(apr_file_t *file, const char *path, const assets_record_t *record,
                              apr_pool_t *pool);

/*
 * Makes file, written to work and noted, what is at path: on the disk before it is seen, whole or
 * not at all. modified: its time, 0: now. Makes folders where they are missing. The leader only.
 * Errors: of fsync(2), mkdir(2), rename(2).
 */
apr_status_t assets_file_publish(apr_file_t *file, const char *work, const char *path,
                                 apr_time_t modified, apr_pool_t *pool);

/* Says that file was used now, at most once a minute: the sweep removes what was not used for the
 * longest. */
void assets_file_touch(const assets_file_t *file, apr_time_t now);

#endif
