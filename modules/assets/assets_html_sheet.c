/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Style sheets that stand in text like any other: <style> in SVG (HTML standard 13.2.6.5) and in
 * XHTML. Their CSS is that text with character references decoded, CDATA sections as they are, and
 * without comments. Such a sheet is held until its end; one that is longer than what is held, or
 * has an element in it, passes unread.
 */
#include "assets_html_private.h"

#include "assets_text.h"

#include <string.h>

void html_sheet_begin(assets_html_t *html, apr_off_t mark)
{
    html->state = HTML_SHEET;
    html->sheet.is_open = 1;
    html->sheet.mark = mark;
    html->sheet.count = 0;
}

void html_sheet_drop(assets_html_t *html)
{
    html->sheet.is_open = 0;
    html->sheet.held.size = 0;
}

void html_sheet_add(assets_html_t *html, apr_off_t from, apr_off_t to, int is_cdata)
{
    html_sheet_t *sheet = &html->sheet;
    html_stretch_t added = {(apr_uint32_t)(from - sheet->mark), (apr_uint32_t)(to - sheet->mark),
                            is_cdata};
    html_stretch_t *last = sheet->count > 0 ? &sheet->stretches[sheet->count - 1] : NULL;

    if (added.from == added.to)
        return;
    if (last && last->to == added.from) { /* text that goes on in the next chunk */
        last->to = added.to;
    } else if (sheet->count < HTML_STRETCHES) {
        sheet->stretches[sheet->count++] = added;
    } else {
        html_sheet_drop(html);
    }
}

void html_sheet_keep(assets_html_t *html, const html_chunk_t *chunk)
{
    html_sheet_t *sheet = &html->sheet;
    apr_off_t from = sheet->mark + (apr_off_t)sheet->held.size;

    if (sheet->is_open && !assets_held_add(&sheet->held, chunk->data + (from - chunk->offset),
                                           (apr_size_t)(html_place(chunk, chunk->end) - from)))
        html_sheet_drop(html);
}

/* In a CDATA section there are no character references: a '>' that might end it is not written. */
static void put_edit(assets_html_t *html, const html_stretch_t *stretch, const assets_text_t *text,
                     const assets_edit_t *edit, apr_off_t offset)
{
    apr_size_t at = (apr_size_t)(edit->at - offset);
    apr_size_t from = assets_text_place(text, at);
    apr_size_t cut = assets_text_place(text, at + edit->cut) - from;
    const char *written = edit->text;
    apr_size_t size = edit->size;

    if (!stretch->is_cdata) {
        size = assets_text_to_attribute(&written, edit->text, size, '"', html->edits.pool);
    } else if (size > 0 && memchr(written, '>', size)) {
        return;
    }
    assets_edits_add(&html->edits, html->sheet.mark + (apr_off_t)(stretch->from + from), cut,
                     written, size);
}

/* The edits of the CSS are those of a stretch's text; each becomes one of the page. */
static void put_edits(assets_html_t *html, const html_stretch_t *stretch, const assets_text_t *text,
                      assets_edits_t *edits, apr_off_t offset)
{
    for (int i = 0; edits->list && i < edits->list->nelts; i++)
        put_edit(html, stretch, text, &APR_ARRAY_IDX(edits->list, i, assets_edit_t), offset);
    edits->list = NULL;
}

/* bytes are those from the sheet's mark on. */
static void judge(assets_html_t *html, const char *bytes)
{
    html_sheet_t *sheet = &html->sheet;
    assets_edits_t edits = {NULL, html->edits.pool, 0};
    assets_css_t css = {NULL};
    apr_off_t offset = 0;

    assets_css_init(&css, html->judge, &edits, edits.pool);
    for (apr_size_t i = 0; i < sheet->count; i++) {
        const html_stretch_t *stretch = &sheet->stretches[i];
        assets_text_t text = {bytes + stretch->from, stretch->to - stretch->from, NULL};

        if (!stretch->is_cdata)
            assets_text_from_attribute(&text, text.data, text.size, edits.pool);
        assets_css_feed(&css, text.data, text.size, offset);
        if (i + 1 == sheet->count) {
            assets_css_end(&css, offset + (apr_off_t)text.size);
        } else {
            assets_css_cut(&css); /* what goes on behind a comment cannot be replaced as one */
        }
        put_edits(html, stretch, &text, &edits, offset);
        offset += (apr_off_t)text.size;
    }
    assets_edits_note(&html->edits, (apr_size_t)offset + edits.spent);
}

void html_sheet_tag(assets_html_t *html, const html_chunk_t *chunk, const char *p)
{
    html_sheet_t *sheet = &html->sheet;
    apr_off_t size = html_place(chunk, p) - sheet->mark;

    if (html->is_end_tag && html->name_size == 5 && memcmp(html->name, "style", 5) == 0 &&
        size <= (apr_off_t)ASSETS_HELD_MAX) {
        if (sheet->mark >= chunk->offset) {
            judge(html, chunk->data + (sheet->mark - chunk->offset));
        } else if (assets_held_add(&sheet->held, chunk->data,
                                   (apr_size_t)size - sheet->held.size)) {
            judge(html, sheet->held.data);
        }
    }
    html_sheet_drop(html);
}
