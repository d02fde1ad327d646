/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_PROTOCOL_H
#define TIER_MEMCACHE_PROTOCOL_H

#include <apr.h>
#include <apr_time.h>

/*
 * memcached's text protocol (protocol.txt of memcached): what is sent and how answers are read.
 * Pure. The text protocol, because its answers carry all that is needed to prove them whole (the
 * key, the length, a terminator after the value), every version and proxy speaks it, and it costs
 * no more than the binary one, which memcached has deprecated. Every function: any thread.
 */

/* The longest first line of an answer; valid ones have up to 300 bytes or so. */
#define TIER_MEMCACHE_MAX_LINE 512

/* What ends a value. */
#define TIER_MEMCACHE_TAIL      "\r\nEND\r\n"
#define TIER_MEMCACHE_TAIL_SIZE (sizeof(TIER_MEMCACHE_TAIL) - 1)

typedef enum {
    TIER_MEMCACHE_MORE, /* the line is not complete yet */
    TIER_MEMCACHE_VALUE,
    TIER_MEMCACHE_END, /* a miss */
    TIER_MEMCACHE_STORED,
    TIER_MEMCACHE_NOT_STORED,
    TIER_MEMCACHE_DELETED,
    TIER_MEMCACHE_NOT_FOUND,
    TIER_MEMCACHE_TOO_LARGE, /* over the item limit, or no memory for it */
    TIER_MEMCACHE_VERSION,
    TIER_MEMCACHE_WRONG /* an error of the server, or not the protocol */
} tier_memcache_answer_e;

typedef struct tier_memcache_answer_t {
    tier_memcache_answer_e kind;
    apr_size_t line;    /* bytes of the line with its end; 0 for MORE and WRONG */
    apr_uint32_t flags; /* VALUE only, as size */
    apr_size_t size;    /* of the value; at most TIER_MEMCACHE_MAX_VALUE */
} tier_memcache_answer_t;

/* Returns 1 when the protocol allows key: 1 to 250 bytes without control characters and white
 * space. */
int tier_memcache_key_allowed(const char *key, apr_size_t key_size);

/*
 * Reads the first line of an answer from data; key is the key that was asked for: a VALUE of
 * another key is WRONG. Looks at no byte past size.
 */
tier_memcache_answer_t tier_memcache_answer_read(const char *data, apr_size_t size, const char *key,
                                                 apr_size_t key_size);

/*
 * Returns ttl as memcached wants it: seconds, rounded up; the absolute time where it is over 30
 * days, which memcached would take for a date in 1970. now: apr_time_now(). ttl is not negative.
 */
apr_int64_t tier_memcache_expiry(apr_interval_time_t ttl, apr_time_t now);

#endif
