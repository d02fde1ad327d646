/* SPDX-License-Identifier: Apache-2.0 */
#include "background.h"

#include "clock.h"
#include "glue.h"
#include "thread.h"

#include <ap_mpm.h>
#include <apr_strings.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* Memory that an allocator keeps beyond what one request needs goes back to the system. */
#define KEEPS_FREE (256 * 1024)

typedef struct job_t job_t;

struct job_t {
    job_t *next;
    tier_background_t *background;
    tier_internal_t *internal;
    tier_background_done_t done;
    void *baton;
    apr_pool_t *pool; /* the job itself is in it */
};

typedef struct job_list_t {
    job_t *first, *last;
} job_list_t;

struct tier_background_t {
    tier_background_options_t options;
    int is_threaded;
    apr_thread_t **threads; /* the keeper, then options.threads */
    apr_uint32_t started;
    pthread_mutex_t lock;
    pthread_cond_t has_work; /* a job, or the end; and for the keeper: a job that runs */
    pthread_cond_t is_idle;
    /* Under lock. */
    job_list_t queue;
    job_t *running; /* linked by next, like the queue */
    int is_stopping;
    tier_background_figures_t figures;
};

static void append(job_list_t *list, job_t *job)
{
    job->next = NULL;
    if (list->last) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
}

static job_t *take_first(job_list_t *list)
{
    job_t *job = list->first;

    if (job) {
        list->first = job->next;
        if (!list->first)
            list->last = NULL;
    }
    return job;
}

/* A wait until a time of tier_clock_now. Returns when woken, too. lock is held. */
static void wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, apr_time_t until)
{
    struct timespec at = {apr_time_sec(until), apr_time_usec(until) * 1000};

    pthread_cond_timedwait(condition, lock, &at);
}

static void end_job(job_t *job, apr_status_t status, const tier_internal_result_t *result)
{
    if (job->done)
        job->done(job->baton, status, result);
    apr_pool_destroy(job->pool);
}

static void cancel(job_t *job)
{
    static const tier_internal_result_t none = {0, 0, 0};

    end_job(job, ECANCELED, &none);
}

static void leave_running(tier_background_t *background, job_t *job)
{
    job_t **link = &background->running;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    background->figures.running--;
    background->figures.ran++;
    if (!background->running)
        pthread_cond_broadcast(&background->is_idle);
}

static void run_job(tier_background_t *background, job_t *job, apr_thread_t *thread)
{
    tier_internal_result_t result;
    apr_status_t status = tier_internal_run(job->internal, thread, &result);

    pthread_mutex_lock(&background->lock);
    leave_running(background, job);
    pthread_mutex_unlock(&background->lock);
    end_job(job, status, &result);
}

/* lock is held. */
static void enter_running(tier_background_t *background, job_t *job)
{
    job->next = background->running;
    background->running = job;
    background->figures.waiting--;
    background->figures.running++;
    pthread_cond_broadcast(&background->has_work);
}

/* Waits for a job and makes it a running one; NULL: the end. */
static job_t *next_job(tier_background_t *background)
{
    job_t *job = NULL;

    pthread_mutex_lock(&background->lock);
    while (!background->is_stopping && !(job = take_first(&background->queue)))
        pthread_cond_wait(&background->has_work, &background->lock);
    if (job)
        enter_running(background, job);
    pthread_mutex_unlock(&background->lock);
    return job;
}

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    tier_background_t *background = data;
    job_t *job;

    pthread_setname_np(pthread_self(), background->options.name); /* for ps; may fail */
    while ((job = next_job(background)) != NULL)
        run_job(background, job, thread);
    return NULL;
}

/* Aborts the running requests whose time is over; returns when the next one's is. lock is held. */
static apr_time_t abort_late(tier_background_t *background, apr_time_t now)
{
    apr_time_t next = now + apr_time_from_sec(3600);

    for (job_t *job = background->running; job; job = job->next) {
        apr_time_t end = tier_internal_deadline(job->internal);

        if (end <= now) {
            tier_internal_abort(job->internal);
        } else if (end < next) {
            next = end;
        }
    }
    return next;
}

