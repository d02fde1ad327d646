/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_CHUNK_H
#define REPROXY_CHUNK_H

#include <apr.h>

/* Takes chunked framing (RFC 9112, 7.1) off a body that comes in pieces. Zeroed: at its start. One
 * thread. */
typedef struct reproxy_chunk_t {
    int state;
    int digits;      /* of the size that is being read */
    apr_off_t left;  /* of the chunk */
    apr_size_t line; /* bytes of the extension or trailer line so far, to bound them */
} reproxy_chunk_t;

typedef enum {
    REPROXY_CHUNK_MORE, /* all input is used */
    REPROXY_CHUNK_BODY, /* a run of body bytes */
    REPROXY_CHUNK_END,  /* the body and its trailers are complete */
    REPROXY_CHUNK_BAD
} reproxy_chunk_e;

/*
 * Goes on in *data, which has *size bytes, and moves both past what it used. With _BODY, *body and
 * *body_size are a run within the data. With _END the rest of the data, if any, belongs to no
 * answer. Trailers are dropped.
 */
reproxy_chunk_e reproxy_chunk_next(reproxy_chunk_t *chunk, const char **data, apr_size_t *size,
                                   const char **body, apr_size_t *body_size);

#endif
