/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_LOOKUP_H
#define MOGILE_LOOKUP_H

#include "memcache.h"
#include "mogile_cache.h"
#include "mogile_client.h"
#include "mogile_database.h"
#include "mogile_flight.h"

/*
 * Finds the file of a key: in this host's cache, in memcached, from a tracker, from the database.
 * What cannot be asked is left out; what was found long ago is better than no answer. Those who
 * look for the same key at once wait for one of them, where paths are kept. Any thread.
 */
typedef enum {
    MOGILE_FROM_LOCAL,
    MOGILE_FROM_MEMCACHED,
    MOGILE_FROM_TRACKER,
    MOGILE_FROM_DATABASE,
    MOGILE_FROM_STALE, /* from this host's cache, after its time, as nothing else answers */
    MOGILE_FROMS
} mogile_from_e;

typedef enum {
    MOGILE_FOUND,
    MOGILE_NO_KEY,
    MOGILE_NO_DOMAIN, /* the trackers do not know the domain: a mistake in a configuration */
    MOGILE_NOWHERE,   /* neither a tracker nor the database answers */
    MOGILE_FINDS
} mogile_found_e;

/* In shared memory, zeroed when fresh. */
typedef struct mogile_totals_t {
    tier_counter_t found[MOGILE_FROMS]; /* keys, or that there is none */
    tier_counter_t finds[MOGILE_FINDS];
    tier_counter_t waited;  /* for the look-up of another */
    tier_counter_t dropped; /* cached paths that turned out wrong */
} mogile_totals_t;

typedef struct mogile_lookup_t {
    mogile_client_t *client;     /* NULL: no trackers */
    mogile_database_t *database; /* NULL: none */
    int database_first;
    mogile_cache_t *local;     /* NULL: none */
    tier_memcache_t *memcache; /* NULL: none */
    mogile_flights_t *flights; /* NULL: every look-up asks for itself */
    mogile_totals_t *totals;
    apr_interval_time_t deadline; /* of one tracker */
    apr_interval_time_t stale;    /* how long after its time a path is kept for emergencies */
} mogile_lookup_t;

typedef struct mogile_key_t {
    const char *domain;
    const char *key;
    const char *zone;             /* NULL: the trackers' default */
    int wants_length;             /* 1: length and checksum are to be known too */
    apr_interval_time_t fresh;    /* how long a file is kept; 0: neither kept nor looked for */
    apr_interval_time_t negative; /* how long it is kept that there is none */
} mogile_key_t;

/*
 * Looks key up; *file is set with MOGILE_FOUND only, *from says where the answer comes from. *file
 * may have no copies: none is readable now. anew: 1 asks trackers and database, whatever is cached.
 */
mogile_found_e mogile_lookup_find(mogile_lookup_t *lookup, const mogile_key_t *key, int anew,
                                  mogile_file_t **file, mogile_from_e *from, apr_pool_t *pool);

/* Forgets what is cached of key: its paths have failed, or it was written or deleted. */
void mogile_lookup_drop(mogile_lookup_t *lookup, const mogile_key_t *key, apr_pool_t *pool);

/* A look-up that every tracker in order can answer, whatever is stored: for probes. */
const char *mogile_lookup_question(const char *domain, apr_pool_t *pool);

/* Returns a constant, lower_case: for logs and the status page. */
const char *mogile_lookup_source(mogile_from_e from);

#endif
