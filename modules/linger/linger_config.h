/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_CONFIG_H
#define LINGER_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/* The directives of this module. */
extern const command_rec linger_config_commands[];

/* The server configuration's make and merge, as httpd calls them. */
void *linger_config_create(apr_pool_t *pool, server_rec *server);
void *linger_config_merge(apr_pool_t *pool, void *base, void *add);

/* Returns server's linger time in microseconds, 0 where it is off. Any thread. */
apr_interval_time_t linger_config_time(const server_rec *server);

/* Returns 1 when any server lingers. After the configuration was read, one thread. */
int linger_config_is_on(const server_rec *main_server);

/* Returns how many of this many workers of a child may linger at once. Any thread. */
apr_uint32_t linger_config_max_workers(const server_rec *main_server, apr_uint32_t workers);

/* Returns how many requests in a row a connection may be lingered for; 0 is no limit. Any thread.
 */
apr_uint32_t linger_config_max_requests(const server_rec *main_server);

#endif
