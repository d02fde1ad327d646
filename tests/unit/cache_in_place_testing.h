/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_IN_PLACE_TESTING_H
#define CACHE_IN_PLACE_TESTING_H

/* A store of one stripe in shared memory, and records of one letter in it. */
#include "cache_testing.h"

#include "cache_pin.h"
#include "cache_stripe.h"

#define SIZE    ((apr_size_t)4 * 1024 * 1024)
#define LARGEST ((apr_size_t)512 * 1024) /* one stripe */
#define LONG    SECONDS(1000)

/* The store's memory. */
extern void *base;

/* Returns an empty store in memory that is, of the second, a file too; from pool. */
cache_store_t *make_store(apr_pool_t *pool);
cache_store_t *make_file_store(apr_pool_t *pool);

/* Returns the store's stripe. */
stripe_t *stripe(void);

/* Returns the id of record `number`. */
cache_id_t id_of(int number);

/* Puts a record with a body of size bytes, all of them `letter`. */
apr_status_t put(cache_store_t *store, int number, char letter, apr_size_t size);

/* Reads a record, its body in place. */
apr_status_t get(cache_store_t *store, int number, cache_blob_t *blob, apr_pool_t *pool);

/* Returns how many bytes of body there are in place, all of them `letter`; -1: another one is. */
apr_int64_t body_of(const cache_blob_t *blob, char letter);

/* Returns how much of the store's memory is used. */
apr_uint64_t bytes_in_use(void);

/* Runs work in a process that is killed then. */
void in_killed_process(void (*work)(cache_store_t *store, apr_pool_t *pool), cache_store_t *store,
                       apr_pool_t *pool);

#endif
