/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_BALANCERS_H
#define HEALTH_BALANCERS_H

#include <apr_hash.h>
#include <httpd.h>
#include <mod_proxy.h>

#include "health_config.h"
#include "health_passive.h"
#include "health_target.h"

/*
 * mod_proxy's side of the matter: which members there are, and the status bits in which balancers
 * look. Reads the shared slots of mod_proxy_balancer itself, so that a member added in any process
 * is seen; uses no symbol of mod_proxy, so that this module loads without it.
 */
/* One balancer whose section says something. */
typedef struct health_minded_t {
    proxy_balancer *balancer;
    health_section_t *section;
    health_passive_table_t *table; /* NULL: live traffic is not followed */
    health_passive_t *traffic;     /* of the balancer; NULL: not followed */
    health_passive_t **members;    /* by their index; atomic, each set once in a process */
    const char *scope;             /* of the server that has this balancer, maybe by inheritance */
} health_minded_t;

typedef struct health_balancers_t {
    apr_array_header_t *list; /* of health_minded_t */
    apr_hash_t *by_balancer;  /* the same, by the address of the balancer */
} health_balancers_t;

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

/* Returns 1 when the balancer is one of these. Any thread. */
int health_balancers_know(const health_balancers_t *balancers, const proxy_balancer *balancer);

/* Fills key with what names a member in the table. Returns 0 when it is too long. Any thread. */
int health_balancers_key(health_key_t *key, const health_minded_t *minded,
                         const proxy_worker_shared *member);

/* Returns 1 when a section ejects or has a panic threshold, whose state lies beside the traffic's.
 * post_config. */
int health_balancers_want_traffic(const health_balancers_t *balancers);

/* Lets all balancers know where the traffic is counted. post_config, before
 * health_balancers_restore(). */
void health_balancers_follow(health_balancers_t *balancers, health_passive_table_t *table,
                             apr_pool_t *pconf);

/* Returns what is minded of balancer, or NULL. Any thread. */
const health_minded_t *health_balancers_minded(const health_balancers_t *balancers,
                                               const proxy_balancer *balancer);

/* Returns the traffic of a member, the same for all records of the member; NULL where it is not
 * followed. Any thread. */
health_passive_t *health_balancers_traffic(const health_minded_t *minded,
                                           const proxy_worker_shared *member);

/* Returns 1 while all members of the balancer are tried. Any thread. */
int health_balancers_panic(const health_minded_t *minded);

/* Calls visit for each member that is complete, with its traffic or NULL. Any thread. */
void health_balancers_each(const health_minded_t *minded,
                           void (*visit)(void *visitor, const proxy_worker_shared *member,
                                         const health_passive_t *traffic),
                           void *visitor);

/* Fills server with the functions that the watch calls. The functions may be used by one thread of
 * a child. */
void health_balancers_serve(health_balancers_t *balancers, health_server_t *server);

#endif
