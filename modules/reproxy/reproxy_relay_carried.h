/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_CARRIED_H
#define REPROXY_RELAY_CARRIED_H

/* What reproxy_relay_carry.c (the connection) and reproxy_relay_give.c (its bodies) share. */

#include "reproxy_relay_carry.h"
#include "reproxy_relay_transfer.h"

#define REPROXY_RELAY_NONE (-1)

/* One a connection, in its pool. Used by one thread at a time, as the connection is. */
struct reproxy_relay_carry_t {
    reproxy_relay_child_state_t *child;
    conn_rec *c;
    ap_filter_t *filter;      /* NULL until the first body was taken */
    apr_bucket_brigade *kept; /* the end-of-request bucket */
    int heading;              /* the next that passes is the head of an answer */
    char *head;               /* of the answer, kept back: malloc'ed; NULL: there is none */
    apr_size_t head_at;       /* what of it was sent */
    apr_size_t head_size;     /* and is to be sent */
    apr_off_t ahead;          /* bytes of it that the job sends before those of the body */
    request_rec *r;           /* NULL: not busy */
    reproxy_relay_body_t body;
    reproxy_relay_job_t job;
    reproxy_relay_transfer_t transfer; /* as long as a worker moves the bytes */
    apr_off_t sent;                    /* before this job */
    unsigned parked : 1;
    unsigned is_shed : 1; /* its allocator keeps no memory */
    int socket;           /* duplicate of the client's, once the body was handed over */
    int source;           /* of the source's */
    int timer;
    reproxy_relay_carry_t *next; /* in child->carried, under its lock */
    reproxy_relay_carry_t *before;
};

/* Takes the head's bytes off those that the job has sent. Done again it does nothing. */
void reproxy_relay_carried_count_head(reproxy_relay_carry_t *carry);

/* Frees the head that was kept back. */
void reproxy_relay_carried_drop_head(reproxy_relay_carry_t *carry);

/* Returns the descriptor of the client's connection, as the MPM has it. */
int reproxy_relay_carried_descriptor(const reproxy_relay_carry_t *carry);

/* Puts the connection into the list of those whose bodies the relay has. The request ends with its
 * pool, if it is not ended before. */
void reproxy_relay_carried_enlist(reproxy_relay_carry_t *carry);

/* Writes the true figures into the request, and tells the delivery that its body has ended. */
void reproxy_relay_carried_tell_end(reproxy_relay_carry_t *carry);

/* Closes the duplicates and the timer. */
void reproxy_relay_carried_close(reproxy_relay_carry_t *carry);

/*
 * A source failed: another one may be there for the rest. Returns 1 when the job was handed to the
 * relay again; 0 when it has ended for good, as job.end says. A worker, of a body handed over.
 */
int reproxy_relay_give_next(reproxy_relay_carry_t *carry);

#endif
