/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_URL_H
#define ASSETS_URL_H

#include <apr_pools.h>

/*
 * What a reference of a page leads to, as far as it leads to the page's own site (RFC 3986 section
 * 5, WHATWG URL for white space around it). Pure; any thread.
 */

/* What references are relative to. */
typedef struct assets_base_t {
    const char *host;      /* of the page, in lower case, without a default port: its own site */
    const char *directory; /* the path up to its last slash */
    apr_size_t directory_size;
    int is_elsewhere; /* relative references lead to another site */
} assets_base_t;

typedef struct assets_url_t {
    const char *path; /* absolute, without dot segments; of another site: its URL up to the path's
                         end */
    apr_size_t size;
    apr_size_t first;      /* where the reference begins, behind white space */
    apr_size_t start, end; /* where its path stands in it */
    apr_size_t lead;       /* so many bytes of path come from the base, not from the reference */
    int is_plain;          /* path is the base's lead and then the reference's bytes as they are */
    int is_other;          /* another site */
    int is_checked;        /* path has no NUL */
} assets_url_t;

/* Returns the base of a page with this Host field and path. What it points to is from pool. */
assets_base_t assets_url_base(const char *host, const char *path, apr_pool_t *pool);

/* Makes *base that of <base href="text">. */
void assets_url_rebase(assets_base_t *base, const char *text, apr_size_t size, apr_pool_t *pool);

/*
 * Resolves a reference. Returns 0 where it leads to no path (data:, "#top", "?page=2", empty) or to
 * one that is not known for sure (a backslash, user information, an encoded dot segment).
 * url->path points into text or to pool.
 */
int assets_url_resolve(assets_url_t *url, const assets_base_t *base, const char *text,
                       apr_size_t size, apr_pool_t *pool);

/* Returns 1 when text (not a path) names a host other than base's. */
int assets_url_is_elsewhere(const assets_base_t *base, const char *text, apr_size_t size);

/* Returns how many bytes of text are scheme, "//" and host; 0: it names no host of http(s). */
apr_size_t assets_url_origin_size(const char *text, apr_size_t size);

#endif
