/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_ROSTER_H
#define CACHE_ROSTER_H

#include <apr_errno.h>

#include <pthread.h>

/*
 * Which processes of the host are alive, in shared memory. Each holds a robust mutex from its start
 * to its end; the kernel gives it back at the moment a process dies, however it dies, and before
 * its parent has noticed.
 */
#define CACHE_ROSTER_SIZE 1024
#define CACHE_ROSTER_NONE 0xffffffffu

typedef struct cache_roster_place_t {
    pthread_mutex_t lock; /* held: whoever has the place is alive */
    apr_uint32_t serial;  /* how many have had it; atomic */
    apr_uint32_t waiting; /* of its requests, for an answer that another one asks for; atomic */
} cache_roster_place_t;

typedef struct cache_roster_t {
    cache_roster_place_t places[CACHE_ROSTER_SIZE];
} cache_roster_t;

typedef struct cache_member_t {
    apr_uint32_t
        place; /* CACHE_ROSTER_NONE: there was none left; such a one counts as alive for ever */
    apr_uint32_t serial;
} cache_member_t;

/* Prepares fresh shared memory. Parent process. Errors: pthread's. */
apr_status_t cache_roster_init(cache_roster_t *roster);

/* Takes a place for the calling thread, which must live as long as the process: the main thread, in
 * child_init. */
void cache_roster_enter(cache_roster_t *roster, cache_member_t *member);

/* Gives the place back; the thread that entered. One that does not is noticed when it ends. */
void cache_roster_leave(cache_roster_t *roster, const cache_member_t *member);

/* Returns the member's count of waiting requests, zero when it entered; NULL: it has no place. */
apr_uint32_t *cache_roster_waiting(cache_roster_t *roster, const cache_member_t *member);

/* Returns how many requests of all that live wait. Any thread of any process. */
apr_uint32_t cache_roster_all_waiting(cache_roster_t *roster);

/* Returns 1 while the member lives. Any thread of any process. */
int cache_roster_is_alive(cache_roster_t *roster, const cache_member_t *member);

#endif
