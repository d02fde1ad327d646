/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_scan.h"

#include "assets_charset.h"
#include "assets_css.h"
#include "assets_html.h"
#include "assets_text.h"

#include <string.h>

struct assets_scan_t {
    assets_html_t *html; /* NULL: CSS */
    assets_css_t css;
    assets_edits_t edits;
    apr_off_t offset;
};

static int type_is(const char *type, apr_size_t size, const char *name)
{
    return assets_text_is(type, size, name);
}

/* Returns the value of a parameter "charset", or NULL. */
static const char *find_charset(const char *parameters)
{
    for (const char *p = strchr(parameters, ';'); p; p = strchr(p, ';')) {
        p++;
        while (assets_text_is_space(*p))
            p++;
        if (strlen(p) > 8 && assets_text_is(p, 8, "charset="))
            return p + 8;
    }
    return NULL;
}

assets_scan_e assets_scan_kind(const char *type, int *is_unreadable)
{
    apr_size_t size = type ? strcspn(type, "; \t") : 0;
    assets_scan_e kind = ASSETS_SCAN_NONE;
    const char *charset;

    *is_unreadable = 0;
    if (type_is(type, size, "text/html")) {
        kind = ASSETS_SCAN_HTML;
    } else if (type_is(type, size, "application/xhtml+xml")) {
        kind = ASSETS_SCAN_XHTML;
    } else if (type_is(type, size, "text/css")) {
        kind = ASSETS_SCAN_CSS;
    }
    if (kind == ASSETS_SCAN_NONE)
        return kind;
    charset = find_charset(type);
    *is_unreadable = !assets_charset_is_readable(charset, charset ? strcspn(charset, ";") : 0);
    return *is_unreadable ? ASSETS_SCAN_NONE : kind;
}

assets_scan_t *assets_scan_create(assets_scan_e kind, const assets_judge_t *judge, apr_pool_t *pool)
{
    assets_scan_t *scan = apr_pcalloc(pool, sizeof(*scan));

    if (kind != ASSETS_SCAN_CSS) {
        scan->html = assets_html_create(judge, kind == ASSETS_SCAN_XHTML, pool);
        return scan;
    }
    apr_pool_create(&scan->edits.pool, pool);
    assets_css_init(&scan->css, judge, &scan->edits, pool);
    return scan;
}

const apr_array_header_t *assets_scan_feed(assets_scan_t *scan, const char *data, apr_size_t size)
{
    if (scan->html)
        return assets_html_feed(scan->html, data, size);
    assets_edits_begin(&scan->edits);
    assets_css_feed(&scan->css, data, size, scan->offset);
    scan->offset += (apr_off_t)size;
    return scan->edits.list;
}

const apr_array_header_t *assets_scan_end(assets_scan_t *scan)
{
    if (scan->html)
        return assets_html_end(scan->html);
    assets_edits_begin(&scan->edits);
    assets_css_end(&scan->css, scan->offset);
    return scan->edits.list;
}

apr_off_t assets_scan_safe(const assets_scan_t *scan)
{
    return scan->html ? assets_html_safe(scan->html) : assets_css_safe(&scan->css, scan->offset);
}
