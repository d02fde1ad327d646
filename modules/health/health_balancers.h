/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_BALANCERS_H
#define HEALTH_BALANCERS_H

#include <httpd.h>

#include "health_config.h"
#include "health_target.h"

/*
 * mod_proxy's side of the matter: which members there are, and the status bits in which balancers
 * look. Reads the shared slots of mod_proxy_balancer itself, so that a member added in any process
 * is seen; uses no symbol of mod_proxy, so that this module loads without it.
 */
typedef struct health_balancers_t health_balancers_t;

/*
 * Checks what the directives say against what mod_proxy has read. Returns OK, or
 * HTTP_INTERNAL_SERVER_ERROR after it logged why. The check_config hook, in the order after
 * mod_proxy's.
 */
int health_balancers_check(server_rec *main_server, apr_pool_t *ptemp);

/*
 * Finds the balancers that have checks, in all servers, each once. From pconf. post_config, after
 * mod_proxy_balancer's; health_config_settle() was called.
 */
health_balancers_t *health_balancers_find(server_rec *main_server, apr_pool_t *pconf);

/* Returns how many members there can be, those that may be added at run time included. */
apr_uint32_t health_balancers_room(const health_balancers_t *balancers);

/*
 * Writes what table knows from the generation before into the fresh slots, so that no request meets
 * a member that is known to be down, and clears the bit of members that are checked no more.
 * post_config, the parent.
 */
void health_balancers_restore(const health_balancers_t *balancers, health_table_t *table,
                              server_rec *main_server, apr_pool_t *ptemp);

/* Fills server with the functions that the watch calls. The functions may be used by one thread of
 * a child. */
void health_balancers_serve(health_balancers_t *balancers, health_server_t *server);

#endif
