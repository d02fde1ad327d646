/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIER_INTERNAL_PRIVATE_H
#define TIER_INTERNAL_PRIVATE_H

/* What the two files of internal.h share. */

#include "internal.h"

#include <pthread.h>

#define TIER_INTERNAL_NOTE "tier-internal"

/* Above all filters of a request: sees the answer's end at once. */
#define TIER_INTERNAL_TOP "TIER_INTERNAL_TOP"
/* In the place of what writes the head of an answer: where the answer leaves the request. */
#define TIER_INTERNAL_SINK "TIER_INTERNAL_SINK"
/* In the places of what writes to and reads from the client's socket. */
#define TIER_INTERNAL_END    "TIER_INTERNAL_END"
#define TIER_INTERNAL_SOURCE "TIER_INTERNAL_SOURCE"

struct tier_internal_t {
    tier_internal_spec_t spec; /* its strings are copies */
    apr_pool_t *pool;
    const char *client_ip;
    const char *local_ip;
    apr_port_t local_port;
    const char *log_id;
    int is_https;

    /* The running thread's alone. */
    tier_internal_result_t result;
    int has_answer;
    apr_size_t body_sent;

    pthread_mutex_t lock;
    int is_aborted; /* under lock, and so fd */
    int fd; /* the backend's socket under a number of our own while it is waited for; -1: none */
};

/* Lets go of the backend's socket: it is another request's from now on. The running thread. */
void tier_internal_forget_backend(tier_internal_t *internal);

/* Returns 1 when the request was aborted or its deadline has passed. Any thread. */
int tier_internal_is_over(tier_internal_t *internal);

/* Registers the filters above. */
void tier_internal_register_filters(void);

#endif
