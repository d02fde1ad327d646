/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_CONFIG_H
#define ASSETS_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "assets_accept.h"
#include "assets_live.h"
#include "assets_peer.h"

#define ASSETS_DEFAULT_MAX_FILE     ((apr_off_t)64 * 1024 * 1024)
#define ASSETS_DEFAULT_MAX_SIZE     ((apr_off_t)1024 * 1024 * 1024)
#define ASSETS_DEFAULT_HOT          ((apr_off_t)16 * 1024 * 1024)
#define ASSETS_DEFAULT_MAX_AGE      apr_time_from_sec(60)
#define ASSETS_DEFAULT_PEER_TIMEOUT apr_time_from_msec(250)
#define ASSETS_DEFAULT_NOT_FOUND    apr_time_from_sec(10)
#define ASSETS_DEFAULT_TIMEOUT      apr_time_from_sec(60)
#define ASSETS_DEFAULT_PATIENCE     apr_time_from_sec(5)

/* One TierAssets line. */
typedef struct assets_root_t {
    const char *prefix; /* of the URL's path; begins and ends with a slash */
    apr_size_t prefix_size;
    const char *directory; /* without a slash at its end */
} assets_root_t;

/* Of a server; TIER_UNSET: not said. */
typedef struct assets_server_t {
    apr_array_header_t *roots; /* of assets_root_t; NULL: none */
    int fetch, fingerprint, compress;
    apr_array_header_t *versions; /* of const char *: parameters that name versions; NULL: none */
    apr_array_header_t *peers;    /* of assets_peer_t *; NULL or empty: none */
    apr_interval_time_t peer_timeout;
    apr_off_t max_file, max_size;
    apr_off_t hot; /* of the main server */
    apr_interval_time_t max_age, not_found, timeout;
    apr_int64_t waiters;                    /* of one process; of the main server */
    apr_interval_time_t patience;           /* of more of them; of the main server */
    int codings;                            /* of coding; 0: none */
    assets_coding_e coding[ASSETS_CODINGS]; /* the best first */
    apr_array_header_t *rules;              /* of assets_rule_t; NULL: none */
    apr_array_header_t *sources;            /* of assets_source_t; NULL: none */
    assets_live_t *live; /* what both say now; made in each process; NULL: nothing to be said */
} assets_server_t;

/* To whom early hints are sent. */
typedef enum { ASSETS_EARLY_OFF, ASSETS_EARLY_HTTP2, ASSETS_EARLY_ON } assets_early_e;

/* Of a directory; TIER_UNSET: not said. */
typedef struct assets_directory_t {
    int rewrite;
    int early; /* of assets_early_e */
} assets_directory_t;

extern const command_rec assets_config_commands[];

/* For the module record: all from pool; one thread, while configuring. */
void *assets_config_create_server(apr_pool_t *pool, server_rec *server);
void *assets_config_merge_server(apr_pool_t *pool, void *base, void *add);
void *assets_config_create_directory(apr_pool_t *pool, char *path);
void *assets_config_merge_directory(apr_pool_t *pool, void *base, void *add);

/* Reads the manifests of all servers (assets_live_begin); call in post_config. */
void assets_config_read(server_rec *s, apr_pool_t *pconf);

/* Makes what all servers have to say about references, from pool, which must outlive all requests;
 * call in child_init. Errors: as of assets_live_create. */
apr_status_t assets_config_start(server_rec *s, apr_pool_t *pool);

/* Returns the server's configuration. Any thread. */
const assets_server_t *assets_config_of(const server_rec *server);

/* Returns the TierAssets line with the longest prefix of uri, or NULL. */
const assets_root_t *assets_config_root(const assets_server_t *config, const char *uri);

#endif
