/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_REWRITING_H
#define ASSETS_REWRITING_H

/*
 * Runs a scanner over bytes cut into chunks and makes the edits, and stops the program when it
 * breaks its word: edits in order, none behind what was safe, none that is not safe after it was
 * told, no more held back than ASSETS_HELD_MAX. Shared by unit tests and fuzz targets.
 */
#include "assets_css.h"
#include "assets_html.h"

#include <stdlib.h>
#include <string.h>

typedef enum { REWRITE_HTML, REWRITE_XML, REWRITE_CSS } rewrite_e;

typedef struct rewriting_t {
    const char *data;
    apr_off_t done; /* of data: taken over or cut */
    apr_off_t safe;
    char *out;
    apr_size_t size, room;
    int edits;
} rewriting_t;

static inline void rewriting_write(rewriting_t *rewriting, const char *data, apr_size_t size)
{
    while (rewriting->size + size > rewriting->room) {
        rewriting->room = rewriting->room * 2 + 1024;
        rewriting->out = realloc(rewriting->out, rewriting->room);
    }
    if (size > 0)
        memcpy(rewriting->out + rewriting->size, data, size);
    rewriting->size += size;
}

static inline void rewriting_edit(rewriting_t *rewriting, const apr_array_header_t *edits,
                                  apr_off_t safe)
{
    for (int i = 0; edits && i < edits->nelts; i++) {
        const assets_edit_t *edit = &APR_ARRAY_IDX(edits, i, assets_edit_t);

        if (edit->at < rewriting->done || edit->at < rewriting->safe ||
            edit->at + (apr_off_t)edit->cut > safe)
            abort();
        rewriting_write(rewriting, rewriting->data + rewriting->done,
                        (apr_size_t)(edit->at - rewriting->done));
        rewriting_write(rewriting, edit->text, edit->size);
        rewriting->done = edit->at + (apr_off_t)edit->cut;
        rewriting->edits++;
    }
    if (safe < rewriting->safe)
        abort();
    rewriting->safe = safe;
}

/* What a scanner that was fed up to end may hold back, and its caller with it, is bounded. */
static inline void rewriting_bound(apr_off_t safe, apr_size_t end)
{
    if (safe > (apr_off_t)end || (apr_off_t)end - safe > (apr_off_t)ASSETS_HELD_MAX)
        abort();
}

static inline void rewriting_css(rewriting_t *rewriting, const assets_judge_t *judge,
                                 apr_size_t size, apr_size_t chunk, apr_pool_t *pool)
{
    assets_edits_t edits = {NULL, pool, 0};
    assets_css_t css = {NULL};

    assets_css_init(&css, judge, &edits, pool);
    for (apr_size_t at = 0; at < size; at += chunk) {
        apr_size_t length = size - at < chunk ? size - at : chunk;

        assets_css_feed(&css, rewriting->data + at, length, (apr_off_t)at);
        rewriting_edit(rewriting, edits.list, assets_css_safe(&css, (apr_off_t)(at + length)));
        rewriting_bound(rewriting->safe, at + length);
        edits.list = NULL;
    }
    assets_css_end(&css, (apr_off_t)size);
    rewriting_edit(rewriting, edits.list, (apr_off_t)size);
}

static inline void rewriting_html(rewriting_t *rewriting, const assets_judge_t *judge, int is_xml,
                                  apr_size_t size, apr_size_t chunk, apr_pool_t *pool)
{
    assets_html_t *html = assets_html_create(judge, is_xml, pool);
    const apr_array_header_t *edits;

    for (apr_size_t at = 0; at < size; at += chunk) {
        apr_size_t length = size - at < chunk ? size - at : chunk;

        edits = assets_html_feed(html, rewriting->data + at, length);
        rewriting_edit(rewriting, edits, assets_html_safe(html));
        rewriting_bound(rewriting->safe, at + length);
    }
    edits = assets_html_end(html);
    rewriting_edit(rewriting, edits, (apr_off_t)size);
}

/* Returns what becomes of data; its out is to be freed. */
static inline rewriting_t rewrite(rewrite_e kind, const assets_judge_t *judge, const char *data,
                                  apr_size_t size, apr_size_t chunk, apr_pool_t *pool)
{
    rewriting_t rewriting = {data};

    if (kind == REWRITE_CSS) {
        rewriting_css(&rewriting, judge, size, chunk, pool);
    } else {
        rewriting_html(&rewriting, judge, kind == REWRITE_XML, size, chunk, pool);
    }
    rewriting_write(&rewriting, data + rewriting.done, size - (apr_size_t)rewriting.done);
    return rewriting;
}

#endif
