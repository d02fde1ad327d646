/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_hint.h"

#include "assets_text.h"
#include "atomics.h"

#include <apr_strings.h>

#include <string.h>

#define LONGEST_URL 256

/* A name or value of the tag. */
typedef struct word_t {
    const char *data; /* NULL: the tag has no such attribute */
    apr_size_t size;
} word_t;

typedef enum {
    SAYS_REL,
    SAYS_AS,
    SAYS_TYPE,
    SAYS_MEDIA,
    SAYS_ASYNC,
    SAYS_DISABLED,
    SAYS_INTEGRITY,
    SAYS_CROSSORIGIN,
    SAYS
} says_e;

static const char *const names[SAYS] = {"rel",   "as",       "type",      "media",
                                        "async", "disabled", "integrity", "crossorigin"};

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && assets_text_is_space(*p))
        p++;
    return p;
}

static const char *read_value(word_t *value, const char *p, const char *end)
{
    const char *from;
    char quote = 0;

    p = skip_space(p, end);
    if (p < end && (*p == '"' || *p == '\''))
        quote = *p++;
    for (from = p; p < end && (quote ? *p != quote : !assets_text_is_space(*p));)
        p++;
    *value = (word_t){from, (apr_size_t)(p - from)};
    return quote && p < end ? p + 1 : p;
}

/* Reads the attribute at p or behind; returns its end, NULL: there is none. */
static const char *read_attribute(word_t *name, word_t *value, const char *p, const char *end)
{
    const char *from, *next;

    while (p < end && (assets_text_is_space(*p) || *p == '/'))
        p++;
    if (p == end)
        return NULL;
    from = p++; /* the first character may even be '=' */
    while (p < end && !assets_text_is_space(*p) && *p != '/' && *p != '=')
        p++;
    *name = (word_t){from, (apr_size_t)(p - from)};
    *value = (word_t){"", 0};
    next = skip_space(p, end);
    return next < end && *next == '=' ? read_value(value, next + 1, end) : p;
}

static int is(const word_t *word, const char *text)
{
    return word->data && assets_text_is(word->data, word->size, text);
}

/* Is token one of the words? */
static int has(const word_t *list, const char *token)
{
    const char *end = list->data ? list->data + list->size : NULL;

    for (const char *p = list->data; p && p < end;) {
        const char *from = skip_space(p, end);

        for (p = from; p < end && !assets_text_is_space(*p);)
            p++;
        if (assets_text_is(from, (apr_size_t)(p - from), token))
            return 1;
    }
    return 0;
}

static int is_for_screens(const word_t *media)
{
    return !media->data || media->size == 0 || is(media, "all") || is(media, "screen");
}

static const char *destination(const word_t *as)
{
    static const char *const known[] = {"style", "script", "font", "image", "fetch"};

    for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (is(as, known[i]))
            return known[i];
    }
    return NULL;
}

static int read_link(assets_hint_t *hint, const word_t *says)
{
    const word_t *rel = &says[SAYS_REL];

    if (!is_for_screens(&says[SAYS_MEDIA]) || says[SAYS_DISABLED].data)
        return 0;
    if (has(rel, "stylesheet") && !has(rel, "alternate")) {
        hint->as = "style";
        return 1;
    }
    if (has(rel, "modulepreload")) {
        hint->rel = "modulepreload";
        return 1;
    }
    hint->as = has(rel, "preload") ? destination(&says[SAYS_AS]) : NULL;
    return hint->as != NULL;
}

static int read_script(assets_hint_t *hint, const word_t *says)
{
    const word_t *type = &says[SAYS_TYPE];

    if (says[SAYS_ASYNC].data)
        return 0;
    if (is(type, "module")) {
        hint->rel = "modulepreload";
        return 1;
    }
    hint->as = "script";
    return !type->data || type->size == 0 || is(type, "text/javascript") ||
           is(type, "application/javascript");
}

int assets_hint_read(assets_hint_t *hint, assets_element_e element, const char *tag,
                     apr_size_t size, apr_size_t name_end)
{
    word_t says[SAYS] = {{NULL, 0}};
    const char *p = tag + name_end;
    word_t name, value;

    while ((p = read_attribute(&name, &value, p, tag + size)) != NULL) {
        for (int i = 0; i < SAYS; i++) {
            if (!says[i].data && is(&name, names[i]))
                says[i] = value;
        }
    }
    *hint = (assets_hint_t){"preload", NULL, says[SAYS_CROSSORIGIN].data != NULL};
    if (says[SAYS_INTEGRITY].data || is(&says[SAYS_CROSSORIGIN], "use-credentials"))
        return 0;
    return element == ASSETS_ELEMENT_LINK ? read_link(hint, says) : read_script(hint, says);
}

/* The list. */

static int may_be_written(const char *url)
{
    for (const char *p = url; *p; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("<>\"\\", *p))
            return 0;
    }
    return *url != '\0';
}

static int has_url(const assets_hints_t *hints, const char *url, apr_size_t size)
{
    for (apr_size_t i = 0; i + size + 2 <= hints->size; i++) {
        if (hints->text[i] == '<' && memcmp(hints->text + i + 1, url, size) == 0 &&
            hints->text[i + 1 + size] == '>')
            return 1;
    }
    return 0;
}

void assets_hints_add(assets_hints_t *hints, const assets_hint_t *hint, const char *url)
{
    apr_size_t url_size = strlen(url);
    char link[LONGEST_URL + 64];
    apr_size_t size;

    if (hints->count == ASSETS_HINTS_MOST || url_size > LONGEST_URL || !may_be_written(url) ||
        has_url(hints, url, url_size))
        return;
    size = (apr_size_t)apr_snprintf(link, sizeof(link), "%s<%s>; rel=%s%s%s%s",
                                    hints->count ? ", " : "", url, hint->rel,
                                    hint->as ? "; as=" : "", hint->as ? hint->as : "",
                                    hint->is_anonymous ? "; crossorigin" : "");
    if (hints->size + size > sizeof(hints->text))
        return;
    memcpy(hints->text + hints->size, link, size);
    hints->size += (apr_uint32_t)size;
    hints->count++;
}

/* The pages. */

/* Returns the page's place, locked; NULL: another thread is there. */
static assets_hint_page_t *lock(assets_hint_pages_t *pages, apr_uint64_t id)
{
    assets_hint_page_t *page = &pages->pages[id % ASSETS_HINT_PAGES];

    return tier_atomic_swap(&page->is_locked, 0, 1) ? page : NULL;
}

static void unlock(assets_hint_page_t *page)
{
    tier_atomic_store(&page->is_locked, 0);
}

int assets_hint_pages_get(assets_hint_pages_t *pages, apr_uint64_t id, assets_hints_t *hints)
{
    assets_hint_page_t *page = lock(pages, id);
    int is_known;

    if (!page)
        return 0;
    is_known = page->id == id && page->hints.count > 0;
    if (is_known)
        *hints = page->hints;
    unlock(page);
    return is_known;
}

static int is_same(const assets_hints_t *one, const assets_hints_t *other)
{
    return one->size == other->size && memcmp(one->text, other->text, one->size) == 0;
}

void assets_hint_pages_put(assets_hint_pages_t *pages, apr_uint64_t id, const assets_hints_t *hints)
{
    assets_hint_page_t *page = lock(pages, id);

    if (!page)
        return;
    if (hints->count > 0 && (page->id != id || !is_same(&page->hints, hints))) {
        page->id = id;
        page->hints = *hints;
    } else if (hints->count == 0 && page->id == id) {
        page->id = 0;
    }
    unlock(page);
}
