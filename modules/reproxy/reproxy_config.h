/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_CONFIG_H
#define REPROXY_CONFIG_H

#include <httpd.h>
#include <http_config.h>

/*
 * The directives of a section. Read-only after configuration; any thread. A part of the module with
 * directives of its own (mogile_*, reproxy_relay_*) has its struct here, made and merged by its own
 * functions, and its lines in reproxy_config_commands.
 */
typedef struct reproxy_config_t {
    int is_on;
} reproxy_config_t;

/* The directory configuration's create and merge, for the module record. */
void *reproxy_config_create(apr_pool_t *pool, char *section);
void *reproxy_config_merge(apr_pool_t *pool, void *base, void *add);

/* Returns the configuration that holds for r, never NULL. Any thread. */
const reproxy_config_t *reproxy_config_of(const request_rec *r);

extern const command_rec reproxy_config_commands[];

#endif
