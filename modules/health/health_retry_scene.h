/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_SCENE_H
#define HEALTH_RETRY_SCENE_H

#include <apr_thread_proc.h>
#include <httpd.h>
#include <mod_proxy.h>
#include <util_filter.h>

#include "health_balancers.h"
#include "health_passive.h"
#include "health_queue.h"

/* The balancers whose requests are followed, and what is counted of their members: made by the
 * parent in post_config, used by any thread. */

/* One balancer that is followed; read-only, but for what lies in shared memory. */
typedef struct health_followed_t {
    const proxy_balancer *balancer;
    const char *scope;
    health_passive_t *entry;
    health_passive_t **members; /* by their index in the balancer; atomic, set once a child */
    int room;
    apr_interval_time_t connect_timeout; /* of members that have none of their own; 0: none */
    apr_uint32_t *bound; /* by index: the member was given it, if it wants one; atomic */
} health_followed_t;

/* What concerns all requests of a child. */
typedef struct health_scene_t {
    health_passive_table_t *table;
    apr_hash_t *followed; /* of health_followed_t, by the address of the balancer */
    apr_array_header_t *list;
    health_queue_t queue;                /* of this child */
    apr_uint32_t connecting;             /* of this child, atomic: a hedge takes a connection */
    apr_threadkey_t *running;            /* of this child: the request that a thread tries */
    const health_balancers_t *balancers; /* that eject */
    ap_filter_rec_t *holding;            /* the filters, which by name would be looked up for */
    ap_filter_rec_t *watching;           /* each request; read-only */
} health_scene_t;

/* Returns how many entries scene wants in the table. post_config, after mod_proxy_balancer's. */
apr_uint32_t health_scene_room(server_rec *main_server);

/* Returns the balancer's own section, <Proxy "balancer://name">, in conf, or NULL. Any thread. */
const ap_conf_vector_t *health_scene_section(const proxy_server_conf *conf, const char *balancer);

/* Finds the balancers of all servers. From pconf. post_config. */
health_scene_t *health_scene_make(server_rec *main_server, health_passive_table_t *table,
                                  const health_balancers_t *balancers, apr_pool_t *pconf);

/* Gives this child its own waiting room. Errors: what the system says that has no more keys of
 * threads. child_init. */
apr_status_t health_scene_child(health_scene_t *scene, apr_pool_t *pchild);

/* Sets and returns the request, a health_retry_t, that the calling thread is trying at members;
 * NULL: none. */
void health_scene_run(const health_scene_t *scene, void *request);
void *health_scene_running(const health_scene_t *scene);

/* Returns what is followed of balancer, or NULL. Any thread. */
health_followed_t *health_scene_find(const health_scene_t *scene, const proxy_balancer *balancer);

/* Returns the entry of a member; NULL when followed is, or the table is full. Any thread. */
health_passive_t *health_scene_member(const health_scene_t *scene,
                                      const health_followed_t *followed,
                                      const proxy_worker_shared *member);

/*
 * Gives a member without connectiontimeout= the balancer's, in mod_proxy's own record, before it is
 * connected to: the parent does it for all that there are, a child once for one that was added at
 * run time. Any thread.
 */
void health_scene_bind(const health_followed_t *followed, proxy_worker_shared *member);

/* Calls visit for the entry of each balancer (its member is "") and then for each of its members.
 */
void health_scene_each(const health_scene_t *scene,
                       void (*visit)(void *visitor, const health_passive_t *entry), void *visitor);

#endif
