/* SPDX-License-Identifier: Apache-2.0 */
#include "health_ejector.h"

#include <http_log.h>

#include <clock.h>

#include "health_private.h"

/* The members of one balancer, as an ejection finds them. */
typedef struct census_t {
    apr_uint32_t all;     /* not stopped by the administrator */
    apr_uint32_t ejected; /* of these */
    apr_uint32_t ready;   /* able to take the next request */
} census_t;

static void count(void *visitor, const proxy_worker_shared *slot, const health_passive_t *traffic)
{
    census_t *census = visitor;
    unsigned int status = __atomic_load_n(&slot->status, __ATOMIC_RELAXED);
    int out = traffic && health_eject_is_out(&traffic->eject);

    if (status & (PROXY_WORKER_DISABLED | PROXY_WORKER_STOPPED | PROXY_WORKER_IN_SHUTDOWN))
        return;
    census->all++;
    if (out)
        census->ejected++;
    else if (!(status & (PROXY_WORKER_NOT_USABLE_BITMAP | PROXY_WORKER_DRAIN)))
        census->ready++;
}

/* The member that is to be ejected is among the ejected already. */
static int has_room(const health_minded_t *minded)
{
    census_t census = {0, 0, 0};

    health_balancers_each(minded, count, &census);
    return census.ready > 0 &&
           census.ejected <= health_eject_room(census.all, minded->section->eject.share);
}

static void tell(const health_minded_t *minded, const health_passive_t *traffic,
                 apr_interval_time_t time, const request_rec *r)
{
    char reason[HEALTH_TEXT];

    health_eject_reason(&traffic->eject, &minded->section->eject, reason, sizeof(reason));
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, r->server,
                 WTNO(1060) "%s: member %s is ejected for %" APR_TIME_T_FMT " ms: %s",
                 minded->section->balancer, traffic->key.member, apr_time_as_msec(time), reason);
}

static void eject(const health_minded_t *minded, proxy_worker_shared *member,
                  health_passive_t *traffic, health_attempt_e kind, int status,
                  const request_rec *r)
{
    apr_time_t now = tier_clock_now();
    apr_time_t until = health_eject_claim(&traffic->eject, &minded->section->eject, now);

    if (until == 0)
        return;
    if (!has_room(minded)) {
        health_eject_cancel(&traffic->eject, until);
        return;
    }
    health_eject_confirm(&traffic->eject, kind, status);
    tier_atomic_set_bits(&member->status, PROXY_WORKER_HC_FAIL);
    tell(minded, traffic, until - now, r);
}

void health_ejector_attempt(const health_balancers_t *balancers, const proxy_balancer *balancer,
                            proxy_worker_shared *member, const health_ejector_case_t *attempt,
                            const request_rec *r)
{
    const health_minded_t *minded = health_balancers_minded(balancers, balancer);
    int failed = health_eject_is_failure(attempt->kind, attempt->status);
    const health_eject_settings_t *settings;
    health_passive_t *traffic;

    if (!minded || !minded->section->ejects)
        return;
    settings = &minded->section->eject;
    traffic = health_balancers_traffic(minded, member);
    if (!traffic)
        return;
    if (settings->outlier.on)
        health_outlier_add(&traffic->outlier, &settings->outlier, failed, attempt->took,
                           tier_clock_now());
    if (!failed)
        health_eject_passed(&traffic->eject);
    else if (health_eject_failed(&traffic->eject, settings) && !health_balancers_panic(minded))
        eject(minded, member, traffic, attempt->kind, attempt->status, r);
}
