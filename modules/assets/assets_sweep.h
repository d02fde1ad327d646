/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SWEEP_H
#define ASSETS_SWEEP_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

/*
 * Keeps asset directories within their bounds: what was fetched and not used for the longest is
 * removed, down to nine tenths of the bound. Files that were put there are neither counted nor
 * removed. What fetches of dead processes have left goes, too. Done in small steps, with a fixed
 * amount of memory, however many files there are. One thread.
 */
typedef struct assets_sweep_t assets_sweep_t;

typedef struct assets_sweep_root_t {
    const char *directory;
    apr_off_t max_size;
} assets_sweep_root_t;

typedef struct assets_sweep_figures_t {
    apr_uint64_t files, bytes; /* fetched ones, as counted in the last round */
    apr_uint64_t removed;      /* since the beginning */
} assets_sweep_figures_t;

/* Returns a sweep of these roots (of assets_sweep_root_t, which must outlive it). A pre-cleanup of
 * pool closes what is open. */
assets_sweep_t *assets_sweep_create(const apr_array_header_t *roots, apr_pool_t *pool);

/* Looks at no more than entries directory entries. now is the wall clock's. Returns 1 when a round
 * over all roots has just ended; the next call begins another one. */
int assets_sweep_step(assets_sweep_t *sweep, int entries, apr_time_t now);

/* Returns what was found. */
assets_sweep_figures_t assets_sweep_figures(const assets_sweep_t *sweep);

#endif
