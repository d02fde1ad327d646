/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_relay_engine.h"

#include <apr_portable.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <clock.h>
#include <loop.h>
#include <thread.h>

#include "reproxy_relay_transfer.h"

/* A place for one job, used again and again. The relay thread's alone. */
typedef struct seat_t seat_t;
struct seat_t {
    reproxy_relay_engine_t *engine;
    reproxy_relay_transfer_t transfer;
    tier_loop_socket_t client;
    tier_loop_socket_t source;
    tier_loop_timer_t timer;
    seat_t *next; /* in the free list, or among those taken */
    seat_t *before;
};

struct reproxy_relay_engine_t {
    reproxy_relay_engine_spec_t spec;
    apr_pool_t *pool; /* the thread's */
    apr_thread_t *thread;
    tier_loop_t *loop;
    reproxy_relay_pipes_t pipes;
    seat_t *free;
    seat_t *taken;

    apr_thread_mutex_t *lock; /* over what follows, and the held and cancelled bits of jobs */
    apr_thread_cond_t *ended; /* a job ended that somebody cancelled */
    reproxy_relay_job_t *arrived;
    apr_uint32_t running;
    int cancels; /* whether a job was cancelled since the thread last looked */
    int stopping;
};

/* Tells the owner, who may free the job at once: it is not touched after the lock is let go. */
static void report(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job)
{
    int cancelled;

    apr_thread_mutex_lock(engine->lock);
    cancelled = job->cancelled;
    job->held = 0;
    engine->running--;
    job->done(job);
    if (cancelled) {
        apr_thread_cond_broadcast(engine->ended);
    }
    apr_thread_mutex_unlock(engine->lock);
}

static void vacate(seat_t *seat)
{
    reproxy_relay_engine_t *engine = seat->engine;

    tier_loop_socket_forget(engine->loop, &seat->client);
    tier_loop_socket_forget(engine->loop, &seat->source);
    tier_loop_timer_cancel(engine->loop, &seat->timer);
    reproxy_relay_transfer_release(&seat->transfer);
    if (seat->before) {
        seat->before->next = seat->next;
    } else {
        engine->taken = seat->next;
    }
    if (seat->next) {
        seat->next->before = seat->before;
    }
    seat->next = engine->free;
    engine->free = seat;
    report(engine, seat->transfer.job);
}

/*
 * Watches the side that is waited for. The client is watched for its end all the while; a source
 * that is gone is looked at only when the client has what it gave before, as its event would come
 * round after round.
 */
static apr_status_t watch(seat_t *seat)
{
    tier_loop_t *loop = seat->engine->loop;
    int for_source = seat->transfer.wait == REPROXY_RELAY_FOR_SOURCE;
    apr_status_t status = tier_loop_socket_watch(loop, &seat->client, for_source ? 0 : APR_POLLOUT);

    if (status == APR_SUCCESS && for_source) {
        if (!seat->source.slot) {
            apr_os_sock_put(&seat->source.socket, &seat->transfer.job->source, seat->engine->pool);
        }
        status = tier_loop_socket_watch(loop, &seat->source, APR_POLLIN);
    } else {
        tier_loop_socket_forget(loop, &seat->source);
    }
    return status;
}

/* Reads the clock itself: the loop's is that of its last round, which may be long ago. */
static void go_on(seat_t *seat)
{
    if (reproxy_relay_transfer_move(&seat->transfer, tier_clock_now()) !=
            REPROXY_RELAY_FOR_NOTHING &&
        watch(seat) != APR_SUCCESS) {
        reproxy_relay_transfer_end(&seat->transfer, REPROXY_RELAY_STOPPED);
    }
    if (seat->transfer.wait == REPROXY_RELAY_FOR_NOTHING) {
        vacate(seat);
    }
}

static void source_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    (void)loop;
    (void)events;
    go_on(socket->baton);
}

static void client_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    seat_t *seat = socket->baton;

    (void)loop;
    if (seat->transfer.wait == REPROXY_RELAY_FOR_SOURCE && !(events & APR_POLLOUT)) {
        reproxy_relay_transfer_end(&seat->transfer, REPROXY_RELAY_CLIENT_GONE);
    }
    go_on(seat);
}

static void look_at_clock(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    seat_t *seat = timer->baton;
    apr_time_t next = reproxy_relay_transfer_check(&seat->transfer, tier_loop_now(loop));

    if (next && tier_loop_timer_set(loop, timer, next) != APR_SUCCESS) {
        reproxy_relay_transfer_end(&seat->transfer, REPROXY_RELAY_STOPPED);
    }
    if (seat->transfer.wait == REPROXY_RELAY_FOR_NOTHING) {
        vacate(seat);
    }
}

static seat_t *make_seat(reproxy_relay_engine_t *engine)
{
    seat_t *seat = apr_pcalloc(engine->pool, sizeof(*seat));

    seat->engine = engine;
    seat->client.ready = client_ready;
    seat->source.ready = source_ready;
    seat->timer.fire = look_at_clock;
    seat->client.baton = seat->source.baton = seat->timer.baton = seat;
    return seat;
}

static seat_t *take_seat(reproxy_relay_engine_t *engine)
{
    seat_t *seat = engine->free;

    if (seat) {
        engine->free = seat->next;
    } else {
        seat = make_seat(engine);
    }
    seat->before = NULL;
    seat->next = engine->taken;
    if (seat->next) {
        seat->next->before = seat;
    }
    engine->taken = seat;
    return seat;
}

