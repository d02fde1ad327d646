/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_HTTP_H
#define HEALTH_HTTP_H

#include <apr.h>

/*
 * The head of an HTTP/1 answer (RFC 9112), read byte by byte as it comes: status line, header
 * fields up to the empty line. Interim answers (1xx but 101) are passed over. Keeps the status, the
 * reason phrase and how the body is framed. A plain value: no allocation, one thread at a time.
 */
#define HEALTH_HTTP_MAX_HEAD 16384
#define HEALTH_HTTP_REASON   40
#define HEALTH_HTTP_NAME     40
#define HEALTH_HTTP_VALUE    64

typedef enum {
    HEALTH_HTTP_MORE,
    HEALTH_HTTP_COMPLETE,
    HEALTH_HTTP_MALFORMED,
    HEALTH_HTTP_OTHER, /* it is no HTTP/1, and it is known what it is */
    HEALTH_HTTP_TOO_LONG
} health_http_e;

/* How the end of the body is found (RFC 9112, 6.3). */
typedef enum {
    HEALTH_FRAMING_CLOSE,
    HEALTH_FRAMING_LENGTH,
    HEALTH_FRAMING_CHUNKED,
    HEALTH_FRAMING_UNKNOWN /* two lengths, or a coding that was not asked for */
} health_framing_e;

/* A header field that is looked for; a name of NULL: none is. Both whatever their case. */
typedef struct health_http_line_t {
    const char *name;  /* shorter than HEALTH_HTTP_NAME */
    const char *value; /* all of it; shorter than HEALTH_HTTP_VALUE */
} health_http_line_t;

/* One header field while it is read; what is longer is cut. */
typedef struct health_http_field_t {
    char name[HEALTH_HTTP_NAME];
    char value[HEALTH_HTTP_VALUE];
    apr_size_t name_size;
    apr_size_t value_size; /* of all of it, also where it was cut */
} health_http_field_t;

typedef struct health_http_t {
    int step;              /* the grammar's place; the parser's own */
    apr_uint32_t digits;   /* matched in this step */
    apr_size_t taken;      /* bytes of the head so far, interim answers included */
    int status;            /* 100 to 999 once the status line was read */
    const char *complaint; /* MALFORMED and OTHER: a constant that says what is wrong */
    char reason[HEALTH_HTTP_REASON];
    apr_size_t reason_size;
    health_http_field_t field;
    int closes; /* the member says, or is too old to say otherwise, that it closes the connection */
    health_framing_e framing;
    apr_int64_t length;               /* with HEALTH_FRAMING_LENGTH */
    char location[HEALTH_HTTP_VALUE]; /* where a redirect leads; "" */
    const health_http_line_t *sought; /* set after health_http_init(), or NULL */
    int found;                        /* the answer has what is sought */
} health_http_t;

/* Makes parser ready for an answer. */
void health_http_init(health_http_t *parser);

/*
 * Takes size bytes in. Returns HEALTH_HTTP_MORE until the head is complete; any other answer is
 * final. Reads at most HEALTH_HTTP_MAX_HEAD bytes over all calls; bytes after the empty line are
 * ignored.
 */
health_http_e health_http_feed(health_http_t *parser, const char *data, apr_size_t size);

#endif
