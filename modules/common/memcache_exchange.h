/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_MEMCACHE_EXCHANGE_H
#define TIER_MEMCACHE_EXCHANGE_H

#include <apr_pools.h>

#include "memcache_protocol.h"
#include "memcache_wire.h"

/*
 * One command and its answer over one connection. A plain value of one thread, filled by the caller
 * down to `pool`; an exchange whose connection turned out to be closed may be run again over
 * another one.
 */
typedef struct tier_memcache_exchange_t {
    const char *verb; /* "get", "set", "add" or "delete" */
    const char *key;
    apr_size_t key_size;
    const char *value; /* set, add */
    apr_size_t size;
    apr_uint32_t flags;
    apr_int64_t expiry;
    unsigned expected; /* bits 1 << tier_memcache_answer_e: any other answer is wrong */
    apr_time_t until;  /* the deadline, tier_clock_now()'s time */
    apr_pool_t *pool;  /* get: where the value goes */

    tier_memcache_answer_t answer;
    char *got;     /* get: the value, answer.size bytes */
    int begun;     /* a byte of the answer has come */
    char said[64]; /* what a wrong answer begins with, made printable */
} tier_memcache_exchange_t;

/*
 * Sends the command and reads its whole answer. APR_SUCCESS: answer is one of the expected, and the
 * connection is ready for the next command. With every other status the connection has to be
 * closed: APR_TIMEUP (no whole answer by `until`), APR_EOF (closed by the peer), APR_EGENERAL (not
 * an answer to this command; see said), APR_ENOMEM, errno's values.
 */
apr_status_t tier_memcache_exchange_run(tier_memcache_exchange_t *exchange,
                                        tier_memcache_wire_t *wire);

/* Sets said to what data begins with; returns APR_EGENERAL. */
apr_status_t tier_memcache_exchange_wrong(tier_memcache_exchange_t *exchange, const char *data,
                                          apr_size_t size);

#endif
