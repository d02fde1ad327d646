/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_CONFIG_H
#define REPROXY_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "mogile_config.h"
#include "reproxy_relay_config.h"

/* The fields of an application's answer that are obeyed, by what they say. */
typedef enum {
    REPROXY_SAYS_URL,   /* X-REPROXY-URL */
    REPROXY_SAYS_FILE,  /* X-REPROXY-FILE, X-Sendfile */
    REPROXY_SAYS_PATH,  /* X-Accel-Redirect */
    REPROXY_SAYS_SIZE,  /* X-REPROXY-EXPECTED-SIZE */
    REPROXY_SAYS_CACHE, /* X-REPROXY-CACHE-FOR */
    REPROXY_SAYINGS
} reproxy_says_e;

/* When another copy may continue a body that broke off. */
typedef enum {
    REPROXY_RESUME_OFF,
    REPROXY_RESUME_SIZE,      /* it has the same size */
    REPROXY_RESUME_VALIDATORS /* ... and no other ETag or Last-Modified */
} reproxy_resume_e;

/*
 * The directives of a section. Read-only after configuration; any thread. A part of the module with
 * directives of its own (mogile_*, reproxy_relay_*) has its struct here, made and merged by its own
 * functions, and its lines in reproxy_config_commands.
 */
typedef struct reproxy_config_t {
    mogile_config_t mogile;
    int is_on;
    reproxy_relay_config_t relay;
    const apr_array_header_t *names[REPROXY_SAYINGS]; /* const char *; NULL: the defaults */
    apr_array_header_t *allow;                        /* reproxy_allow_entry_t */
    apr_array_header_t *roots;                        /* const char * */
    apr_array_header_t *map;                          /* reproxy_map_t */
    const apr_array_header_t *storage_fields;         /* const char * */
    apr_interval_time_t connect_timeout, first_timeout, stall_timeout;
    int resume;    /* reproxy_resume_e */
    int redirects; /* how many of a storage node are followed */
    int hedge;
    apr_interval_time_t hedge_min;
} reproxy_config_t;

/* The directory configuration's create and merge, for the module record. */
void *reproxy_config_create(apr_pool_t *pool, char *section);
void *reproxy_config_merge(apr_pool_t *pool, void *base, void *add);

/* Returns the configuration that holds for r, as set: see the functions below for what has a
 * default. Never NULL. Any thread. */
const reproxy_config_t *reproxy_config_of(const request_rec *r);

/* Return what is set, or the default. Any thread. */
const char *const *reproxy_config_names(const reproxy_config_t *config, reproxy_says_e what,
                                        int *count);
apr_interval_time_t reproxy_config_connect(const reproxy_config_t *config);
apr_interval_time_t reproxy_config_first(const reproxy_config_t *config);
apr_interval_time_t reproxy_config_stall(const reproxy_config_t *config);
apr_interval_time_t reproxy_config_hedge_min(const reproxy_config_t *config);
reproxy_resume_e reproxy_config_resume(const reproxy_config_t *config);

/* Returns how many answers of applications each child remembers (TierReproxyCache); 0: none. */
int reproxy_config_cache(const server_rec *main_server);

/* The server configuration's create and merge. */
void *reproxy_config_server_create(apr_pool_t *pool, server_rec *server);
void *reproxy_config_server_merge(apr_pool_t *pool, void *base, void *add);

extern const command_rec reproxy_config_commands[];

#endif
