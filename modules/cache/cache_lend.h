/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_LEND_H
#define CACHE_LEND_H

/*
 * Lending a record's blocks to the kernel, which sends them from the segment's file (sendfile). It
 * goes on reading them after their pin is left, even after their process is gone, so that their
 * pages are exchanged before they are used for something else. That costs more than it saves where
 * a record is asked for a few times only: what is lent was read in place before. All want the
 * stripe's lock, and a change begun. Any thread of any process.
 */
#include "cache_shm_private.h"

/*
 * Returns where in the segment's file a block begins that may be lent; -1: it may not, as it is not
 * whole pages, or too few of them.
 */
apr_off_t cache_lend_place(stripe_t *stripe, apr_uint32_t block);

/*
 * Whether to lend a record's blocks: the segment has a file, the record is large, and has been read
 * in place a few times.
 */
int cache_lend_pays(const stripe_t *stripe, const entry_t *it);

/*
 * Lends the blocks that the pin keeps, until it is left. Returns 0 when slow clients keep too much
 * already.
 */
int cache_lend_take(stripe_t *stripe, apr_uint32_t pin);

/*
 * Before a chain that nobody pins is used for something else: gets its blocks back. Returns 0 when
 * the kernel refused; it must never be used again then.
 */
int cache_lend_recall(stripe_t *stripe, apr_uint32_t chain);

/* The same of all of the stripe's memory, whatever is in it. */
int cache_lend_recall_all(stripe_t *stripe);

#endif
