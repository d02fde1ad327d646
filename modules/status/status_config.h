/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_CONFIG_H
#define STATUS_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "access.h"

extern module AP_MODULE_DECLARE_DATA tier_status_module;

/* The directives of one section. */
typedef struct status_config_t {
    tier_access_t
        *access; /* NULL where TierStatusAllow does not stand: inherited, "local" at last */
    tier_access_t *actors; /* the same of TierStatusActions */
} status_config_t;

/* The record's per-directory functions and its directives. */
void *status_config_create(apr_pool_t *pool, char *path);
void *status_config_merge(apr_pool_t *pool, void *base, void *add);
extern const command_rec status_config_directives[];

/* Return who may read the status in this request's section, and who may act. Never NULL; r's pool
 * or longer. */
const tier_access_t *status_config_access(request_rec *r);
const tier_access_t *status_config_actors(request_rec *r);

/*
 * Returns the shortest literal path of a <Location> of r's server that has "SetHandler tier-status"
 * and holds r's path; NULL where there is none (a <LocationMatch>, a <Files>, a whole virtual
 * host).
 */
const char *status_config_base(request_rec *r);

#define STATUS_HANDLER "tier-status"

#endif
