/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_refresh.h"
#include "cache_levels.h"

#include "thread.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#define IDLE_EACH apr_time_from_sec(1)

typedef struct refresh_t {
    cache_store_t *levels;
    apr_thread_mutex_t *lock; /* guards the queue and is_over; never held over I/O */
    apr_thread_cond_t *changed;
    cache_id_t queue[CACHE_REFRESH_QUEUE];
    unsigned first, waiting;
    int is_over;
    cache_refresh_idle_t idle; /* run may be NULL */
    apr_pool_t *pool;          /* the thread's */
    apr_pool_t *scratch;       /* below it, cleared after each piece of work */
    apr_thread_t *thread;
} refresh_t;

/*
 * One that finds no room is looked up by the next request after its time is over. A child of
 * prefork destroys its pool in a signal's handler, which must not find the lock held by itself.
 */
static void add(void *baton, const cache_id_t *id)
{
    refresh_t *refresh = baton;
    sigset_t before;

    tier_thread_block_signals(&before);
    apr_thread_mutex_lock(refresh->lock);
    if (refresh->waiting < CACHE_REFRESH_QUEUE) {
        refresh->queue[(refresh->first + refresh->waiting) % CACHE_REFRESH_QUEUE] = *id;
        refresh->waiting++;
        apr_thread_cond_signal(refresh->changed);
    }
    apr_thread_mutex_unlock(refresh->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

typedef enum { TAKE_ID, TAKE_IDLE, TAKE_END } take_e;

/* Called with the lock. Returns when there is something to do. */
static take_e await(refresh_t *refresh)
{
    while (refresh->waiting == 0 && !refresh->is_over) {
        if (!refresh->idle.run) {
            apr_thread_cond_wait(refresh->changed, refresh->lock);
        } else if (APR_STATUS_IS_TIMEUP(
                       apr_thread_cond_timedwait(refresh->changed, refresh->lock, IDLE_EACH))) {
            return refresh->is_over ? TAKE_END : TAKE_IDLE;
        }
    }
    return refresh->is_over ? TAKE_END : TAKE_ID;
}

static take_e take(refresh_t *refresh, cache_id_t *id)
{
    take_e what;

    apr_thread_mutex_lock(refresh->lock);
    what = await(refresh);
    if (what == TAKE_ID) {
        *id = refresh->queue[refresh->first];
        refresh->first = (refresh->first + 1) % CACHE_REFRESH_QUEUE;
        refresh->waiting--;
    }
    apr_thread_mutex_unlock(refresh->lock);
    return what;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    refresh_t *refresh = baton;
    cache_id_t id;
    take_e what;

    (void)thread;
    while ((what = take(refresh, &id)) != TAKE_END) {
        if (what == TAKE_ID) {
            cache_levels_refresh(refresh->levels, &id, refresh->scratch);
        } else {
            refresh->idle.run(refresh->idle.baton, refresh->scratch);
        }
        apr_pool_clear(refresh->scratch);
    }
    return NULL;
}

static apr_status_t end(void *baton)
{
    refresh_t *refresh = baton;
    apr_status_t result;

    apr_thread_mutex_lock(refresh->lock);
    refresh->is_over = 1;
    apr_thread_cond_signal(refresh->changed);
    apr_thread_mutex_unlock(refresh->lock);
    apr_thread_join(&result, refresh->thread);
    apr_pool_destroy(refresh->pool);
    return APR_SUCCESS;
}

apr_status_t cache_refresh_start(cache_store_t *levels, const cache_refresh_idle_t *idle,
                                 apr_pool_t *pchild)
{
    refresh_t *refresh = apr_pcalloc(pchild, sizeof(*refresh));
    apr_status_t rv;

    refresh->levels = levels;
    if (idle)
        refresh->idle = *idle;
    rv = apr_thread_mutex_create(&refresh->lock, APR_THREAD_MUTEX_DEFAULT, pchild);
    if (rv == APR_SUCCESS)
        rv = apr_thread_cond_create(&refresh->changed, pchild);
    if (rv == APR_SUCCESS)
        rv = tier_thread_pool(&refresh->pool, pchild);
    if (rv != APR_SUCCESS)
        return rv;
    apr_pool_create(&refresh->scratch, refresh->pool);
    rv =
        tier_thread_start(&refresh->thread, "tier-cache", run, refresh, refresh->pool, end, pchild);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(refresh->pool);
        return rv;
    }
    cache_levels_on_due(levels, add, refresh);
    return APR_SUCCESS;
}
