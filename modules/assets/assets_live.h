/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_LIVE_H
#define ASSETS_LIVE_H

#include "assets_map.h"
#include "log.h"

#include <apr_hash.h>
#include <apr_tables.h>

/*
 * The map of one server as it is now: the rules of its configuration, and what its manifests say,
 * which are looked at once a second while there are requests, and read again when they have
 * changed. One that cannot be read leaves things as they were. Any thread.
 */
typedef struct assets_rule_t {
    const char *from, *to;
} assets_rule_t;

/* One TierAssetsManifest line, or the fingerprints of an asset directory (assets_index.h). */
typedef struct assets_source_t {
    const char *prefix, *path;
    const char *directory; /* whose fingerprints; NULL: a manifest */
    const char *text;      /* of a manifest: of assets_live_begin; NULL: nothing good */
    apr_size_t size;
} assets_source_t;

typedef struct assets_live_t assets_live_t;

/* What held when a request asked. */
typedef struct assets_version_t {
    const assets_map_t *map;
    apr_hash_t *names; /* URLs' paths that a manifest has given a fingerprint */
    apr_hash_t *files; /* full paths of files -> assets_print_t */
} assets_version_t;

/* Reads a manifest, text and size from pool, before there are processes: it holds in those that
 * find none, or a broken one, when they begin. Says nothing of faults, which they do. One thread.
 */
void assets_live_begin(assets_source_t *source, apr_pool_t *pool);

/*
 * Returns the map of these rules (of assets_rule_t; the first of two with the same from holds) and
 * sources (of assets_source_t), either of which may be NULL. Lives as long as pool. Errors: what
 * making a lock gives.
 */
apr_status_t assets_live_create(assets_live_t **live, const apr_array_header_t *rules,
                                const apr_array_header_t *sources, const tier_log_t *log,
                                apr_pool_t *pool);

/* Returns what holds now, until pool is destroyed. now: tier_clock_now()'s. */
const assets_version_t *assets_live_get(assets_live_t *live, apr_time_t now, apr_pool_t *pool);

/* The same after a look at the sources, for who misses something that may just have been written:
 * nothing is read but what has changed since the last look. */
const assets_version_t *assets_live_renew(assets_live_t *live, apr_pool_t *pool);

#endif
