/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_TRANSFER_H
#define REPROXY_RELAY_TRANSFER_H

#include "reproxy_relay_job.h"
#include "reproxy_relay_pipe.h"

/* What a transfer waits for. */
typedef enum reproxy_relay_wait_e {
    REPROXY_RELAY_FOR_SOURCE, /* nothing is held, the source is to become readable */
    REPROXY_RELAY_FOR_CLIENT, /* the client is to become writable */
    REPROXY_RELAY_FOR_NOTHING /* it ended: job->end and job->sent are final */
} reproxy_relay_wait_e;

/*
 * A job on its way: moves its bytes by splice(2) through a pipe, and by recv and send through a
 * small buffer where that is not to be had. Does not wait, knows no event loop. One thread at a
 * time: a copy of it goes on where the original stopped.
 */
struct reproxy_relay_transfer_t {
    reproxy_relay_job_t *job;
    reproxy_relay_pipes_t *pipes;
    reproxy_relay_pipe_t pipe; /* pipe.out is -1 while there is none */
    apr_size_t piped;          /* bytes in the pipe */
    apr_size_t filled;         /* bytes put into the pipe by its last filling */
    apr_time_t filled_at;
    char *buffer; /* malloc'ed when the first bytes must be copied */
    apr_size_t buffer_at;
    apr_size_t buffer_end;
    apr_size_t head_at;
    apr_int64_t taken;  /* bytes of head and source that went or are held here */
    apr_time_t moved;   /* when a byte last moved, here or from the kernel's buffer */
    int unacknowledged; /* bytes in that buffer when that was looked at last */
    reproxy_relay_wait_e wait;
    unsigned copying : 1; /* splice cannot be used */
    unsigned blocked : 1; /* the client took nothing (more) when it was offered bytes last */
    unsigned pending : 1; /* the client's socket may hold bytes back, as more were promised */
    unsigned source_over : 1;
};

/* Makes transfer carry out job from now on. pipes is shared with others. */
void reproxy_relay_transfer_begin(reproxy_relay_transfer_t *transfer, reproxy_relay_job_t *job,
                                  reproxy_relay_pipes_t *pipes, apr_time_t now);

/*
 * Moves what can be moved without waiting, at most about 1 MiB so that others have their turn.
 * Returns what to wait for before the next call (for the client too when its turn is over).
 */
reproxy_relay_wait_e reproxy_relay_transfer_move(reproxy_relay_transfer_t *transfer,
                                                 apr_time_t now);

/*
 * Ends transfer when one of its deadlines has passed. Returns when to ask again, or 0: never (it
 * has ended, or has no deadline).
 */
apr_time_t reproxy_relay_transfer_check(reproxy_relay_transfer_t *transfer, apr_time_t now);

/* Ends a transfer that has not ended, with end. */
void reproxy_relay_transfer_end(reproxy_relay_transfer_t *transfer, reproxy_relay_end_e end);

/* Gives back pipe and buffer of a transfer that has ended. */
void reproxy_relay_transfer_release(reproxy_relay_transfer_t *transfer);

#endif
