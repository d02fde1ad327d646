/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_SERVICE_H
#define HEALTH_SERVICE_H

#include "health_check.h"
#include "health_target.h"

/*
 * What members need and no balancer has: a database, for example, that TierHealthRequires names by
 * the template of its check. It is watched as the one member of a balancer that carries the
 * template's name, which the server around us has no record of. Read-only once it is made: any
 * thread.
 */
typedef struct health_service_t {
    const char *name; /* the template's */
    const char *url;  /* what the status page calls it: "mysql://10.0.0.5:3306" */
    const char *host;
    const char *path; /* of a Unix socket, or NULL */
    apr_port_t port;
    const health_check_t *check;
} health_service_t;

/*
 * Makes the service of a template's check, which must live as long. Strings come from pool. Returns
 * NULL, or a sentence fragment from pool that says what the template lacks.
 */
const char *health_service_make(health_service_t *service, const char *name,
                                const health_check_t *check, apr_pool_t *pool);

/* Fills spec as for a member without a record. Returns 0 when its key is too long. Any thread. */
int health_service_spec(const health_service_t *service, const tier_log_t *log,
                        health_spec_t *spec);

#endif
