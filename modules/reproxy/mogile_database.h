/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_DATABASE_H
#define MOGILE_DATABASE_H

#include "memcache_resolver.h"
#include "mogile_file.h"
#include "mogile_server.h"

/*
 * Looks keys up in MogileFS's own database, reading only: what the trackers do, and with the length
 * and the checksum. MariaDB Connector/C by its non-blocking calls, as its time-outs are of whole
 * seconds; a bounded number of kept connections, each used by one thread at a time. Any thread.
 */
typedef struct mogile_database_t mogile_database_t;

typedef struct mogile_database_options_t {
    const char *host;   /* what resolver knows; NULL: socket */
    const char *socket; /* the path of a Unix socket */
    unsigned port;
    const char *name;             /* of the database */
    const char *user;             /* NULL: of the process */
    const char *password;         /* NULL: none */
    apr_interval_time_t deadline; /* of one look-up, the wait for a connection included */
    int connections;              /* of this process, at most */
    const mogile_server_t *server;
    tier_memcache_resolver_t *resolver; /* knows host's addresses, at resolver_index */
    int resolver_index;
    /* Only one look-up is tried in such a time while the database does not answer. */
    apr_interval_time_t retry;
} mogile_database_options_t;

#define MOGILE_DATABASE_CONNECTIONS_MOST 64

/*
 * Makes a client for this process; call in child_init. options is copied; what it points to must
 * live as long as pool, which closes the connections. Does not connect.
 */
apr_status_t mogile_database_create(mogile_database_t **database,
                                    const mogile_database_options_t *options, apr_pool_t *pool);

/*
 * APR_SUCCESS: *file is the key's file (strings from pool), its copies on devices that may be read;
 * NULL: there is no such key. alternate: 1 for hosts' other addresses, where they have one.
 * APR_EAGAIN: it does not answer and is left alone, or every connection is in use; else why not.
 */
apr_status_t mogile_database_find(mogile_database_t *database, mogile_file_t **file,
                                  const char *domain, const char *key, int alternate,
                                  apr_pool_t *pool);

#endif
