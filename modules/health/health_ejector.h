/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_EJECTOR_H
#define HEALTH_EJECTOR_H

#include <httpd.h>
#include <mod_proxy.h>

#include "health_balancers.h"

/*
 * The requests' side of ejection: counts what came of each attempt at a member and takes the member
 * out of service when it is to be ejected, in the request's own thread. Uses no symbol of
 * mod_proxy.
 */

typedef struct health_ejector_case_t {
    health_attempt_e kind;
    int status; /* with HEALTH_ATTEMPT_STATUS */
    apr_interval_time_t took;
} health_ejector_case_t;

/* One attempt of r at member, of balancer, has ended like this, and took so long to the beginning
 * of an answer (0: none came). Any thread. */
void health_ejector_attempt(const health_balancers_t *balancers, const proxy_balancer *balancer,
                            proxy_worker_shared *member, const health_ejector_case_t *attempt,
                            const request_rec *r);

#endif
