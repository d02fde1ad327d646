/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HTTP_BODY_H
#define HEALTH_HTTP_BODY_H

#include <apr_pools.h>

#include "health_http.h"

/* The body of an HTTP/1 answer, freed of its framing (RFC 9112, 6 and 7.1) and kept up to a limit.
 * One thread at a time. */
typedef struct health_http_body_t {
    health_framing_e framing;
    apr_int64_t left; /* bytes of the body, or of the chunk, that are to come */
    int step;         /* the grammar's place within chunks; its own */
    int digits;
    char *bytes; /* what is kept */
    apr_size_t size;
    apr_size_t room;
    apr_size_t limit;
    const char *complaint; /* MALFORMED: a constant that says what is wrong */
    apr_pool_t *pool;
} health_http_body_t;

typedef enum {
    HEALTH_BODY_MORE,
    HEALTH_BODY_END,
    HEALTH_BODY_FULL, /* limit bytes are kept; the rest is not looked at */
    HEALTH_BODY_MALFORMED
} health_body_e;

/* Prepares for the body of the answer with this head; empty: the answer cannot have one (HEAD, 204,
 * 304). What is kept comes from pool. */
void health_http_body_init(health_http_body_t *body, const health_http_t *head, int empty,
                           apr_size_t limit, apr_pool_t *pool);

/* Takes size bytes in, which may be 0. Any answer but HEALTH_BODY_MORE is final. */
health_body_e health_http_body_feed(health_http_body_t *body, const char *data, apr_size_t size);

/* The member closed the connection: returns HEALTH_BODY_END where that is how this body ends, else
 * HEALTH_BODY_MALFORMED. */
health_body_e health_http_body_closed(health_http_body_t *body);

#endif
