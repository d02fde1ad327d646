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
    HEALTH_ANSWER_DROPPED /* bad: another attempt follows, or 502 */
} health_answer_e;

#define HEALTH_TRIED_MAX 32

/* One request. Lives in its pool. */
typedef struct health_retry_t {
    request_rec *r;
    health_scene_t *scene;
    health_retry_config_t config;
    const request_rec *before;    /* the request as it was before the first attempt */
    struct body_t *body;          /* health_retry_body.c; NULL: the request has none */
    struct health_hedge_t *hedge; /* of this attempt, health_hedge_race.c; NULL: there is none */
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
    unsigned refused : 1;   /* no other follows, but the client is not to have this answer */
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
    apr_off_t transferred;    /* to that member until then, by all */
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

#endif
