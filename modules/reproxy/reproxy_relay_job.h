/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPROXY_RELAY_JOB_H
#define REPROXY_RELAY_JOB_H

#include <apr_time.h>

/* How a job ended. */
typedef enum reproxy_relay_end_e {
    REPROXY_RELAY_COMPLETE,       /* the client's kernel buffer has every byte */
    REPROXY_RELAY_CLIENT_GONE,    /* the client closed or reset its connection */
    REPROXY_RELAY_CLIENT_STALLED, /* the client took nothing for client_stall */
    REPROXY_RELAY_SOURCE_ENDED,   /* the source ended, or broke, before length */
    REPROXY_RELAY_SOURCE_STALLED, /* the source gave nothing for source_stall */
    REPROXY_RELAY_STOPPED,        /* cancelled, or the relay ended */
    REPROXY_RELAY_ENDS
} reproxy_relay_end_e;

/*
 * One body that is to be moved from a source to a client: the caller's memory, zeroed before it is
 * filled. Between a successful submission and the call of done() it is the relay's alone; after
 * that the relay does not touch it any more, and it may be submitted again with another source.
 */
typedef struct reproxy_relay_job_t reproxy_relay_job_t;
typedef struct reproxy_relay_transfer_t reproxy_relay_transfer_t;
struct reproxy_relay_job_t {
    /* Stream sockets, non-blocking. They stay the caller's, who closes them after done(). */
    int client;
    int source;

    /* Bytes to move, those of head among them; more is never taken from the source. */
    apr_int64_t length;
    /* What comes before the source's bytes: malloc'ed, and freed by the relay as soon as the client
     * has it, or done() is called. NULL where head_size is 0. */
    char *head;
    apr_size_t head_size;

    /* What was moved before the relay gets it; NULL: nothing. The relay takes it over by a copy,
     * with its pipe and buffer; then it is NULL. */
    reproxy_relay_transfer_t *begun;

    /* Microseconds; 0 is no limit. */
    apr_interval_time_t source_stall;
    apr_interval_time_t client_stall;

    /*
     * Called once, in the relay's thread, with the relay's lock held: must not block, nor call the
     * relay. sent and end are final.
     */
    void (*done)(reproxy_relay_job_t *job);
    void *baton;

    apr_int64_t sent; /* bytes that the client's kernel buffer took; starts at 0 */
    reproxy_relay_end_e end;

    /* The relay's, under its lock. */
    unsigned held : 1;
    unsigned cancelled : 1;
    reproxy_relay_job_t *next;
};

/* Returns the name of an end on the status page and in log lines, lower_case; a constant. */
const char *reproxy_relay_end_name(reproxy_relay_end_e end);

#endif
