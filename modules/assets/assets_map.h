/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_MAP_H
#define ASSETS_MAP_H

#include <apr_pools.h>

/*
 * Which paths are to be written otherwise. A rule whose "from" ends with a slash is for all paths
 * below it, any other for that one path; the longest that fits is used. What a look-up costs grows
 * with the part of the path that is the beginning of some rule, not with the number of rules.
 *
 * Built by one thread, then read by any.
 */
typedef struct assets_map_t assets_map_t;

/* Returns an empty map. */
assets_map_t *assets_map_create(apr_pool_t *pool);

/* Adds a rule, or changes the one that has this from; both are copied. */
void assets_map_add(assets_map_t *map, const char *from, const char *to);

/*
 * Looks a path up. Returns how many of its bytes *to (terminated, lives as long as the map) takes
 * the place of; 0: no rule fits.
 */
apr_size_t assets_map_find(const assets_map_t *map, const char *path, apr_size_t size,
                           const char **to);

/* Returns a number that is another one, as good as surely, for a map with other rules. */
apr_uint64_t assets_map_version(const assets_map_t *map);

/* Returns the number of rules. */
apr_size_t assets_map_count(const assets_map_t *map);

#endif
