/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_TOP_H
#define CACHE_TOP_H

#include <apr_errno.h>
#include <apr_time.h>

#include <pthread.h>

#include "cache_status_field.h"
#include "cache_verdict.h"

/*
 * The URLs that cost the application most, in shared memory of fixed size: weighted Space-Saving
 * (A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in
 * Data Streams", ICDT 2005). Of all that was added, what weighs more than a CACHE_TOP_SIZE-th is in
 * it, and no figure is less than the truth, nor more by more than it says. Figures are halved once
 * an hour, so that what was is forgotten.
 *
 * One robust lock, held for some hundreds of nanoseconds by requests that the application has
 * answered; hits do not come here. When a process dies while it changes the list, the list starts
 * anew. Any thread of any process.
 */
#define CACHE_TOP_LAYOUT 2
#define CACHE_TOP_SIZE   256
#define CACHE_TOP_URL    160 /* bytes of a URL, with its NUL; longer ones are cut */

/* Why the application was asked: a verdict other than CACHE_STORABLE, or CACHE_TOP_FORWARDED() of a
 * cache_fwd_e where its answer could be stored. */
#define CACHE_TOP_FORWARDED(fwd) (CACHE_VERDICTS + (int)(fwd))
#define CACHE_TOP_REASONS        (CACHE_VERDICTS + CACHE_FWDS)

typedef struct cache_top_entry_t {
    apr_uint64_t weight; /* microseconds of the application's time; set by cache_top_read */
    apr_uint64_t excess; /* at most so much of it is of others */
    apr_uint64_t count;  /* requests since it came in */
    apr_uint32_t reasons[CACHE_TOP_REASONS];
    char url[CACHE_TOP_URL]; /* visible ASCII only, whatever came */
} cache_top_entry_t;

typedef struct cache_top_t {
    pthread_mutex_t lock;
    apr_uint32_t is_changing;
    apr_time_t halved;   /* tier_clock_now() */
    apr_uint64_t weight; /* of all that was added */
    /* Of each entry, close together, as each request goes through them: */
    apr_uint64_t hashes[CACHE_TOP_SIZE]; /* of the whole URL; 0: free */
    apr_uint64_t weights[CACHE_TOP_SIZE];
    cache_top_entry_t entries[CACHE_TOP_SIZE];
} cache_top_t;

/* Prepares zeroed shared memory. Parent process. Errors: pthread's. */
apr_status_t cache_top_init(cache_top_t *top);

/*
 * Adds what one request for url (any bytes but NUL) has cost: weight microseconds, for a reason.
 * now: tier_clock_now().
 */
void cache_top_add(cache_top_t *top, const char *url, apr_interval_time_t weight, int reason,
                   apr_time_t now);

/*
 * Copies the entries, the heaviest first, to list (room for CACHE_TOP_SIZE). Returns how many there
 * are; *weight is that of all that was added.
 */
int cache_top_read(cache_top_t *top, cache_top_entry_t *list, apr_uint64_t *weight);

/* Returns the reason that an entry was seen with most often. */
int cache_top_reason(const cache_top_entry_t *entry);

/* Return a reason's name, and what would change it, in words for the administrator. Constants. */
const char *cache_top_reason_name(int reason);
const char *cache_top_remedy(int reason);

#endif
