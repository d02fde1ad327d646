/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_MANIFEST_H
#define ASSETS_MANIFEST_H

#include "assets_map.h"

#include <apr_hash.h>

/*
 * Reads manifest.json as build tools write it, and what it says about names with fingerprints:
 *   Propshaft, webpack   {"a.css": "a-1f2e.css"} or {"a.css": {"digested_path": "a-1f2e.css"}}
 *   Sprockets (Rails)    {"assets": {"a.css": "a-1f2e.css"}, "files": ...}
 *   Vite                 {"src/a.js": {"file": "assets/a-1f2e.js", "css": ["assets/b-3d4c.css"]}}
 * Pure; any thread.
 */
#define ASSETS_MANIFEST_LARGEST ((apr_off_t)16 * 1024 * 1024)

typedef struct assets_manifest_t {
    apr_size_t entries;
    const char *problem; /* what is wrong with it, from pool; NULL: nothing */
} assets_manifest_t;

/*
 * Adds to map: prefix and each name lead to prefix and the name with fingerprint (or to that alone,
 * where it is a path or an URL itself); to names (path -> anything): the paths of the latter.
 * Entries whose names have characters that no reference has are left out. prefix ends with a slash.
 * Returns what came of it; with a problem nothing was added.
 */
assets_manifest_t assets_manifest_read(assets_map_t *map, apr_hash_t *names, const char *prefix,
                                       const char *data, apr_size_t size, apr_pool_t *pool);

#endif
