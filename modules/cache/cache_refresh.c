/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_refresh.h"
#include "cache_levels.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <signal.h>

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
    apr_thread_t *thread;
} refresh_t;

/* What a fault of the thread itself raises stays deliverable. */
static void block_signals(sigset_t *before)
{
    sigset_t blocked;

    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

/*
 * One that finds no room is looked up by the next request after its time is over. A child of
 * prefork destroys its pool in a signal's handler, which must not find the lock held by itself.
 */
static void add(void *baton, const cache_id_t *id)
{
    refresh_t *refresh = baton;
    sigset_t before;

    block_signals(&before);
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
            cache_levels_refresh(refresh->levels, &id, refresh->pool);
        } else {
            refresh->idle.run(refresh->idle.baton, refresh->pool);
        }
        apr_pool_clear(refresh->pool);
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

/* A pool that only the thread uses: its memory is nobody else's. */
static apr_status_t make_pool(apr_pool_t **pool)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_pool_create_unmanaged_ex(pool, NULL, allocator);
    if (rv == APR_SUCCESS) {
        apr_allocator_owner_set(allocator, *pool);
    } else {
        apr_allocator_destroy(allocator);
    }
    return rv;
}

/* httpd's children expect signals in their main thread; the mask is inherited. */
static apr_status_t start_thread(refresh_t *refresh, apr_pool_t *pchild)
{
    sigset_t before;
    apr_status_t rv;

    block_signals(&before);
    rv = apr_thread_create(&refresh->thread, NULL, run, refresh, pchild);
    if (rv == APR_SUCCESS)
        apr_pool_pre_cleanup_register(pchild, refresh, end);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
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
        rv = make_pool(&refresh->pool);
    if (rv != APR_SUCCESS)
        return rv;
    rv = start_thread(refresh, pchild);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(refresh->pool);
        return rv;
    }
    cache_levels_on_due(levels, add, refresh);
    return APR_SUCCESS;
}
