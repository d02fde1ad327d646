/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_PEER_H
#define ASSETS_PEER_H

#include <apr_file_io.h>
#include <apr_network_io.h>
#include <apr_tables.h>

/*
 * Another web box that may have a file. It is asked for what it has stored (RFC 9111 section
 * 5.2.1.7: only-if-cached), so that it asks nobody in turn. Only a whole answer of 200 with a
 * Content-Length counts; anything else is as if it had not been asked.
 */
typedef struct assets_peer_t {
    const char *name; /* host:port */
    apr_sockaddr_t *address;
    apr_int64_t *down; /* in shared memory: not asked until then; atomic. NULL: asked always */
} assets_peer_t;

/* How long a peer that did not answer is left alone. */
#define ASSETS_PEER_DOWN apr_time_from_sec(10)

/* The largest head of an answer. */
#define ASSETS_PEER_HEAD ((apr_size_t)16 * 1024)

typedef struct assets_peer_ask_t {
    const char *uri, *host;      /* origin form; the Host field */
    apr_interval_time_t timeout; /* for connecting, for the head, and for any pause in the body */
    apr_time_t until;            /* for all of it; tier_clock_now()'s */
    apr_off_t largest;           /* body */
} assets_peer_ask_t;

/* Reads "http://host", "http://host:port": sets *host and *port, from pool. Returns 0: it is none.
 */
int assets_peer_read(const char *url, const char **host, apr_port_t *port, apr_pool_t *pool);

/*
 * Reads the head of an answer, which ends with its empty line and is changed. Sets the fields, from
 * pool, and the length of the body. Returns 0 unless it is one that counts. Pure.
 */
int assets_peer_head(char *head, apr_table_t **fields, apr_off_t *length, apr_pool_t *pool);

/*
 * Asks peer and writes the body to file, from its offset on. APR_SUCCESS: it is whole, fields are
 * set, from pool. APR_ENOENT: it has no such file, or none that counts; other errors: of the
 * connection (the peer is left alone for a while then) or of writing. Blocks no longer than ask
 * says. Any thread.
 */
apr_status_t assets_peer_get(const assets_peer_t *peer, const assets_peer_ask_t *ask,
                             apr_file_t *file, apr_table_t **fields, apr_off_t *length,
                             apr_pool_t *pool);

#endif
