/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_ETAG_H
#define ASSETS_ETAG_H

#include <apr_pools.h>

/*
 * The entity tag of a rewritten page is the application's with the map's version in it: another map
 * is another page. What a client sends back is translated for the application. Pure; any thread.
 */

/* Returns the tag of the rewritten page for the application's (weak or strong), from pool; one that
 * is no tag comes back as it is. */
const char *assets_etag_make(const char *etag, apr_uint64_t version, apr_pool_t *pool);

/*
 * Translates the list of If-None-Match. Tags of rewritten pages of this version become the
 * application's, those of other versions are left out, all others stay. *is_ours: 1 when one was
 * translated; *is_other: 1 when one was left out. Returns the new list from pool; NULL: nothing is
 * left.
 */
const char *assets_etag_restore(const char *list, apr_uint64_t version, int *is_ours, int *is_other,
                                apr_pool_t *pool);

#endif
