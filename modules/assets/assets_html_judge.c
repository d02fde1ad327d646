/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of one start tag. */
#include "assets_html_private.h"

#include "assets_hint.h"
#include "assets_srcset.h"
#include "assets_text.h"

#include <string.h>

typedef enum {
    NAME_OTHER,
    NAME_SRC,
    NAME_HREF,
    NAME_DATA,
    NAME_STYLE,
    NAME_SRCSET,
    NAME_POSTER,
    NAME_CONTENT,
    NAME_INTEGRITY,
    NAME_BACKGROUND,
    NAME_FORMACTION,
    NAME_HTTP_EQUIV,
    NAME_XLINK_HREF,
    NAME_CROSSORIGIN,
    NAME_IMAGESRCSET,
    NAME_COUNT
} name_e;

static const char *const names[NAME_COUNT] = {
    "",           "src",        "href",       "data",        "style",
    "srcset",     "poster",     "content",    "integrity",   "background",
    "formaction", "http-equiv", "xlink:href", "crossorigin", "imagesrcset"};

/* One tag that is judged. */
typedef struct tag_t {
    assets_html_t *html;
    assets_element_e element;
    const char *bytes;
    const html_attribute_t *const *of; /* by name: its first attribute; a second is none */
    int is_elsewhere;                  /* a reference now leads to another origin */
} tag_t;

/* Size and first letter say which of the names it may be. */
static name_e candidate(char first, apr_size_t size)
{
    switch (size) {
    case 3:
        return NAME_SRC;
    case 4:
        return first == 'h' ? NAME_HREF : NAME_DATA;
    case 5:
        return NAME_STYLE;
    case 6:
        return first == 's' ? NAME_SRCSET : NAME_POSTER;
    case 7:
        return NAME_CONTENT;
    case 9:
        return NAME_INTEGRITY;
    case 10:
        if (first == 'b')
            return NAME_BACKGROUND;
        if (first == 'f')
            return NAME_FORMACTION;
        return first == 'h' ? NAME_HTTP_EQUIV : NAME_XLINK_HREF;
    default:
        return first == 'c' ? NAME_CROSSORIGIN : NAME_IMAGESRCSET;
    }
}

/* The candidate has the size of the name: only those that html_begins_as_ours are looked at. */
static name_e find_name(const html_attribute_t *attribute, const char *bytes)
{
    const char *name = bytes + attribute->name;
    name_e found = candidate(assets_text_lower(attribute->first), attribute->name_size);
    const char *word = names[found];
    int differs = 0;

    for (; *word; word++, name++)
        differs |= *word ^ *name;
    if (differs && !assets_text_is(bytes + attribute->name, attribute->name_size, names[found]))
        return NAME_OTHER;
    return found;
}

static void put_edit(tag_t *tag, const html_attribute_t *attribute, apr_size_t from, apr_size_t to,
                     const char *text, apr_size_t size)
{
    assets_edits_t *edits = &tag->html->edits;
    const char *written;
    apr_size_t length =
        assets_text_to_attribute(&written, text, size, attribute->quote, edits->pool);

    /* An attribute without quotes that became empty would take the next one for its value. */
    if (length == 0 && !attribute->quote && to - from == attribute->value_size)
        return;
    assets_edits_add(edits, tag->html->mark + attribute->value + (apr_off_t)from, to - from,
                     written, length);
}

static void judge_span(tag_t *tag, const html_attribute_t *attribute, const assets_text_t *text,
                       const assets_span_t *span, assets_reference_e kind)
{
    const assets_judge_t *judge = tag->html->judge;
    assets_change_t change;

    if (!judge->judge(judge->baton, kind, text->data + span->from, span->to - span->from, &change,
                      tag->html->edits.pool))
        return;
    if (kind == ASSETS_REFERENCE_BASE)
        return;
    tag->is_elsewhere |= change.is_elsewhere;
    put_edit(tag, attribute, assets_text_place(text, span->from + change.from),
             assets_text_place(text, span->from + change.to), change.text, change.size);
}

static void decode(tag_t *tag, const html_attribute_t *attribute, assets_text_t *text)
{
    assets_edits_note(&tag->html->edits, attribute->value_size);
    assets_text_from_attribute(text, tag->bytes + attribute->value, attribute->value_size,
                               tag->html->edits.pool);
}

static void judge_url(tag_t *tag, const html_attribute_t *attribute, assets_reference_e kind)
{
    assets_text_t text;
    assets_span_t all = {0, 0};

    decode(tag, attribute, &text);
    all.to = text.size;
    judge_span(tag, attribute, &text, &all, kind);
}

static void judge_srcset(tag_t *tag, const html_attribute_t *attribute)
{
    apr_size_t cursor = 0;
    assets_text_t text;
    assets_span_t url;

    decode(tag, attribute, &text);
    while (assets_srcset_next(text.data, text.size, &cursor, &url))
        judge_span(tag, attribute, &text, &url, ASSETS_REFERENCE_URL);
}

static void judge_refresh(tag_t *tag, const html_attribute_t *attribute)
{
    assets_text_t text;
    assets_span_t url;

    decode(tag, attribute, &text);
    if (assets_srcset_refresh(text.data, text.size, &url))
        judge_span(tag, attribute, &text, &url, ASSETS_REFERENCE_URL);
}

