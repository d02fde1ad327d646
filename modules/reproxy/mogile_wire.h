/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_WIRE_H
#define MOGILE_WIRE_H

#include <apr_errno.h>
#include <apr_pools.h>

/*
 * The trackers' protocol, as MogileFS-Server 2.73 speaks it (doc/protocol of MogileFS):
 *     request = command SP name=value&name=value... CRLF
 *     answer  = "OK " name=value&...  |  "ERR " code SP text [SP callid]     and CR LF, or LF alone
 * Values and an error's text are quoted as in URLs: a byte outside of [A-Za-z0-9_,-./\:] is %XX, a
 * space is "+". A tracker answers the requests of a connection in their order.
 */

#define MOGILE_WIRE_LONGEST ((apr_size_t)64 * 1024) /* of an answer's line */
#define MOGILE_WIRE_PAIRS   1024                    /* of an answer */

typedef struct mogile_pair_t {
    const char *name;
    const char *value;
    apr_size_t size; /* of value, which may contain NUL and ends with one more */
} mogile_pair_t;

typedef struct mogile_answer_t {
    int ok;             /* 1: "OK", with pairs; 0: "ERR", with code and text */
    const char *code;   /* "unknown_key", ... */
    const char *text;   /* for people */
    const char *callid; /* what the request gave; NULL: nothing */
    int count;
    mogile_pair_t *pairs;
} mogile_answer_t;

/* Returns value quoted, from pool. Every byte but NUL has a quoted form. Any thread. */
char *mogile_wire_quote(const char *value, apr_pool_t *pool);

/*
 * Returns the line of a request without its CRLF, from pool. command and names are written as they
 * are, the values quoted: name, value, name, value, ..., NULL. A pair with a NULL value is left
 * out.
 */
char *mogile_wire_request(apr_pool_t *pool, const char *command, ...) __attribute__((sentinel));

/*
 * Reads one answer's line (size bytes without its end; strings are from pool). APR_EGENERAL: this
 * is no answer: neither OK nor ERR, a control character, a pair without "=", a name twice, more
 * than MOGILE_WIRE_PAIRS. A wrong escape is kept as it is, as trackers do. Pure.
 */
apr_status_t mogile_wire_read(mogile_answer_t *answer, const char *line, apr_size_t size,
                              apr_pool_t *pool);

/* Returns the value of name; NULL: there is none, or it contains NUL. */
const char *mogile_wire_value(const mogile_answer_t *answer, const char *name);

/*
 * Returns 1 and sets *number when name's value is a decimal number of 1 to 18 digits and nothing
 * else.
 */
int mogile_wire_number(const mogile_answer_t *answer, const char *name, apr_int64_t *number);

/*
 * Collects the bytes of a connection until a line is whole; what follows it stays for the next
 * line. Zeroed before its first use, with pool set. One thread.
 */
typedef struct mogile_lines_t {
    apr_pool_t *pool;
    char *data;
    apr_size_t have, room;
    apr_size_t taken;  /* bytes at the start that were handed out */
    apr_size_t looked; /* no end of line before this */
} mogile_lines_t;

/* Adds what was received. APR_ENOSPC: over twice MOGILE_WIRE_LONGEST wait already. */
apr_status_t mogile_lines_add(mogile_lines_t *lines, const char *data, apr_size_t size);

/*
 * APR_SUCCESS: *line (*size bytes without CR LF, not ended by NUL) is the next line, until the next
 * add. APR_INCOMPLETE: not whole yet. APR_ENOSPC: it is over MOGILE_WIRE_LONGEST.
 */
apr_status_t mogile_lines_next(mogile_lines_t *lines, const char **line, apr_size_t *size);

#endif
