/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_HEAD_H
#define REPROXY_HEAD_H

#include <apr_pools.h>

/*
 * The head of a storage node's answer (RFC 9112). A plain value, whose strings lie in the bytes it
 * was read from: nothing is copied, and they last as long as those do.
 */
typedef struct reproxy_head_t {
    int status;
    apr_off_t length; /* Content-Length; -1: none, or overruled by chunked */
    /* Fields of these names, the first where there are several; NULL: none. */
    const char *etag;          /* ETag */
    const char *modified;      /* Last-Modified */
    const char *location;      /* Location */
    const char *accept_ranges; /* Accept-Ranges */
    const char *content_range; /* Content-Range; where there are several, all say the same */
    const char *fields;        /* all, as name, NUL, value, NUL; an empty name ends them */
    unsigned chunked : 1;      /* Transfer-Encoding: chunked */
    unsigned keeps : 1; /* the connection may be used again once the body is read to its end */
} reproxy_head_t;

typedef enum {
    REPROXY_HEAD_MORE, /* not complete */
    REPROXY_HEAD_DONE,
    REPROXY_HEAD_BAD /* no HTTP/1.x answer, or one whose end cannot be told */
} reproxy_head_e;

/*
 * Reads a head at the start of data; *used becomes its size with the empty line, and those bytes
 * are rewritten (_DONE alone is sure to leave them of use; _MORE leaves them as they are). What
 * smuggles is bad: differing Content-Lengths, other transfer codings than chunked, folded lines,
 * NUL and CR within a line, space before a colon. Interim answers (1xx) are heads like others. Any
 * thread.
 */
reproxy_head_e reproxy_head_parse(reproxy_head_t *head, apr_size_t *used, char *data,
                                  apr_size_t size);

/*
 * Returns the value of the field of this name (in any case) of a head that is _DONE, those of
 * several joined by ", ", as a copy in pool; NULL: there is none. Any thread.
 */
const char *reproxy_head_get(const reproxy_head_t *head, const char *name, apr_pool_t *pool);

/* Returns 1 and the number when text is digits alone and fits, else 0. Any thread. */
int reproxy_head_number(const char *text, apr_off_t *number);

#endif
