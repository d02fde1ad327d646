/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CONFIG_H
#define HEALTH_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "health_check.h"
#include "log.h"

/* The directives of this module: TierHealthCheck, and what it leaves in a server's configuration.
 */
extern const command_rec health_config_commands[];

/* The checks of one <Proxy "balancer://name"> section. Lives as long as the configuration. */
typedef struct health_section_t {
    const char *balancer;     /* "balancer://name", lower case, as mod_proxy names it */
    const server_rec *server; /* whose section it is */
    const char *where;        /* "file:line", for messages */
    health_check_t check;
    const char *scope;     /* what names the server in the table; set by health_config_settle */
    const tier_log_t *log; /* the server's; set by health_config_settle */
} health_section_t;

/* The server configuration's make and merge, as httpd calls them. */
void *health_config_create(apr_pool_t *pool, server_rec *server);
void *health_config_merge(apr_pool_t *pool, void *base, void *add);

/* Returns the checks of balancer for requests of server: its own, else the main server's; NULL for
 * none. */
health_section_t *health_config_find(const server_rec *server, const char *balancer);

/* Returns all sections of all servers from pool, an array of health_section_t *. One thread, while
 * configuring. */
apr_array_header_t *health_config_sections(const server_rec *main_server, apr_pool_t *pool);

/* Returns what names wanted among all servers, from pool: "name:port", "" for the main server. One
 * thread, while configuring. */
const char *health_config_scope(const server_rec *main_server, const server_rec *wanted,
                                apr_pool_t *pool);

/* Sets scope and log of all sections. post_config, when the servers have their names. */
void health_config_settle(server_rec *main_server, apr_pool_t *pconf);

#endif
