/* SPDX-License-Identifier: Apache-2.0 */
#include "health_probe.h"

#include <errno.h>

#include "clock.h"
#include "health_command.h"
#include "health_mysql.h"
#include "health_stream.h"

static const health_driver_t *driver_of(health_kind_e kind)
{
    if (kind == HEALTH_KIND_MYSQL)
        return &health_mysql_driver;
    return kind == HEALTH_KIND_COMMAND ? &health_command_driver : &health_stream_driver;
}

void health_probe_finish(health_probe_t *probe)
{
    apr_interval_time_t latency = tier_clock_now() - probe->began;

    probe->driver->stop(probe);
    tier_loop_timer_cancel(probe->loop, &probe->timer);
    probe->active = 0;
    probe->done(probe->loop, probe, probe->verdict, &probe->result, latency);
}

/* Ends the probe in the next round: for start, which may not call done. */
static void finish_soon(health_probe_t *probe)
{
    probe->driver->stop(probe);
    if (tier_loop_timer_set(probe->loop, &probe->timer, tier_loop_now(probe->loop)) != APR_SUCCESS)
        health_probe_finish(probe); /* no memory for a timer: better early than never */
}

/* True of what is wrong with this host and not with the member. */
static int is_our_fault(apr_status_t status)
{
    return status == EMFILE || status == ENFILE || status == ENOBUFS || status == ENOMEM ||
           status == EADDRNOTAVAIL;
}

static const char *problem_of(apr_status_t status)
{
    switch (status) {
    case ECONNREFUSED:
    case ENOENT: /* a Unix socket that is not there */
        return "refused";
    case ECONNRESET:
    case EPIPE:
        return "reset";
    case ETIMEDOUT:
        return "timeout";
    default:
        return APR_STATUS_IS_EHOSTUNREACH(status) || APR_STATUS_IS_ENETUNREACH(status)
                   ? "unreachable"
                   : "failed";
    }
}

void health_probe_set_void(health_probe_t *probe, apr_status_t status, const char *doing)
{
    probe->verdict = HEALTH_VOID;
    probe->result = tier_result_fail(probe->pool, status, "local", "this host could not %s", doing);
}

void health_probe_set_failure(health_probe_t *probe, apr_status_t status, const char *doing)
{
    if (is_our_fault(status)) {
        health_probe_set_void(probe, status, doing);
        return;
    }
    probe->verdict = HEALTH_FAIL;
    probe->result =
        tier_result_fail(probe->pool, status, problem_of(status), "could not %s", doing);
}

static void set_timeout(health_probe_t *probe)
{
    const char *missing = probe->driver->missing(probe);

    if (!missing) {
        health_probe_set_void(probe, APR_EGENERAL, "begin the probe in time");
        return;
    }
    probe->verdict = HEALTH_FAIL;
    probe->result =
        tier_result_fail(probe->pool, APR_EGENERAL, "timeout", "no %s within %s", missing,
                         health_check_time_text(probe->check->timeout, probe->pool));
}

static void deadline(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    health_probe_t *probe = timer->baton;

    (void)loop;
    if (probe->verdict == HEALTH_MORE) {
        probe->expired = 1;
        set_timeout(probe);
    }
    health_probe_finish(probe);
}

static apr_status_t release(void *data)
{
    health_probe_cancel(data);
    return APR_SUCCESS;
}

apr_status_t health_probe_init(health_probe_t *probe, tier_loop_t *loop, apr_pool_t *pool)
{
    apr_status_t status = apr_pool_create(&probe->pool, pool);

    if (status != APR_SUCCESS)
        return status;
    probe->loop = loop;
    probe->driver = driver_of(probe->check->kind);
    probe->work = probe->driver->make(probe, pool);
    if (!probe->work)
        return APR_ENOMEM;
    probe->timer.fire = deadline;
    probe->timer.baton = probe;
    /* Before the sub-pools go, so that what is watched is forgotten while it is still open. */
    apr_pool_pre_cleanup_register(pool, probe, release);
    return APR_SUCCESS;
}

/* Probes that began together end together, if they do: the loop wakes up once for them. */
static apr_time_t to_whole_ms(apr_time_t time)
{
    return (time + 999) / 1000 * 1000;
}

apr_status_t health_probe_start(health_probe_t *probe, apr_sockaddr_t *addresses)
{
    apr_status_t status;

    apr_pool_clear(probe->pool);
    probe->began = tier_clock_now();
    probe->address = addresses;
    probe->verdict = HEALTH_MORE;
    probe->result = tier_result_ok();
    probe->advised = 0;
    probe->expired = 0;
    status = tier_loop_timer_set(probe->loop, &probe->timer,
                                 to_whole_ms(probe->began + probe->check->timeout));
    if (status != APR_SUCCESS)
        return status;
    probe->active = 1;
    if (probe->driver->start(probe))
        finish_soon(probe);
    return APR_SUCCESS;
}

int health_probe_active(const health_probe_t *probe)
{
    return probe->active;
}

int health_probe_expire(health_probe_t *probe, apr_time_t by)
{
    if (!probe->active || probe->timer.due > by)
        return 0;
    deadline(probe->loop, &probe->timer);
    return 1;
}

void health_probe_cancel(health_probe_t *probe)
{
    if (!probe->active)
        return;
    probe->active = 0;
    probe->driver->stop(probe);
    tier_loop_timer_cancel(probe->loop, &probe->timer);
}
