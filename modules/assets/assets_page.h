/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_PAGE_H
#define ASSETS_PAGE_H

#include "assets_edit.h"
#include "assets_hint.h"
#include "assets_map.h"
#include "assets_url.h"

/*
 * Judges the references of one page (or style sheet) by a map. One thread.
 */
typedef struct assets_page_t {
    const assets_map_t *map;
    assets_base_t base;
    apr_pool_t *pool; /* lives as long as the page */
    apr_size_t seen, changed;
    const apr_array_header_t *versions; /* parameters that name versions; NULL: none */
    const char *elsewhere; /* the host of the first change to another origin; NULL: there is none */
    assets_hints_t *hints; /* what the head has browsers load; needed by assets_page_hint alone */
    /* Says whether this path of the page's own site is that of an asset. */
    int (*is_asset)(const void *baton, const char *path);
    const void *is_asset_baton;
} assets_page_t;

/* An assets_judge_t's function; baton is an assets_page_t. */
int assets_page_judge(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                      assets_change_t *change, apr_pool_t *pool);

/*
 * An assets_judge_t's hint; baton is an assets_page_t. Gathers the references that a rule has
 * changed, as they are then, and those to assets of this site: nothing else of one client's page is
 * told to another client.
 */
void assets_page_hint(void *baton, const assets_hint_t *hint, const char *text, apr_size_t size,
                      apr_pool_t *pool);

#endif
