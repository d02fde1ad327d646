/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PROBING_H
#define HEALTH_PROBING_H

/* A probe and what came of it. */

#include "health_testing.h"

#include "health_probe.h"

typedef struct run_t {
    health_probe_t probe;
    health_check_t check;
    tier_loop_t *loop;
    apr_pool_t *pool;
    int done;
    health_verdict_e verdict;
    char result[400];
    apr_interval_time_t latency;
} run_t;

static inline void note(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                        const tier_result_t *result, apr_interval_time_t latency)
{
    run_t *run = probe->baton;

    assert_false(health_probe_active(probe));
    run->done++;
    run->verdict = verdict;
    run->latency = latency;
    snprintf(run->result, sizeof(run->result), "%s",
             verdict == HEALTH_PASS ? result->detail : tier_result_text(result, run->pool));
    tier_loop_stop(loop);
}

/* In the pool: the probe is released with it. What the check says may be changed until
 * begin_probing(). */
static inline run_t *new_run(health_kind_e kind, apr_pool_t *pool)
{
    run_t *run = apr_pcalloc(pool, sizeof(*run));

    run->pool = pool;
    health_check_defaults(&run->check);
    run->check.kind = kind;
    run->check.timeout = MS(20000); /* never met but by those that test it */
    run->probe.check = &run->check;
    run->probe.authority = "member";
    run->probe.peer = "member";
    run->probe.done = note;
    run->probe.baton = run;
    return run;
}

static inline void begin_probing(run_t *run)
{
    assert_int_equal(tier_loop_create(&run->loop, 4, run->pool), APR_SUCCESS);
    assert_int_equal(health_probe_init(&run->probe, run->loop, run->pool), APR_SUCCESS);
}

static inline apr_sockaddr_t *address_of(const char *ip, int port, apr_pool_t *pool)
{
    apr_sockaddr_t *address;

    assert_int_equal(apr_sockaddr_info_get(&address, ip, APR_UNSPEC, (apr_port_t)port, 0, pool),
                     APR_SUCCESS);
    return address;
}

static inline void probe(run_t *run, apr_sockaddr_t *address)
{
    assert_int_equal(health_probe_start(&run->probe, address), APR_SUCCESS);
    assert_int_equal(run->done, 0);
    assert_true(health_probe_active(&run->probe));
    assert_int_equal(tier_loop_run(run->loop), APR_SUCCESS);
    assert_int_equal(run->done, 1);
    run->done = 0;
}

#endif
