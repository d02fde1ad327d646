/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_LOOP_H
#define TIER_LOOP_H

#include <apr_poll.h>
#include <apr_pools.h>
#include <apr_time.h>

/*
 * An event loop: sockets and timers, one thread. Callbacks run in the loop's thread and may add,
 * change and remove any socket or timer of the loop, their own included. Only tier_loop_stop may be
 * called by others. Over apr_pollset (epoll on Linux). Times are tier_clock_now()'s.
 */
typedef struct tier_loop_t tier_loop_t;

/* A timer lives in its owner's memory, zeroed before its first use; at most one due time each. */
typedef struct tier_loop_timer_t tier_loop_timer_t;
struct tier_loop_timer_t {
    void (*fire)(tier_loop_t *loop, tier_loop_timer_t *timer); /* set by the owner */
    void *baton;                                               /* the owner's */
    apr_time_t due;  /* the loop's: when it fires or fired last */
    apr_size_t slot; /* the loop's: 0 when not armed */
};

/* A watched socket lives in its owner's memory, zeroed before its first use. */
typedef struct tier_loop_slot_t tier_loop_slot_t;
typedef struct tier_loop_socket_t tier_loop_socket_t;
struct tier_loop_socket_t {
    void (*ready)(tier_loop_t *loop, tier_loop_socket_t *socket,
                  apr_int16_t events); /* APR_POLLIN, ... */
    void *baton;
    apr_socket_t *socket;   /* set by the owner; non-blocking */
    tier_loop_slot_t *slot; /* the loop's: NULL while it is not watched */
};

/*
 * Makes a loop from pool, for up to max_sockets watched sockets. Its descriptors close with the
 * pool. Errors: APR_ENOMEM and what the pollset gives.
 */
apr_status_t tier_loop_create(tier_loop_t **loop, apr_uint32_t max_sockets, apr_pool_t *pool);

/*
 * Runs until tier_loop_stop, then finishes the round: sockets first, then due timers. Returns
 * APR_SUCCESS, or the pollset's error that ended it. A stopped loop may be run again.
 */
apr_status_t tier_loop_run(tier_loop_t *loop);

/* Makes tier_loop_run return soon; also one that has not begun. Any thread. */
void tier_loop_stop(tier_loop_t *loop);

/* Returns the time of the present round of events: one clock reading a round. */
apr_time_t tier_loop_now(const tier_loop_t *loop);

/*
 * Arms timer for due, or moves it there; a past time fires in the next round. It is not armed any
 * more when it fires; timer->due + period gives a period without drift. Fires at most 1 ms late
 * (epoll's unit) plus what scheduling and callbacks take, never early. Timers of one due time fire
 * in any order. Errors: APR_ENOMEM, then it is not armed.
 */
apr_status_t tier_loop_timer_set(tier_loop_t *loop, tier_loop_timer_t *timer, apr_time_t due);

/* Disarms timer; one that is not armed is left alone. It does not fire after this. */
void tier_loop_timer_cancel(tier_loop_t *loop, tier_loop_timer_t *timer);

/*
 * Watches socket for events, or changes what it is watched for. Level-triggered; APR_POLLERR and
 * APR_POLLHUP are always told. Errors: the pollset's, APR_ENOMEM when max_sockets are watched
 * already; then it is not watched.
 */
apr_status_t tier_loop_socket_watch(tier_loop_t *loop, tier_loop_socket_t *socket,
                                    apr_int16_t events);

/*
 * Stops watching, before the descriptor is closed; one that is not watched is left alone. An event
 * of the same round that was not delivered yet is dropped, so that the owner may free its memory
 * when this returns.
 */
void tier_loop_socket_forget(tier_loop_t *loop, tier_loop_socket_t *socket);

/*
 * Disarms every timer and forgets every socket, all of which still have to be in memory: what an
 * owner does before it frees the pool of all of them at once.
 */
void tier_loop_clear(tier_loop_t *loop);

#endif
