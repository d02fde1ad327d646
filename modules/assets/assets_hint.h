/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_HINT_H
#define ASSETS_HINT_H

#include "assets_element.h"

/*
 * What a browser would load early because of a tag of a page's head: style sheets, scripts, and
 * what the page has preloaded itself. Pure; any thread.
 */
typedef struct assets_hint_t {
    const char *rel, *as; /* of the Link field; as may be NULL */
    int is_anonymous;     /* it is asked for with CORS, without credentials */
} assets_hint_t;

/*
 * Reads a whole start tag, from its '<' up to but not including its '>', of a LINK or a SCRIPT
 * whose name ends at name_end. Returns 0 where it gives no hint: another rel, media that may not
 * match, an async script, one with integrity (which a preload of browsers today does not match).
 */
int assets_hint_read(assets_hint_t *hint, assets_element_e element, const char *tag,
                     apr_size_t size, apr_size_t name_end);

/* The Link field's value that is gathered for one page. Zeroed it is ready. */
#define ASSETS_HINTS_SIZE 1000
#define ASSETS_HINTS_MOST 8

typedef struct assets_hints_t {
    apr_uint32_t count;
    apr_uint32_t size;
    char text[ASSETS_HINTS_SIZE]; /* not terminated */
} assets_hints_t;

/* Adds a link to url, which is absolute or an absolute path; one that is there already, is too long
 * or has characters that a field may not have is left out. */
void assets_hints_add(assets_hints_t *hints, const assets_hint_t *hint, const char *url);

/*
 * What pages had, in shared memory, zeroed when fresh; any thread of any process. A page may be
 * forgotten for another one at any time.
 */
#define ASSETS_HINT_PAGES 512

typedef struct assets_hint_page_t {
    apr_uint32_t is_locked; /* atomic; for a copy of the rest. Of a process that died with it the
                               place is lost */
    apr_uint64_t id;        /* 0: none */
    assets_hints_t hints;
} assets_hint_page_t;

typedef struct assets_hint_pages_t {
    assets_hint_page_t pages[ASSETS_HINT_PAGES];
} assets_hint_pages_t;

/* Returns 1 and the page's hints; 0: none are known, or another thread is at the place. */
int assets_hint_pages_get(assets_hint_pages_t *pages, apr_uint64_t id, assets_hints_t *hints);

/* Remembers a page's hints, if nobody else is at the place; without any it is forgotten. */
void assets_hint_pages_put(assets_hint_pages_t *pages, apr_uint64_t id,
                           const assets_hints_t *hints);

#endif
