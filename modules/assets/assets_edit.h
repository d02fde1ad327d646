/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_EDIT_H
#define ASSETS_EDIT_H

#include <apr_pools.h>
#include <apr_tables.h>

/*
 * What the scanners (HTML, CSS) ask and what they give. A scanner never copies what it reads: it
 * says which bytes of the stream are to be replaced by which text, and up to where it knows.
 */

/* Some bytes of the stream and what takes their place. */
typedef struct assets_edit_t {
    apr_off_t at;   /* counted from the beginning of the stream */
    apr_size_t cut; /* so many bytes go */
    const char *text;
    apr_size_t size;
} assets_edit_t;

/* Edits in the order of the stream; they and their texts live until pool is cleared. */
typedef struct assets_edits_t {
    apr_array_header_t *list; /* of assets_edit_t; NULL: none yet */
    apr_pool_t *pool;
    apr_size_t spent; /* how much of pool may have been used since it was cleared, about */
} assets_edits_t;

typedef enum {
    ASSETS_REFERENCE_URL,
    ASSETS_REFERENCE_BASE /* <base href>: what follows is relative to it; never changed */
} assets_reference_e;

/* What is to become of one reference. */
typedef struct assets_change_t {
    apr_size_t from, to; /* which bytes of the reference go */
    const char *text;    /* what comes instead */
    apr_size_t size;
    int is_elsewhere; /* the new reference is on another origin than the old one */
} assets_change_t;

struct assets_hint_t;

/* Who is asked about each reference, decoded as its place (attribute, CSS string) decodes it. */
typedef struct assets_judge_t {
    /* Returns 1 and fills *change where the reference is to be changed, else 0; change->text lives
     * until pool is cleared. */
    int (*judge)(void *baton, assets_reference_e kind, const char *text, apr_size_t size,
                 assets_change_t *change, apr_pool_t *pool);
    void *baton;
    /* Told, if it is there, of each reference of a page's head that browsers load at once; text is
     * what stands in the page. */
    void (*hint)(void *baton, const struct assets_hint_t *hint, const char *text, apr_size_t size,
                 apr_pool_t *pool);
} assets_judge_t;

/* Makes edits ready for the next bytes: those of the last ones, and what was needed to find them,
 * are not wanted any more. */
void assets_edits_begin(assets_edits_t *edits);

/* Notes that a reference of size bytes is judged, with memory of edits->pool. */
static inline void assets_edits_note(assets_edits_t *edits, apr_size_t size)
{
    edits->spent += size + 32;
}

/* Appends an edit; text is not copied. */
void assets_edits_add(assets_edits_t *edits, apr_off_t at, apr_size_t cut, const char *text,
                      apr_size_t size);

#endif
