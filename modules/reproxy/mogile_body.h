/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_BODY_H
#define MOGILE_BODY_H

#include <httpd.h>

/*
 * The body of an upload, piece by piece. Where the client says how long it is, the bytes go through
 * as they come, and the first MOGILE_BODY_KEPT of them are kept so that another device can be
 * tried. Where it does not (chunked), the body is put into a temporary file first, as storage nodes
 * want to know the length; from there it can be read again and again. Lives in r->pool; one thread.
 */
#define MOGILE_BODY_KEPT  ((apr_size_t)256 * 1024)
#define MOGILE_BODY_PIECE ((apr_size_t)64 * 1024)

typedef struct mogile_body_t {
    request_rec *r;
    apr_off_t length;
    apr_off_t position; /* of the next piece */
    apr_off_t received; /* from the client */
    apr_bucket_brigade *bb;
    apr_file_t *spool; /* NULL: none */
    char *kept;        /* the first bytes; NULL: none, or they were too many */
    apr_size_t kept_size;
    char *piece; /* room of MOGILE_BODY_PIECE, for what comes from spool */
    int ended;   /* the client's body is read */
    int status;  /* why reading failed: HTTP's status for the client, or AP_FILTER_ERROR's answer */
} mogile_body_t;

/*
 * Makes body ready to be read. Returns OK, or the HTTP status to return: the length is wrong, the
 * temporary file cannot be written, or reading the body failed.
 */
int mogile_body_open(mogile_body_t *body, request_rec *r);

/*
 * Gives the next piece, valid until the next call. APR_EOF: there is no more, and it was as long as
 * it should be. Every other status: it cannot be read; body->status is to be returned.
 */
apr_status_t mogile_body_read(mogile_body_t *body, const char **data, apr_size_t *size);

/* Goes back to the start. Returns 0 where that is not possible any more. */
int mogile_body_rewind(mogile_body_t *body);

#endif