static void *APR_THREAD_FUNC keep_deadlines(apr_thread_t *thread, void *data)
{
    tier_background_t *background = data;

    (void)thread;
    pthread_setname_np(pthread_self(), background->options.name);
    pthread_mutex_lock(&background->lock);
    while (!background->is_stopping)
        wait_until(&background->has_work, &background->lock,
                   abort_late(background, tier_clock_now()));
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

/* Ending. */

static job_list_t take_all(job_list_t *list)
{
    job_list_t all = *list;

    list->first = list->last = NULL;
    return all;
}

static void cancel_all(job_list_t jobs)
{
    job_t *job;

    while ((job = take_first(&jobs)) != NULL)
        cancel(job);
}

/* Waits until nothing runs, at most for grace, then aborts what does. lock is held. */
static void end_running(tier_background_t *background)
{
    apr_time_t end = tier_clock_now() + background->options.grace;

    while (background->is_threaded && background->running && tier_clock_now() < end)
        wait_until(&background->is_idle, &background->lock, end);
    for (job_t *job = background->running; job; job = job->next)
        tier_internal_abort(job->internal);
}

static apr_status_t stop(void *data)
{
    tier_background_t *background = data;
    apr_status_t ignored;
    job_list_t jobs;

    pthread_mutex_lock(&background->lock);
    background->is_stopping = 1;
    jobs = take_all(&background->queue);
    pthread_cond_broadcast(&background->has_work);
    end_running(background);
    pthread_mutex_unlock(&background->lock);
    cancel_all(jobs);
    while (background->started > 0)
        apr_thread_join(&ignored, background->threads[--background->started]);
    return APR_SUCCESS;
}

/* Beginning. */

static apr_status_t start_thread(tier_background_t *background, apr_thread_start_t run,
                                 apr_pool_t *pool)
{
    sigset_t before;
    apr_status_t rv;

    tier_thread_block_signals(&before);
    rv = apr_thread_create(&background->threads[background->started], NULL, run, background, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS)
        background->started++;
    return rv;
}

static void init_locks(tier_background_t *background)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&background->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&background->has_work, &attributes);
    pthread_cond_init(&background->is_idle, &attributes);
    pthread_condattr_destroy(&attributes);
}

apr_status_t tier_background_start(tier_background_t **background,
                                   const tier_background_options_t *options, apr_pool_t *pchild)
{
    tier_background_t *made = apr_pcalloc(pchild, sizeof(*made));
    apr_status_t rv;

    made->options = *options;
    made->threads = apr_pcalloc(pchild, (options->threads + 1) * sizeof(*made->threads));
    init_locks(made);
    if (ap_mpm_query(AP_MPMQ_IS_THREADED, &made->is_threaded) != APR_SUCCESS)
        made->is_threaded = AP_MPMQ_NOT_SUPPORTED;
    apr_pool_pre_cleanup_register(pchild, made, stop);
    rv = start_thread(made, keep_deadlines, pchild);
    while (rv == APR_SUCCESS && made->is_threaded && made->started <= options->threads)
        rv = start_thread(made, work, pchild);
    if (rv != APR_SUCCESS)
        apr_pool_cleanup_run(pchild, made, stop);
    *background = made;
    return rv;
}

/* Taking requests. */

/* Unmanaged: no thread but the job's own ever touches a pool that it hangs on. */
static apr_status_t make_pool(apr_pool_t **pool)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);

    if (rv != APR_SUCCESS)
        return rv;
    apr_allocator_max_free_set(allocator, KEEPS_FREE);
    rv = apr_pool_create_unmanaged_ex(pool, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

static apr_status_t make_job(job_t **made, const tier_internal_spec_t *spec,
                             tier_background_done_t done)
{
    apr_pool_t *pool;
    job_t *job;
    apr_status_t rv = make_pool(&pool);

    if (rv != APR_SUCCESS)
        return rv;
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->done = done;
    rv = tier_internal_create(&job->internal, spec, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return rv;
    }
    job->baton = tier_internal_own_baton(job->internal);
    *made = job;
    return APR_SUCCESS;
}

/* Prefork: the client's connection is closed, its child has nothing else to do. */
static apr_status_t run_deferred(void *data)
{
    job_t *job = data;
    tier_background_t *background = job->background;
    int ends;

    pthread_mutex_lock(&background->lock);
    ends = background->is_stopping || tier_glue_retired(NULL);
    if (ends) {
        background->figures.waiting--;
    } else {
        enter_running(background, job);
    }
    pthread_mutex_unlock(&background->lock);
    if (ends) {
        cancel(job);
    } else {
        run_job(background, job, NULL);
    }
    return APR_SUCCESS;
}

static void hand_over(tier_background_t *background, job_t *job, const request_rec *from)
{
    job->background = background;
    background->figures.waiting++;
    if (background->is_threaded) {
        append(&background->queue, job);
        pthread_cond_broadcast(&background->has_work);
    } else {
        apr_pool_pre_cleanup_register(from->connection->pool, job, run_deferred);
    }
}

static apr_status_t admit(tier_background_t *background)
{
    if (background->is_stopping || tier_glue_retired(NULL))
        return APR_EOF;
    if (background->figures.waiting < background->options.queue)
        return APR_SUCCESS;
    background->figures.dropped++;
    return APR_EAGAIN;
}

apr_status_t tier_background_submit(tier_background_t *background, const tier_internal_spec_t *spec,
                                    tier_background_done_t done)
{
    apr_status_t rv;
    job_t *job;

    if (!background->is_threaded && !spec->from)
        return APR_ENOTIMPL;
    rv = make_job(&job, spec, done);
    if (rv != APR_SUCCESS)
        return rv;
    pthread_mutex_lock(&background->lock);
    rv = admit(background);
    if (rv == APR_SUCCESS)
        hand_over(background, job, spec->from);
    pthread_mutex_unlock(&background->lock);
    if (rv != APR_SUCCESS)
        apr_pool_destroy(job->pool);
    return rv;
}

int tier_background_is_deferred(const tier_background_t *background)
{
    return !background->is_threaded;
}

void tier_background_figures(tier_background_t *background, tier_background_figures_t *figures)
{
    pthread_mutex_lock(&background->lock);
    *figures = background->figures;
    pthread_mutex_unlock(&background->lock);
}
