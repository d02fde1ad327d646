/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages put together by mod_include, each part cached as itself: what is stored of a page is what
 * the application sent, and its includes are worked out for each visitor.
 */
#include "cache_hooks.h"

#include <string.h>

/* The names of filters are in lower case; mod_filter puts "BYTYPE:" before that of
 * AddOutputFilterByType. */
static int has_includes(const request_rec *r)
{
    for (const ap_filter_t *f = r->output_filters; f; f = f->next) {
        const char *name = f->frec->name;
        apr_size_t size = strlen(name);

        if (f->r == r && size >= 8 && ap_cstr_casecmp(name + size - 8, "includes") == 0)
            return 1;
    }
    return 0;
}

static int is_on(const request_rec *r)
{
    return TIER_SETTING(cache_directory_of(r), fragments, 0) == 1;
}

int cache_fragments_is_raw(const request_rec *r)
{
    return is_on(r) && (r->main != NULL || has_includes(r));
}

/* What mod_include asks for; other modules' sub-requests are only looked up, or run for themselves.
 */
int cache_fragments_is_one(const request_rec *r)
{
    return r->main != NULL && r->prev == NULL && r->method_number == M_GET && r->protocol &&
           strcmp(r->protocol, "INCLUDED") == 0 && is_on(r);
}

/*
 * Conditions and ranges are of the page as it is put together, which the application knows nothing
 * of; a part that is compressed cannot be put into it.
 */
void cache_fragments_prepare(request_rec *r)
{
    static const char *const names[] = {"If-None-Match",       "If-Modified-Since", "If-Match",
                                        "If-Unmodified-Since", "If-Range",          "Range"};

    if (r->main) { /* it may have those of the page */
        r->headers_in = apr_table_copy(r->pool, r->headers_in);
        apr_table_unset(r->headers_in, "Accept-Encoding");
    }
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        apr_table_unset(r->headers_in, names[i]);
}
