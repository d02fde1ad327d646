/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINGER_CREW_H
#define LINGER_CREW_H

#include <apr_time.h>

#include "linger_outcome.h"

/*
 * The workers of one child, and who may linger among them. httpd does not say how many workers are
 * idle, so the crew counts: connections that are open, and connections that hold a worker
 * ("attached": being read, answered or lingered on). Lingering must never be why a connection finds
 * no worker: the event MPM closes kept-alive connections then.
 *
 * All counters are atomics: any thread of the child, no lock.
 */
typedef struct linger_crew_t {
    apr_uint32_t workers;       /* ThreadsPerChild */
    apr_uint32_t max_lingering; /* at once */
    apr_uint32_t reserve;       /* workers kept idle for connections that are not there yet */

    apr_uint32_t connections;
    apr_uint32_t attached;
    apr_uint32_t lingering;
    apr_uint32_t stopping;  /* 1 once the child stops */
    apr_int64_t busy_until; /* nobody lingers before then */
} linger_crew_t;

/*
 * For how long nobody lingers after few workers were idle, and after connections were closed for
 * want of one: the event MPM closes all that wait at once, so that it must not come to that again
 * soon.
 */
#define LINGER_CREW_CALM      apr_time_from_msec(500)
#define LINGER_CREW_LONG_CALM apr_time_from_sec(5)

/*
 * Starts a crew of this many workers, of which max_lingering may linger at once (fewer, where less
 * than the reserve would be left). One thread.
 */
void linger_crew_init(linger_crew_t *crew, apr_uint32_t workers, apr_uint32_t max_lingering);

/*
 * A client connected, or its connection is gone: the first thing done about a connection, and the
 * last. Each publishes what the calling thread did before to whoever calls next, because httpd
 * gives the memory of one to another.
 */
void linger_crew_opened(linger_crew_t *crew);
void linger_crew_closed(linger_crew_t *crew);

/* A worker took a connection, which may leave the child short of workers; or let go of it. */
void linger_crew_attach(linger_crew_t *crew, apr_time_t now);
void linger_crew_detach(linger_crew_t *crew);

/*
 * Makes what other threads did to a connection before they detached visible to the calling one,
 * which takes it over. httpd hands connections from thread to thread by atomics of its own, some of
 * which promise no order to others.
 */
void linger_crew_take_over(const linger_crew_t *crew);

/* httpd closed a connection because it had no idle worker: nobody lingers for a while, and who
 * lingers stops. */
void linger_crew_starved(linger_crew_t *crew, apr_time_t now);

/* The child stops: nobody lingers any more. */
void linger_crew_stop(linger_crew_t *crew);

/*
 * Asks to linger now, on behalf of an attached connection; accepting is 0 while the child takes no
 * new connections. Returns LINGER_ADMITTED, after which linger_crew_leave() must follow, or why
 * not: LINGER_REFUSED_STOPPING, LINGER_REFUSED_BUSY or LINGER_REFUSED_FULL.
 */
linger_outcome_e linger_crew_enter(linger_crew_t *crew, apr_time_t now, int accepting);
void linger_crew_leave(linger_crew_t *crew);

/*
 * Returns 1 when a worker may be held for longer than usual, because nobody misses it: as many may
 * linger as there are connections, or three quarters of the workers are idle.
 */
int linger_crew_is_roomy(const linger_crew_t *crew);

/* Returns 1 when whoever lingers is to let go of its worker now. */
int linger_crew_wanted(const linger_crew_t *crew, apr_time_t now);

#endif
