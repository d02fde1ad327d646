/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_DIRECTORY_H
#define CACHE_DIRECTORY_H

#include <httpd.h>
#include <http_config.h>

/*
 * What may differ from directory to directory. Written while configuring, by one thread; read by
 * all. TIER_UNSET, or NULL: not said.
 */
typedef struct cache_directory_t {
    int enabled;
    int ignore_client;            /* 1: the client's Cache-Control and Pragma mean nothing */
    apr_interval_time_t fallback; /* this and the next two: 0 is off */
    apr_interval_time_t shortest;
    apr_interval_time_t longest;
    int fragments; /* 1: what is stored is what includes are worked out of */
    int query_sort;
    apr_array_header_t *query_keep; /* this and the next: of const char *, patterns of names */
    apr_array_header_t *query_drop;
    apr_array_header_t *cookies; /* of const char *: patterns, TierCacheIgnoreSetCookie */
    apr_array_header_t *bypass;  /* this and the next: of ap_expr_info_t * */
    apr_array_header_t *no_store;
} cache_directory_t;

/* For the module record: all from pool. */
void *cache_directory_create(apr_pool_t *pool, char *path);
void *cache_directory_merge(apr_pool_t *pool, void *base, void *add);

/* The setters of the directives, for the module's table of commands. */
const char *cache_directory_set_time(cmd_parms *cmd, void *directory, const char *arg);
const char *cache_directory_set_ignore_client(cmd_parms *cmd, void *directory, int on);
const char *cache_directory_set_fragments(cmd_parms *cmd, void *directory, int on);
const char *cache_directory_add_cookie(cmd_parms *cmd, void *directory, const char *arg);
const char *cache_directory_add_expression(cmd_parms *cmd, void *directory, const char *arg);

/* Returns what counts for r. Before its directory is known, that is what its server says. */
const cache_directory_t *cache_directory_of(const request_rec *r);

#endif
