/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_EPOCHS_PRIVATE_H
#define CACHE_EPOCHS_PRIVATE_H

/* What looking at epochs (cache_epochs.c) and purging (cache_epochs_purge.c) share. Any thread. */

#include "cache_epochs.h"

#define CACHE_EPOCHS_COPIES     2
#define CACHE_EPOCHS_KEY_SIZE   (5 + 16 + 2) /* "wte1-", the tag, '-', a digit or 'l' */
#define CACHE_EPOCHS_VALUE_SIZE 32           /* number and purged, in hexadecimal digits */

struct cache_epochs_t {
    tier_memcache_t *memcache;
    cache_purge_t *purge;
    int copies;
    apr_interval_time_t age;
};

/* A tag whose epoch is looked for, and what memcached said. */
typedef struct cache_wanted_t {
    int at; /* its number in the text of tags */
    cache_tag_t tag;
    cache_epoch_t epoch;
    apr_status_t status; /* APR_SUCCESS: epoch; APR_NOTFOUND: there is none; else an error */
    int missing;         /* a bit for each copy that is not there */
    char keys[CACHE_EPOCHS_COPIES][CACHE_EPOCHS_KEY_SIZE + 1];
    char values[CACHE_EPOCHS_COPIES][CACHE_EPOCHS_VALUE_SIZE];
} cache_wanted_t;

/* Writes the key of a tag's epoch, copy '0', of the lock on it, 'l', or of what is told of a URL's
 * removal, 'h', or soft purge, 's'. */
void cache_epochs_write_key(char key[CACHE_EPOCHS_KEY_SIZE + 1], cache_tag_t tag, char copy);

/* Writes an epoch as memcached has it. */
void cache_epochs_write_value(char value[CACHE_EPOCHS_VALUE_SIZE + 1], const cache_epoch_t *epoch);

/* Returns 0 when the bytes are no epoch. */
int cache_epochs_read_value(cache_epoch_t *epoch, const char *value, apr_size_t size);

/*
 * Returns 1 when what was asked for at requested was asked for before the purge. The clocks of two
 * boxes differ; this box's own purges are before or after. Wall clock.
 */
int cache_epochs_is_newer(const cache_epochs_t *epochs, apr_time_t purged, apr_time_t requested);

/* Sets *number to a new epoch's, which nobody can guess. Its low bits are for soft purges; it is
 * not 0, which is no epoch. Errors: those of the system's randomness. */
apr_status_t cache_epochs_make_number(apr_uint64_t *number);

/* Fills count tags' epochs, statuses, missing copies and keys with one call of memcached's. */
void cache_epochs_ask(cache_epochs_t *epochs, cache_wanted_t *wanted, int count, apr_pool_t *pool);

#endif
