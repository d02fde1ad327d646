/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_BELL_H
#define ASSETS_BELL_H

#include <apr_time.h>

/*
 * What requests listen to that wait for a file: in shared memory, any thread of any process. A
 * crowd is woken one after the other, each by one before, so that few of it run at a time: clients,
 * and the fetch itself, get their share of the processors. Nothing is counted that the death of a
 * process would leave wrong.
 */
typedef struct assets_bell_t {
    apr_uint32_t rings; /* atomic: how often it rang */
    apr_uint32_t heard; /* atomic: how often somebody heard it */
} assets_bell_t;

/* Wakes all who listen. */
void assets_bell_ring(assets_bell_t *bell);

/* Returns a number to give to assets_bell_wait: what rings after this call is not missed. */
apr_uint32_t assets_bell_listen(const assets_bell_t *bell);

/* Waits until the bell rings, at most longest microseconds; it may also return for no reason.
 * Returns 1 when it has rung since heard was told. */
int assets_bell_wait(assets_bell_t *bell, apr_uint32_t heard, apr_interval_time_t longest);

/* Returns a number whose growth says how many have heard it. */
apr_uint32_t assets_bell_heard(const assets_bell_t *bell);

/* The longest time between two rings for a file that grows. */
#define ASSETS_BELL_PAUSE apr_time_from_msec(150)

/*
 * Returns 1 when a file that grows is worth another ring: so many heard the last one, since
 * microseconds ago, and the file will be whole in left microseconds (APR_INT64_MAX: nobody knows).
 * A crowd is to spend a part of its time on this, no more; and shortly before the end once more, so
 * that little is left to be sent when the end comes.
 */
int assets_bell_is_due(apr_uint32_t crowd, apr_interval_time_t since, apr_interval_time_t left);

#endif
