/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_RETRY_H
#define HEALTH_RETRY_H

#include <httpd.h>
#include <mod_proxy.h>
#include <util_filter.h>

#include "health_retry_config.h"
#include "health_retry_scene.h"

/*
 * Requests to balancers, tried at one member after the other. A handler before mod_proxy's runs the
 * whole handler phase again and again; an output filter keeps the answer back until it is known to
 * be good, an input filter on the connection to the member watches the time, another one keeps the
 * request's body, and hooks of mod_proxy leave out the members that failed. Everything of one
 * request is used by one thread at a time.
 */

typedef enum {
    HEALTH_ANSWER_NONE,   /* nothing from the member yet */
    HEALTH_ANSWER_HELD,   /* kept back */
    HEALTH_ANSWER_GIVEN,  /* on its way to the client: this attempt is the last */
    HEALTH_ANSWER_DROPPED /* bad, and another attempt follows */
} health_answer_e;

#define HEALTH_TRIED_MAX 32

/* One request. Lives in its pool. */
typedef struct health_retry_t {
    request_rec *r;
    health_scene_t *scene;
    health_retry_config_t config;
    const request_rec *before; /* the request as it was before the first attempt */
    struct body_t *body;       /* health_retry_body.c; NULL: the request has none */
    unsigned idempotent : 1;
    unsigned has_body : 1;
    unsigned counted : 1;
    unsigned body_lost : 1; /* more than the kept part of the request's body is gone */
    unsigned queued : 1;
    apr_time_t queue_until; /* 0: has not waited */
    apr_uint32_t made;      /* attempts, this one included */
    int tried_count;
    const proxy_worker_shared *tried[HEALTH_TRIED_MAX];

    /* This attempt. */
    health_attempt_e attempt;
    int status; /* with HEALTH_ATTEMPT_STATUS */
    health_answer_e answer;
    unsigned granted : 1;   /* another attempt follows, and is paid for */
    unsigned sent : 1;      /* the member has the request, or a part of it */
    unsigned heard : 1;     /* some bytes have come back */
    unsigned headed : 1;    /* the head of the answer is complete */
    unsigned malformed : 1; /* they are no HTTP */
    unsigned cut : 1;       /* they ended within the head of the answer */
    unsigned timed_out : 1;
    unsigned moved : 1;    /* nothing was sent: the session's member is suspect */
    unsigned answered : 1; /* the member has begun an answer, and it is credited for it */
    health_passive_t *met; /* whom the attempt is made at; NULL: not followed */
    apr_time_t met_at;
    apr_interval_time_t took; /* from then to the beginning of an answer; 0: none */
    ap_filter_t *handshake;   /* watches the TLS handshake; NULL: there is none */
    apr_time_t deadline;      /* of the head of the answer; 0: none */
    apr_time_t hold_until;    /* while the answer is held */
    apr_bucket_brigade *held;
    apr_off_t held_size;
    ap_filter_t *hold;
    const proxy_worker *chosen; /* by ourselves: its busy count is ours to lower */
    const proxy_worker *worker; /* who had it in the end; NULL: nobody */
    proxy_balancer *balancer;
    const health_followed_t *followed; /* NULL: not followed */
} health_retry_t;

/* health_retry.c */

/* The handler, before mod_proxy's. */
int health_retry_handler(health_scene_t *scene, request_rec *r);

/* Returns what is known of a request, or NULL for one that is none of ours. */
health_retry_t *health_retry_of(const request_rec *r);

/*
 * Asks whether another attempt may follow this one, which is bad. Returns 1 when it may; it is paid
 * for then, and the answer of this one is to be dropped.
 */
int health_retry_grant(health_retry_t *retry, health_attempt_e attempt, int status);

/* Returns 1 when the client is known to be gone. */
int health_retry_client_gone(const health_retry_t *retry);

/* health_retry_setup.c */

/*
 * Makes *scene when the configuration wants it, else NULL, and gives balancers the members'
 * traffic. Returns OK, or HTTP_INTERNAL_SERVER_ERROR after it logged why. post_config, after
 * mod_proxy_balancer's.
 */
int health_retry_setup(health_scene_t **scene, health_balancers_t *balancers,
                       server_rec *main_server, apr_pool_t *pconf);

/* Registers all hooks and filters but the handler. */
void health_retry_register(void);

/* health_retry_hold.c */

/* Registers the output filter, and inserts it before all others. */
void health_retry_hold_register(void);
void health_retry_hold_insert(health_retry_t *retry);

/* Returns the filter, once it is registered; so does health_retry_backend_filter(). post_config. */
ap_filter_rec_t *health_retry_hold_filter(void);

/* Gives what is held, and all that follows, to the client; with flush, at once. */
apr_status_t health_retry_hold_release(health_retry_t *retry, int flush);

/* health_retry_backend.c: the connection to the member, and how long it may take. */
void health_retry_backend_register(void);
ap_filter_rec_t *health_retry_backend_filter(void);

/* Returns tier_clock_now(), up to 10 ms late and for a fraction of its cost: for limits that are
 * looked at with each line of an answer. Any thread. */
apr_time_t health_retry_about_now(void);

/* A connection begins: its TLS handshake is watched when it is one to a member, made for a request
 * that this thread is trying. socket: its apr_socket_t. The pre_connection hook, after mod_ssl's.
 */
int health_retry_backend_connection(const health_scene_t *scene, conn_rec *c, void *socket);

/* The attempt is over, or past the handshake: nothing watches that any more. */
void health_retry_backend_shaken(health_retry_t *retry);

/* health_retry_body.c: keeps the request's body, and plays it again from the start. */
void health_retry_body_register(void);
void health_retry_body_insert(health_retry_t *retry);
void health_retry_body_rewind(health_retry_t *retry);

/* health_retry_member.c: mod_proxy's members. */

/* Registers the hooks of mod_proxy; does nothing where that is not loaded. */
void health_retry_member_register(void);

/* Returns 1 when mod_proxy is there, loaded before this module. */
int health_retry_member_possible(void);

/* The member has begun to answer: it is not suspect any more. */
void health_retry_member_answered(health_retry_t *retry);

/* Leaves the member that this attempt was made at out of the further ones, and nothing more. */
void health_retry_member_leave(health_retry_t *retry);

/* Leaves the member that this attempt was made at out of the further ones, lowers its busy count
 * and counts what came of it. */
void health_retry_member_done(health_retry_t *retry);

/* Returns 1 when a member is left that can be asked; a budget that is not spent is asked for next.
 */
int health_retry_member_left(const health_retry_t *retry);

/* Returns 1 when the waiting room still has time for this request. */
int health_retry_member_may_wait(const health_retry_t *retry);

/* Returns the shared entry of the balancer, or NULL. */
health_passive_t *health_retry_balancer_entry(const health_retry_t *retry);

#endif
