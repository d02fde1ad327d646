/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_CONFIG_H
#define CACHE_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "access.h"

#define CACHE_DEFAULT_MAX_SIZE  ((apr_off_t)16 * 1024 * 1024)
#define CACHE_DEFAULT_SIZE      ((apr_off_t)64 * 1024 * 1024)
#define CACHE_DEFAULT_WAIT      apr_time_from_sec(10)
#define CACHE_DEFAULT_TIMEOUT   apr_time_from_msec(100)
#define CACHE_DEFAULT_LOCAL_TTL apr_time_from_sec(1)
#define CACHE_DEFAULT_PERCENT   10
#define CACHE_DEFAULT_LONGEST   apr_time_from_sec(86400)

/* When hits are served: after access control, or before anything else about the URL. */
typedef enum {
    CACHE_QUICK_OFF,
    CACHE_QUICK_ON,
    CACHE_QUICK_AUTO,   /* as configured; cache_certain.c makes OFF or CERTAIN of it */
    CACHE_QUICK_CERTAIN /* before, where it is certain that it makes no difference */
} cache_quick_e;

/* Of a server; TIER_UNSET: not said. The lower half is used of the main server only. */
typedef struct cache_server_t {
    int enabled;
    int enabled_below;             /* 1: it is on in one of the server's directories */
    int quick;                     /* cache_quick_e */
    apr_array_header_t *elsewhere; /* with CERTAIN: where it is not so; of const char * */
    apr_off_t max_size;
    apr_off_t size;
    apr_interval_time_t timeout;
    apr_interval_time_t local_ttl; /* 0: no first level */
    apr_int64_t waiters;           /* of one process */
    apr_interval_time_t wait;      /* this and the next two: of the server of the request */
    apr_interval_time_t stale_while_revalidate; /* where the response says nothing */
    apr_interval_time_t stale_if_error;
    apr_int64_t heuristic_percent; /* this and the next: set together */
    apr_interval_time_t heuristic_longest;
    apr_array_header_t *key_parts; /* of ap_expr_info_t *; NULL: none */
    int strip_tags;
    int finish;                     /* 0: what a client has left is given up */
    apr_array_header_t *servers;    /* of const char *; NULL: none */
    tier_access_t *purge_allow;     /* NULL: nobody */
    apr_array_header_t *tag_fields; /* of const char *; NULL: the usual ones */
} cache_server_t;

extern const command_rec cache_config_commands[];

/* For the module record: all from pool; one thread, while configuring. */
void *cache_config_create_server(apr_pool_t *pool, server_rec *server);
void *cache_config_merge_server(apr_pool_t *pool, void *base, void *add);

/* Returns the server's configuration. Any thread. */
const cache_server_t *cache_config_of(const server_rec *server);

/* Returns 1 when the cache is on for r: what its directory says, else its server. */
int cache_config_is_enabled(const request_rec *r);

/* The setters of the directives of keys. cache_key_hooks.c */
const char *cache_key_add_part(cmd_parms *cmd, void *directory, const char *arg);
const char *cache_key_set_query(cmd_parms *cmd, void *config, int argc, char *const argv[]);

/* The setters of the directives of purging. cache_purge_config.c */
const char *cache_purge_config_allow(cmd_parms *cmd, void *directory, const char *arg);
const char *cache_purge_config_tags(cmd_parms *cmd, void *directory, const char *arg);
const char *cache_purge_config_strip(cmd_parms *cmd, void *directory, int on);

/* Returns 1 when TierCachePurgeAllow admits who sent r, by tier_glue_admits. cache_purge_config.c
 */
int cache_purge_config_admits(const request_rec *r);

/* Returns 1 when somebody may purge on one of the servers of the list. cache_purge_config.c */
int cache_purge_config_is_used(const server_rec *main_server);

/* Returns the largest TierCacheMaxSize of the servers of the list, 0 where none has one. */
apr_off_t cache_config_largest(const server_rec *main_server);

#endif
