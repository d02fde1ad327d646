/* SPDX-License-Identifier: Apache-2.0 */
/* The early hints of the application itself (103), which mod_proxy_http writes straight to the
 * connection: their links are rewritten as those of its answers are. */
#include "assets_rewrite.h"

#include "assets_link.h"
#include "assets_page.h"

#include <http_protocol.h>
#include <util_filter.h>

#include <string.h>

#define FILTER_NAME "TIER_ASSETS_INTERIM"

/* mod_proxy_http takes no larger head. */
#define LARGEST ((apr_off_t)64 * 1024)

static const char INTERIM[] = "HTTP/1.1 1";
static const char HINTS[] = "HTTP/1.1 103 ";

typedef struct interim_t {
    request_rec *r;
    ap_filter_t *filter; /* NULL: it is over */
} interim_t;

static apr_status_t end(void *data)
{
    interim_t *interim = data;

    if (interim->filter)
        ap_remove_output_filter(interim->filter);
    interim->filter = NULL;
    return APR_SUCCESS;
}

/* Returns the brigade's bytes, which are all there; NULL: it has none, or too many. */
static char *text_of(apr_bucket_brigade *brigade, apr_pool_t *pool)
{
    apr_off_t length = 0;
    apr_size_t size;
    char *text;

    if (apr_brigade_length(brigade, 0, &length) != APR_SUCCESS || length <= 0 || length > LARGEST)
        return NULL;
    size = (apr_size_t)length;
    text = apr_palloc(pool, size + 1);
    if (apr_brigade_flatten(brigade, text, &size) != APR_SUCCESS)
        return NULL;
    text[size] = '\0';
    return text;
}

static void rewrite(apr_bucket_brigade *brigade, request_rec *r)
{
    assets_page_t page = {0};
    assets_judge_t judge = {0};
    char *text = text_of(brigade, r->pool);
    const char *changed;

    if (!text)
        return;
    assets_rewrite_page(&page, r);
    judge.judge = assets_page_judge;
    judge.baton = &page;
    changed = assets_link_rewrite_head(text, &judge, r->pool);
    if (!changed)
        return;
    apr_brigade_cleanup(brigade);
    apr_brigade_puts(brigade, NULL, NULL, changed);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_flush_create(brigade->bucket_alloc));
}

/* Returns 1 when the brigade begins with text. What has no bytes, or is no memory, does not. */
static int begins(apr_bucket_brigade *brigade, const char *text)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
    const char *data;
    apr_size_t size;

    return bucket != APR_BRIGADE_SENTINEL(brigade) && APR_BUCKET_IS_HEAP(bucket) &&
           apr_bucket_read(bucket, &data, &size, APR_NONBLOCK_READ) == APR_SUCCESS &&
           size >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

static int has_bytes(apr_bucket_brigade *brigade)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (!APR_BUCKET_IS_METADATA(bucket))
            return 1;
    }
    return 0;
}

/* mod_proxy_http passes a whole head at a time, with a flush. */
static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    interim_t *interim = f->ctx;
    ap_filter_t *next = f->next;

    if (begins(brigade, HINTS)) {
        rewrite(brigade, interim->r);
    } else if (has_bytes(brigade) && !begins(brigade, INTERIM)) {
        apr_pool_cleanup_run(interim->r->pool, interim, end); /* the answer itself */
    }
    return ap_pass_brigade(next, brigade);
}

void assets_interim_watch(request_rec *r)
{
    interim_t *interim = apr_pcalloc(r->pool, sizeof(*interim));

    interim->r = r;
    interim->filter = ap_add_output_filter(FILTER_NAME, interim, r, r->connection);
    apr_pool_cleanup_register(r->pool, interim, end, apr_pool_cleanup_null);
}

void assets_interim_register(void)
{
    ap_register_output_filter(FILTER_NAME, filter, NULL, AP_FTYPE_CONNECTION);
}
