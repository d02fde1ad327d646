/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <apr_thread_proc.h>

#include "atomics.h"
#include "clock.h"
#include "thread.h"

#define AFTER_FAILURE apr_time_from_sec(1)

typedef enum {
    FOLLOWING, /* another child leads, or nobody yet */
    LEADING,
    PAUSING /* holds the lock after lead failed, so that the children do not fail in chorus */
} watch_state_e;

/* The thread's alone from its start until it is joined, but for tier_loop_stop(loop). */
struct tier_watch_t {
    tier_watch_spec_t spec;
    apr_pool_t *pool; /* has an allocator of its own: no other thread allocates from it */
    apr_pool_t *term; /* pool of the present term */
    tier_loop_t *loop;
    apr_thread_t *thread;
    tier_loop_timer_t poll;
    watch_state_e state;
    apr_time_t pause_end;
    apr_time_t retired;     /* when it was first seen to be retired; 0 before */
    apr_status_t complaint; /* what was last logged about the lock */
};

/* What the leader armed goes before its pool does. */
static void end_term(tier_watch_t *watch)
{
    if (watch->state == LEADING && watch->spec.lose) {
        watch->spec.lose(watch->spec.baton);
    }
    tier_loop_clear(watch->loop);
    if (watch->term) {
        apr_pool_destroy(watch->term);
        watch->term = NULL;
    }
}

static void resign(tier_watch_t *watch)
{
    if (watch->state == FOLLOWING) {
        return;
    }
    end_term(watch);
    tier_leader_resign(watch->spec.leader);
    watch->state = FOLLOWING;
    tier_log(watch->spec.log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS,
             WTNO(0002) "%s: this child leads no more", watch->spec.name);
}

static void begin_term(tier_watch_t *watch, int took_over)
{
    const tier_watch_spec_t *spec = &watch->spec;
    apr_status_t status = apr_pool_create(&watch->term, watch->pool);

    tier_log(spec->log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS,
             WTNO(0001) "%s: this child leads now, term %u%s", spec->name,
             tier_atomic_load(&spec->leader->terms),
             took_over ? ", after the one before it died" : "");
    watch->state = LEADING;
    if (status == APR_SUCCESS) {
        status = spec->lead(watch->loop, spec->baton, watch->term);
    }
    if (status != APR_SUCCESS) {
        tier_log(spec->log, TIER_LOG_MARK, TIER_LOG_ERR, status,
                 WTNO(0003) "%s: this child could not begin to lead; a child tries in a second",
                 spec->name);
        watch->state = PAUSING;
        watch->pause_end = tier_loop_now(watch->loop) + AFTER_FAILURE;
        end_term(watch);
    }
}

static void try_to_lead(tier_watch_t *watch)
{
    int took_over;
    apr_status_t status = tier_leader_try(watch->spec.leader, &took_over);

    if (status == APR_SUCCESS) {
        begin_term(watch, took_over);
    } else if (status != APR_EBUSY && status != watch->complaint) {
        watch->complaint = status;
        tier_log(watch->spec.log, TIER_LOG_MARK, TIER_LOG_ERR, status,
                 WTNO(0004) "%s: the lock that elects the leader is unusable", watch->spec.name);
    }
}

/* httpd may start the children of a new generation a second after it retired the old ones. */
static int is_over(tier_watch_t *watch)
{
    const tier_watch_spec_t *spec = &watch->spec;

    if (!watch->retired) {
        if (!spec->retired || !spec->retired(spec->baton)) {
            return 0;
        }
        watch->retired = tier_clock_now();
    }
    return watch->state != LEADING || tier_leader_wanted(spec->leader, watch->retired);
}

static void poll_leadership(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    tier_watch_t *watch = timer->baton;

    if (is_over(watch)) {
        tier_loop_stop(loop);
        return;
    }
    if (watch->state == FOLLOWING) {
        try_to_lead(watch);
    } else if (watch->state == PAUSING && tier_loop_now(loop) >= watch->pause_end) {
        resign(watch); /* and does not try before its next poll: another child has its turn */
    }
    if (tier_loop_timer_set(loop, timer, tier_loop_now(loop) + TIER_WATCH_POLL) != APR_SUCCESS) {
        tier_loop_stop(loop); /* a watch that cannot look whether it is retired must not lead */
    }
}

static void *APR_THREAD_FUNC run_watch(apr_thread_t *thread, void *data)
{
    tier_watch_t *watch = data;
    apr_status_t status;

    (void)thread;
    status = tier_loop_run(watch->loop);
    if (status != APR_SUCCESS) {
        tier_log(watch->spec.log, TIER_LOG_MARK, TIER_LOG_ERR, status,
                 WTNO(0005) "%s: waiting for events failed; this child's watch ends",
                 watch->spec.name);
    }
    resign(watch);
    return NULL;
}

static apr_status_t stop_watch(void *data)
{
    tier_watch_t *watch = data;
    apr_status_t result;

    tier_loop_stop(watch->loop);
    return apr_thread_join(&result, watch->thread);
}

apr_status_t tier_watch_start(tier_watch_t **watch, const tier_watch_spec_t *spec, apr_pool_t *pool)
{
    tier_watch_t *made;
    apr_pool_t *own;
    apr_status_t status = tier_thread_pool(&own, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    made = apr_pcalloc(own, sizeof(*made));
    made->spec = *spec;
    made->pool = own;
    made->poll.fire = poll_leadership;
    made->poll.baton = made;
    status = tier_loop_create(&made->loop, spec->max_sockets, own);
    if (status == APR_SUCCESS) {
        status = tier_loop_timer_set(made->loop, &made->poll, tier_loop_now(made->loop));
    }
    if (status == APR_SUCCESS) {
        status =
            tier_thread_start(&made->thread, spec->name, run_watch, made, own, stop_watch, pool);
    }
    if (status != APR_SUCCESS) {
        apr_pool_destroy(own);
        return status;
    }
    *watch = made;
    return APR_SUCCESS;
}