static void begin(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job)
{
    seat_t *seat = take_seat(engine);
    apr_time_t now = tier_clock_now();

    apr_os_sock_put(&seat->client.socket, &job->client, engine->pool);
    if (job->begun) {
        seat->transfer = *job->begun;
        job->begun = NULL;
    } else {
        reproxy_relay_transfer_begin(&seat->transfer, job, &engine->pipes, now);
    }
    if (tier_loop_timer_set(engine->loop, &seat->timer, now) != APR_SUCCESS) {
        reproxy_relay_transfer_end(&seat->transfer, REPROXY_RELAY_STOPPED);
    }
    go_on(seat);
}

static void end_cancelled(reproxy_relay_engine_t *engine, int all)
{
    seat_t *seat, *next;

    for (seat = engine->taken; seat; seat = next) {
        next = seat->next;
        if (all || seat->transfer.job->cancelled) {
            reproxy_relay_transfer_end(&seat->transfer, REPROXY_RELAY_STOPPED);
            vacate(seat);
        }
    }
}

/* Takes what other threads have left. Returns 1 when the relay is to end. */
static int take_orders(reproxy_relay_engine_t *engine)
{
    reproxy_relay_job_t *job, *next;
    int stopping, cancels;

    apr_thread_mutex_lock(engine->lock);
    job = engine->arrived;
    engine->arrived = NULL;
    stopping = engine->stopping;
    cancels = engine->cancels;
    engine->cancels = 0;
    apr_thread_mutex_unlock(engine->lock);
    for (; job; job = next) {
        next = job->next;
        begin(engine, job);
    }
    if (stopping || cancels) {
        end_cancelled(engine, stopping);
    }
    return stopping;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    reproxy_relay_engine_t *engine = data;

    (void)thread;
    while (!take_orders(engine)) {
        apr_status_t status = tier_loop_run(engine->loop);

        if (status != APR_SUCCESS) {
            tier_log(engine->spec.log, TIER_LOG_MARK, TIER_LOG_ERR, status,
                     WTNO(3600) "relay: waiting for events failed; the downloads of this child "
                                "that it carries are cut");
            apr_thread_mutex_lock(engine->lock);
            engine->stopping = 1;
            apr_thread_mutex_unlock(engine->lock);
        }
    }
    reproxy_relay_pipes_close(&engine->pipes);
    return NULL;
}

static apr_status_t stop(void *data)
{
    reproxy_relay_engine_t *engine = data;
    apr_status_t result;

    apr_thread_mutex_lock(engine->lock);
    engine->stopping = 1;
    apr_thread_mutex_unlock(engine->lock);
    tier_loop_stop(engine->loop);
    return apr_thread_join(&result, engine->thread);
}

apr_status_t reproxy_relay_engine_start(reproxy_relay_engine_t **engine,
                                        const reproxy_relay_engine_spec_t *spec, apr_pool_t *pool)
{
    reproxy_relay_engine_t *made;
    apr_thread_mutex_t *of_pipes;
    apr_pool_t *own;
    apr_status_t status = tier_thread_pool(&own, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    made = apr_pcalloc(own, sizeof(*made));
    made->spec = *spec;
    made->pool = own;
    status = tier_loop_create(&made->loop, 2 * spec->max_jobs, own);
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, own);
    }
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&of_pipes, APR_THREAD_MUTEX_DEFAULT, own);
    }
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&made->ended, own);
    }
    if (status == APR_SUCCESS) {
        reproxy_relay_pipes_init(&made->pipes, spec->max_pipes, of_pipes);
        status = tier_thread_start(&made->thread, "tier-relay", run, made, own, stop, pool);
    }
    if (status != APR_SUCCESS) {
        apr_pool_destroy(own);
        return status;
    }
    *engine = made;
    return APR_SUCCESS;
}

apr_status_t reproxy_relay_engine_submit(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job)
{
    apr_status_t status = APR_SUCCESS;

    apr_thread_mutex_lock(engine->lock);
    if (engine->stopping) {
        status = APR_EOF;
    } else if (engine->running >= engine->spec.max_jobs) {
        status = APR_EAGAIN;
    } else {
        engine->running++;
        job->held = 1;
        job->cancelled = 0;
        job->next = engine->arrived;
        engine->arrived = job;
    }
    apr_thread_mutex_unlock(engine->lock);
    if (status == APR_SUCCESS) {
        tier_loop_stop(engine->loop); /* the thread looks at what arrived, and goes on */
    }
    return status;
}

void reproxy_relay_engine_cancel(reproxy_relay_engine_t *engine, reproxy_relay_job_t *job)
{
    apr_thread_mutex_lock(engine->lock);
    if (job->held) {
        job->cancelled = 1;
        engine->cancels = 1;
        tier_loop_stop(engine->loop);
    }
    while (job->held) {
        apr_thread_cond_wait(engine->ended, engine->lock);
    }
    apr_thread_mutex_unlock(engine->lock);
}

int reproxy_relay_engine_holds(reproxy_relay_engine_t *engine, const reproxy_relay_job_t *job)
{
    int held;

    apr_thread_mutex_lock(engine->lock);
    held = job->held;
    apr_thread_mutex_unlock(engine->lock);
    return held;
}

reproxy_relay_pipes_t *reproxy_relay_engine_pipes(reproxy_relay_engine_t *engine)
{
    return &engine->pipes;
}

apr_uint32_t reproxy_relay_engine_running(reproxy_relay_engine_t *engine)
{
    apr_uint32_t running;

    apr_thread_mutex_lock(engine->lock);
    running = engine->running;
    apr_thread_mutex_unlock(engine->lock);
    return running;
}
