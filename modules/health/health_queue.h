/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_QUEUE_H
#define HEALTH_QUEUE_H

#include <apr.h>
#include <apr_time.h>

/*
 * The waiting room of one child: threads whose request finds no member that could be asked wait in
 * it, a bounded number of them, each until its own deadline. Any thread of the child.
 */
typedef struct health_queue_t {
    apr_uint32_t waiting; /* atomic */
    apr_uint32_t places;  /* for requests that do not say how many there are; set in child_init */
} health_queue_t;

/* How often a waiting thread looks whether a member is back. */
#define HEALTH_QUEUE_POLL apr_time_from_msec(20)

typedef struct health_queue_ask_t {
    void *baton;
    int (*ready)(void *baton);     /* a member can be asked; called each HEALTH_QUEUE_POLL */
    int (*pointless)(void *baton); /* nobody waits for the answer any more */
    apr_uint32_t max;              /* places; 0: the queue's own number */
} health_queue_ask_t;

typedef enum {
    HEALTH_QUEUE_READY,
    HEALTH_QUEUE_FULL, /* has not waited */
    HEALTH_QUEUE_TIMED_OUT,
    HEALTH_QUEUE_POINTLESS
} health_queue_e;

/*
 * Waits until ready, or until (tier_clock_now()'s) is reached. With first 0, the request has been
 * in the room before and its member failed at once: then it waits one HEALTH_QUEUE_POLL in any
 * case, so that it cannot run in circles. Blocks the thread.
 */
health_queue_e health_queue_wait(health_queue_t *queue, const health_queue_ask_t *ask,
                                 apr_time_t until, int first);

#endif
