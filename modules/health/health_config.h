/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_CONFIG_H
#define HEALTH_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "health_check.h"
#include "health_eject.h"
#include "log.h"

/* The directives of this module, and what those of a balancer's section leave in a server's
 * configuration. */
extern const command_rec health_config_commands[];

/* What a TierHealthCheck with member= says of one member alone. */
typedef struct health_override_t {
    const char *member; /* as the status page names it */
    int off;            /* it is not checked */
    health_check_t check;
} health_override_t;

/* What one <Proxy "balancer://name"> section says. Lives as long as the configuration. */
typedef struct health_section_t {
    const char *balancer;     /* "balancer://name", lower case, as mod_proxy names it */
    const server_rec *server; /* whose section it is */
    const char *where;        /* "file:line", for messages */
    int checks;               /* TierHealthCheck is there, for all members */
    health_check_t check;
    apr_array_header_t *overrides; /* of health_override_t, or NULL */
    int ejects;                    /* TierHealthEject is on */
    health_eject_settings_t eject;
    apr_uint32_t panic;             /* percent; 0: off */
    apr_array_header_t *requires;   /* of const char *: balancers, names of services; NULL: none */
    apr_array_header_t *services;   /* of const health_service_t *: those of requires; NULL: none */
    apr_interval_time_t slow_start; /* 0: off */
    const char *scope;     /* what names the server in the table; set by health_config_settle */
    const tier_log_t *log; /* the server's; set by health_config_settle */
} health_section_t;

/* The server configuration's make and merge, as httpd calls them. */
void *health_config_create(apr_pool_t *pool, server_rec *server);
void *health_config_merge(apr_pool_t *pool, void *base, void *add);

/*
 * Fills *section with that of the <Proxy "balancer://name"> section in which cmd stands, a new one
 * where it has none yet. Returns NULL, or a sentence where the directive does not belong.
 */
const char *health_config_section(cmd_parms *cmd, health_section_t **section);

/* Returns 1 for a name that begins as those of balancers do, 0 for one of a service. Any thread. */
int health_config_is_balancer(const char *name);

/* Returns what was said of balancer for requests of server: its own, else the main server's; NULL
 * for none. */
health_section_t *health_config_find(const server_rec *server, const char *balancer);

/* Returns how a member of the section's balancer is checked, NULL when it is not. member: its URL,
 * or "unix:/path|http://name". Any thread. */
const health_check_t *health_config_check_of(const health_section_t *section, const char *member);

/* Returns 1 when a check of the section asks agents, whose advice changes load factors. Any thread.
 */
int health_config_has_agents(const health_section_t *section);

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
