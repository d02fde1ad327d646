/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_INTERNAL_H
#define TIER_INTERNAL_H

#include <httpd.h>
#include <util_filter.h>

/*
 * A request without a client. It runs through the whole of one virtual host (rewriting, access
 * control, balancer, filters) in the calling thread, as one that came over a connection would, but
 * for quick_handler and log_transaction: no line in the access log, no slot in the scoreboard, no
 * count in mod_status. What goes wrong is in the error log, under the connection id of the request
 * it was made for.
 *
 * It gains no rights. Made for a client's request, it carries that client's address, so that
 * Require ip and X-Forwarded-For are what they were, the fields given (Authorization among them),
 * and whether the client came by TLS (%{HTTPS}); what needs more of TLS, such as SSLRequireSSL,
 * refuses it. Made for nobody, it comes from 127.0.0.1, and may do what that address may.
 *
 * It is known by its connection, which no client can make: tier_internal_of. The note
 * "tier-internal" is for configurations and logs (%{tier-internal}n). An internal request cannot
 * make another one.
 */
typedef struct tier_internal_t tier_internal_t;

/* What the answer is given to, in the thread that runs the request. Functions may be NULL. */
typedef struct tier_internal_sink_t {
    /* Once, before any body: r->status, and all fields; both live until tier_internal_run returns.
     * An error ends the request. */
    apr_status_t (*answer)(request_rec *r, const apr_table_t *fields, void *baton);
    /* Each part of the body as it comes; what is left in brigade is deleted. An error ends the
     * request. */
    apr_status_t (*body)(apr_bucket_brigade *brigade, void *baton);
} tier_internal_sink_t;

typedef struct tier_internal_spec_t {
    server_rec *server;         /* the virtual host that answers; no other is looked up */
    const request_rec *from;    /* for whom: only read by tier_internal_create; NULL: nobody */
    const char *method;         /* NULL: GET */
    const char *uri;            /* origin form, "/path?query" */
    const char *host;           /* the Host field; NULL: the server's name */
    const apr_table_t *headers; /* without those of one connection, which are dropped; NULL: none */
    const char *body;           /* NULL: none */
    apr_size_t body_size;
    apr_time_t deadline; /* tier_clock_now()'s; the request is over then */
    tier_internal_sink_t sink;
    const void *owner; /* whose baton it is: the address of its module's record */
    void *baton;
    apr_size_t baton_size; /* not 0: tier_internal_create copies so many bytes of baton */
} tier_internal_spec_t;

typedef struct tier_internal_result_t {
    int status;          /* of the answer; 0: there was none */
    int is_complete;     /* the answer came to its end */
    apr_off_t body_size; /* bytes given to the sink */
} tier_internal_result_t;

/* Makes httpd know what internal requests need. Call once in register_hooks of each module that
 * uses them. */
void tier_internal_register_hooks(apr_pool_t *pool);

/*
 * Prepares a request; all that spec points to but server is copied to pool. APR_EINVAL: spec->from
 * is itself internal, or its uri is not of origin form. Any thread; the request may be run by
 * another one.
 */
apr_status_t tier_internal_create(tier_internal_t **internal, const tier_internal_spec_t *spec,
                                  apr_pool_t *pool);

/*
 * Runs it, once, and returns when it is over. APR_SUCCESS: there was an answer, of whatever status
 * (502 where the backend is down); APR_TIMEUP: its deadline passed or it was aborted; APR_EGENERAL:
 * it broke off. The deadline bounds waiting for a backend of mod_proxy_http: its answer is given up
 * then. Connecting is bounded by mod_proxy's connectiontimeout (or ProxyTimeout) instead, other
 * handlers by their own time-outs. The pool of tier_internal_create must be no other thread's
 * meanwhile. thread: the running one, or NULL where APR does not know it.
 */
apr_status_t tier_internal_run(tier_internal_t *internal, apr_thread_t *thread,
                               tier_internal_result_t *result);

/* Ends a request now that another thread runs or will run. Returns at once. Any thread. */
void tier_internal_abort(tier_internal_t *internal);

/* Returns the deadline given. Any thread. */
apr_time_t tier_internal_deadline(const tier_internal_t *internal);

/* Returns the baton as it was copied. Any thread. */
void *tier_internal_own_baton(const tier_internal_t *internal);

/* Returns the internal request that r (sub-requests and redirects included) belongs to; NULL: a
 * client's. */
tier_internal_t *tier_internal_of(const request_rec *r);

/* Returns the baton of the internal request that r belongs to where it is owner's, else NULL. */
void *tier_internal_baton(const request_rec *r, const void *owner);

#endif
