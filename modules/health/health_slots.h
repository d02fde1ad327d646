/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SLOTS_H
#define HEALTH_SLOTS_H

#include <httpd.h>
#include <http_config.h>
#include <mod_proxy.h>

#include "health_config.h"
#include "health_target.h"

/* What mod_proxy keeps of balancers and their members; uses no symbol of mod_proxy. Any thread. */

/* "unix:" and "|" beside a member's path and name. */
#define HEALTH_SLOTS_TEXT                                                                          \
    (sizeof(((proxy_worker_shared *)0)->uds_path) + sizeof(((proxy_worker_shared *)0)->name_ex) + 8)

/* Returns mod_proxy's configuration of server, NULL when mod_proxy is not there. */
proxy_server_conf *health_slots_conf(const server_rec *server);

/* Returns balancer number i of mod_proxy's array. */
proxy_balancer *health_slots_balancer(const apr_array_header_t *balancers, int i);

/* Returns the shared record of member number i, or NULL. */
proxy_worker_shared *health_slots_at(const proxy_balancer *balancer, int i);

/* Returns 1 for a record, which may be NULL, that is one of a member. */
int health_slots_is_filled(const proxy_worker_shared *slot);

/* Returns 1 when all of the record has been written. */
int health_slots_is_complete(const proxy_worker_shared *slot);

/* Writes a member's URL as the status page and member= have it, "unix:path|name" or the name. */
void health_slots_text(const proxy_worker_shared *slot, char *text, apr_size_t size);

/* Returns how section checks the member, or NULL. */
const health_check_t *health_slots_check(const health_section_t *section,
                                         const proxy_worker_shared *slot);

/* Makes the record say how the member is, or whether new sessions keep away; atomic, and cheap when
 * it says so. */
void health_slots_mirror(proxy_worker_shared *slot, health_mirror_e how);
void health_slots_drain(proxy_worker_shared *slot, int drain);

#endif
