/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_CENSUS_H
#define ASSETS_CENSUS_H

#include <apr_pools.h>
#include <apr_time.h>

/*
 * Looks at all files of an asset directory, again and again, writes down their fingerprints
 * (assets_index.h) and makes their compressed variants (assets_press.h). A file's content is read
 * when its inode, size or time have changed, and not before it was left alone for two seconds. What
 * was made before a restart still holds. Done in small steps. One thread of one process.
 */
typedef struct assets_census_t assets_census_t;

typedef struct assets_census_options_t {
    const char *directory;
    int fingerprint;      /* write them down */
    unsigned codings;     /* make these variants: bits of 1 << assets_coding_e */
    apr_off_t most_bytes; /* of all variants */
} assets_census_options_t;

typedef struct assets_census_figures_t {
    int files;                  /* with a fingerprint, as of the last round */
    int is_more;                /* there were more than get one */
    int is_busy;                /* something has changed, or is about to */
    int has_read;               /* the last step has read contents: it is no measure of a look */
    apr_status_t problem;       /* of writing them down; APR_SUCCESS: none */
    apr_uint64_t pressed;       /* variants made since the beginning */
    apr_off_t bytes;            /* of all variants, as of the last round */
    apr_status_t press_problem; /* of making one; APR_SUCCESS: none */
} assets_census_figures_t;

/* Returns a census. What options point to must outlive it, as pool must. */
assets_census_t *assets_census_create(const assets_census_options_t *options, apr_pool_t *pool);

/* Goes on: reads about effort bytes of files. now is the wall clock's. Returns 1 when a round has
 * just ended; the next call begins another one. */
int assets_census_step(assets_census_t *census, apr_size_t effort, apr_time_t now);

/* Returns what the last round found. */
assets_census_figures_t assets_census_figures(const assets_census_t *census);

#endif
