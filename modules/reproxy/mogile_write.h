/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_WRITE_H
#define MOGILE_WRITE_H

#include "mogile_request.h"

/* What PUT and DELETE ask of trackers. One thread, that of the request. */

/* Returns size bytes in lower-case hexadecimal, from pool. */
const char *mogile_write_hex(const unsigned char *bytes, apr_size_t size, apr_pool_t *pool);

/*
 * Looks the key up anew and evaluates the client's conditions (RFC 9110, 13) against its entity
 * tag. Returns OK and sets *existed, or the HTTP status to return.
 */
int mogile_write_check(mogile_request_t *request, int *existed);

/*
 * Asks a tracker for a fid and where to put it (create_open). Returns OK, or the HTTP status to
 * return; what went wrong is in the log.
 */
int mogile_write_open(mogile_request_t *request, mogile_file_t **opened);

typedef enum {
    MOGILE_CLOSED,       /* the key's file is the new one */
    MOGILE_CLOSE_FAILED, /* the tracker found something else at the device; nothing is registered */
    MOGILE_CLOSE_UNKNOWN /* no tracker tells */
} mogile_closed_e;

/* Registers what copy's device has stored (create_close). md5: hexadecimal. */
mogile_closed_e mogile_write_close(mogile_request_t *request, apr_int64_t fid,
                                   const mogile_copy_t *copy, apr_off_t length, const char *md5);

/*
 * Tells a tracker that opened will not be registered, so that MogileFS removes what there is.
 * tried: the device that may have something; NULL: none has.
 */
void mogile_write_abandon(mogile_request_t *request, const mogile_file_t *opened,
                          const mogile_copy_t *tried);

#endif
