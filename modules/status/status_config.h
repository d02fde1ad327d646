/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_CONFIG_H
#define STATUS_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "status_access.h"

extern module AP_MODULE_DECLARE_DATA tier_status_module;

/* The directives of one section. */
typedef struct status_config_t {
    status_access_t
        *access; /* NULL where TierStatusAllow does not stand: inherited, "local" at last */
    status_access_t *actors; /* the same of TierStatusActions */
} status_config_t;

/* The record's per-directory functions and its directives. */
void *status_config_create(apr_pool_t *pool, char *path);
void *status_config_merge(apr_pool_t *pool, void *base, void *add);
extern const command_rec status_config_directives[];

/* Return who may read the status in this request's section, and who may act. Never NULL; r's pool
 * or longer. */
const status_access_t *status_config_access(request_rec *r);
const status_access_t *status_config_actors(request_rec *r);

/*
 * Returns 1 when access admits r's client. Both ends must be admitted: who opened the connection,
 * and who mod_remoteip says stands behind it. The second alone could be made up by any client that
 * mod_remoteip was told, or left, to trust.
 */
int status_config_admits(request_rec *r, const status_access_t *access);

/*
 * Returns the shortest literal path of a <Location> of r's server that has "SetHandler tier-status"
 * and holds r's path; NULL where there is none (a <LocationMatch>, a <Files>, a whole virtual
 * host).
 */
const char *status_config_base(request_rec *r);

#define STATUS_HANDLER "tier-status"

#endif
