/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WATCH_SCENE_H
#define COMMON_WATCH_SCENE_H

/* Watches that contend for one lead, and what the tests see of them. */
#include "common_support.h"

#include <pthread.h>
#include <signal.h>

#include "common_pollset.h"
#include "common_stopwatch.h"
#include "segment.h"
#include "watch.h"

#define MS(n) apr_time_from_msec(n)
#define QUICK MS(400)   /* no stop of httpd is held up; a pause is a second */
#define LONG  MS(30000) /* only a fault makes a test wait for so long */

/* In shared memory: what all watches do to one another. All fields but leader are atomic. */
typedef struct scene_t {
    tier_leader_t leader;
    apr_int64_t elected;  /* when lead was called last */
    apr_uint32_t leads;   /* calls of lead */
    apr_uint32_t loses;   /* calls of lose */
    apr_uint32_t ticks;   /* of the leader's own timer */
    apr_uint32_t gone;    /* pools of terms destroyed */
    apr_uint32_t failing; /* lead is to fail so often */
    apr_uint32_t failed;  /* lead has failed so often */
    apr_uint32_t wrong;   /* callbacks in the wrong order */
    apr_int32_t retired;  /* the pid that is told to retire */
} scene_t;

#define get(field)        __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define set(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)
#define increment(field)  __atomic_add_fetch(&(field), 1, __ATOMIC_ACQ_REL)

/* One watch's side of it. */
typedef struct actor_t {
    scene_t *scene;
    tier_loop_timer_t *timer;
    int blocked; /* SIGTERM in the watch's thread */
    int faults;  /* SIGSEGV there */
    int retired;
    kept_log_t log;
} actor_t;

static inline scene_t *make_scene(apr_pool_t *pool)
{
    tier_segment_t segment;
    scene_t *scene;

    poll_fails = create_fails = APR_SUCCESS;
    assert_int_equal(tier_segment_obtain(&segment, "tier-test", 1, sizeof(scene_t), pool),
                     APR_SUCCESS);
    scene = segment.base;
    assert_int_equal(tier_leader_init(&scene->leader), APR_SUCCESS);
    return scene;
}

static inline void tick(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    actor_t *actor = timer->baton;

    increment(actor->scene->ticks);
    tier_loop_timer_set(loop, timer, tier_loop_now(loop) + MS(5));
}

static inline apr_status_t term_gone(void *data)
{
    scene_t *scene = data;

    if (increment(scene->gone) > get(scene->loses) + get(scene->failed)) {
        increment(scene->wrong);
    }
    return APR_SUCCESS;
}

static inline apr_status_t lead(tier_loop_t *loop, void *baton, apr_pool_t *pool)
{
    actor_t *actor = baton;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    actor->blocked = sigismember(&mask, SIGTERM);
    actor->faults = sigismember(&mask, SIGSEGV);
    actor->timer = apr_pcalloc(pool, sizeof(*actor->timer)); /* gone with the term */
    actor->timer->fire = tick;
    actor->timer->baton = actor;
    apr_pool_cleanup_register(pool, actor->scene, term_gone, apr_pool_cleanup_null);
    tier_loop_timer_set(loop, actor->timer, tier_loop_now(loop) + MS(5));
    increment(actor->scene->leads);
    if (get(actor->scene->failing)) {
        __atomic_sub_fetch(&actor->scene->failing, 1, __ATOMIC_ACQ_REL);
        increment(actor->scene->failed);
        return APR_EMISMATCH;
    }
    set(actor->scene->elected, tier_clock_now());
    return APR_SUCCESS;
}

static inline void lose(void *baton)
{
    actor_t *actor = baton;

    if (!actor->timer->slot) {
        increment(actor->scene->wrong); /* the term's memory and timers are still there */
    }
    increment(actor->scene->loses);
}

static inline int is_retired(void *baton)
{
    actor_t *actor = baton;

    return get(actor->retired) || get(actor->scene->retired) == getpid();
}

static inline apr_status_t start(actor_t *actor, scene_t *scene, apr_pool_t *pool)
{
    tier_watch_spec_t spec = {0};
    tier_watch_t *watch = NULL;

    memset(actor, 0, sizeof(*actor));
    actor->scene = scene;
    spec.name = "tier-test";
    spec.leader = &scene->leader;
    spec.max_sockets = 4;
    spec.log = keep_log(&actor->log);
    spec.baton = actor;
    spec.lead = lead;
    spec.lose = lose;
    spec.retired = is_retired;
    return tier_watch_start(&watch, &spec, pool);
}

static inline apr_interval_time_t destroy(apr_pool_t *pool)
{
    stopwatch_t watch = stopwatch_start();

    apr_pool_destroy(pool);
    return stopwatch_took(&watch, tier_clock_now());
}

static inline int set_up(void **state)
{
    return start_apr(state) || stopwatch_init();
}

#endif