/* The edits of the CSS are those of its text; each becomes one of the attribute's source. */
static void judge_style(tag_t *tag, const html_attribute_t *attribute)
{
    assets_edits_t edits = {NULL, tag->html->edits.pool, 0};
    assets_css_t css = {NULL};
    assets_text_t text;

    decode(tag, attribute, &text);
    assets_css_init(&css, tag->html->judge, &edits, edits.pool);
    assets_css_feed(&css, text.data, text.size, 0);
    assets_css_end(&css, (apr_off_t)text.size);
    for (int i = 0; edits.list && i < edits.list->nelts; i++) {
        const assets_edit_t *edit = &APR_ARRAY_IDX(edits.list, i, assets_edit_t);

        put_edit(tag, attribute, assets_text_place(&text, (apr_size_t)edit->at),
                 assets_text_place(&text, (apr_size_t)edit->at + edit->cut), edit->text,
                 edit->size);
    }
}

static int is_refresh(const tag_t *tag)
{
    const html_attribute_t *equiv = tag->of[NAME_HTTP_EQUIV];
    assets_text_t text;

    if (tag->element != ASSETS_ELEMENT_META || !equiv)
        return 0;
    decode((tag_t *)tag, equiv, &text);
    return assets_text_is(text.data, text.size, "refresh");
}

/* Only the first <base> with a href counts. */
static void judge_href(tag_t *tag, const html_attribute_t *attribute)
{
    if (tag->element != ASSETS_ELEMENT_BASE) {
        judge_url(tag, attribute, ASSETS_REFERENCE_URL);
    } else if (!tag->html->has_base) {
        tag->html->has_base = 1;
        judge_url(tag, attribute, ASSETS_REFERENCE_BASE);
    }
}

static void judge_attribute(tag_t *tag, name_e name, const html_attribute_t *attribute)
{
    switch (name) {
    case NAME_HREF:
        judge_href(tag, attribute);
        break;
    case NAME_SRC:
    case NAME_POSTER:
    case NAME_BACKGROUND:
    case NAME_FORMACTION:
    case NAME_XLINK_HREF:
        judge_url(tag, attribute, ASSETS_REFERENCE_URL);
        break;
    case NAME_DATA:
        if (tag->element == ASSETS_ELEMENT_OBJECT)
            judge_url(tag, attribute, ASSETS_REFERENCE_URL);
        break;
    case NAME_SRCSET:
    case NAME_IMAGESRCSET:
        judge_srcset(tag, attribute);
        break;
    case NAME_STYLE:
        judge_style(tag, attribute);
        break;
    case NAME_CONTENT:
        if (is_refresh(tag))
            judge_refresh(tag, attribute);
        break;
    default:
        break;
    }
}

/*
 * What is fetched from another origin with an integrity value has to be asked for with CORS, or
 * browsers refuse it (Subresource Integrity, section 3.3).
 */
static void allow_integrity(tag_t *tag, int first_edit)
{
    static const char written[] = " crossorigin=\"anonymous\"";
    assets_edits_t *edits = &tag->html->edits;
    assets_edit_t *list;
    assets_edit_t added;

    assets_edits_add(edits, tag->html->mark + (apr_off_t)tag->html->name_end, 0, written,
                     sizeof(written) - 1);
    list = (assets_edit_t *)edits->list->elts;
    added = list[edits->list->nelts - 1];
    memmove(list + first_edit + 1, list + first_edit,
            (apr_size_t)(edits->list->nelts - 1 - first_edit) * sizeof(*list));
    list[first_edit] = added;
}

/* One attribute alone, as most tags with a reference have. */
static void judge_one(assets_html_t *html, assets_element_e element, const char *bytes)
{
    static const html_attribute_t *const none[NAME_COUNT];
    tag_t tag = {html, element, bytes, none, 0};

    if (html->attributes[0].value_size > 0)
        judge_attribute(&tag, find_name(&html->attributes[0], bytes), &html->attributes[0]);
}

static void judge_many(assets_html_t *html, assets_element_e element, const char *bytes)
{
    const html_attribute_t *of[NAME_COUNT] = {NULL};
    tag_t tag = {html, element, bytes, of, 0};
    int first_edit = html->edits.list ? html->edits.list->nelts : 0;
    name_e found[HTML_ATTRIBUTES];

    for (apr_size_t i = 0; i < html->attribute_count; i++) {
        found[i] = find_name(&html->attributes[i], bytes);
        if (of[found[i]]) {
            found[i] = NAME_OTHER;
        } else {
            of[found[i]] = &html->attributes[i];
        }
    }
    for (apr_size_t i = 0; i < html->attribute_count; i++) {
        if (found[i] != NAME_OTHER && html->attributes[i].value_size > 0)
            judge_attribute(&tag, found[i], &html->attributes[i]);
    }
    if (tag.is_elsewhere && of[NAME_INTEGRITY] && !of[NAME_CROSSORIGIN])
        allow_integrity(&tag, first_edit);
}

void html_judge(assets_html_t *html, assets_element_e element, const char *bytes)
{
    if (html->attribute_count == 1) {
        judge_one(html, element, bytes);
    } else {
        judge_many(html, element, bytes);
    }
}

void html_hint(assets_html_t *html, assets_element_e element, const char *bytes, apr_size_t size)
{
    name_e wanted = element == ASSETS_ELEMENT_LINK ? NAME_HREF : NAME_SRC;
    tag_t tag = {html, element, bytes, NULL, 0};
    assets_hint_t hint;
    assets_text_t text;
    apr_size_t i = 0;

    while (i < html->attribute_count && find_name(&html->attributes[i], bytes) != wanted)
        i++;
    if (i == html->attribute_count || html->attributes[i].value_size == 0 ||
        !assets_hint_read(&hint, element, bytes, size, html->name_end))
        return;
    decode(&tag, &html->attributes[i], &text);
    html->judge->hint(html->judge->baton, &hint, text.data, text.size, html->edits.pool);
}
