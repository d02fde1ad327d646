/* SPDX-License-Identifier: Apache-2.0 */
/* The filter that rewrites references while a page streams through it. */
#include "assets_rewrite.h"
#include "assets_private.h"

#include "assets_charset.h"
#include "assets_csp.h"
#include "assets_early.h"
#include "assets_link.h"
#include "assets_page.h"
#include "assets_scan.h"
#include "assets_splice.h"

#include "flushes.h"

#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_proxy.h>
#include <util_filter.h>

#include <string.h>

#define FILTER_NAME "TIER_ASSETS"

/* What one look at the page reads at most. */
#define PIECE ((apr_size_t)64 * 1024)

/* The first bytes of a page go on alone, before the rest of what came with them is read. */
#define FIRST ((apr_size_t)1024)

/* So much is gathered of what flushes (flushes.h). */
#define GATHERED         ((apr_off_t)32 * 1024)
#define GATHERED_BUCKETS 64

#define WARN_EVERY apr_time_from_sec(3600)

typedef struct rewriting_t {
    assets_page_t page;
    assets_judge_t judge;
    assets_scan_t *scan; /* NULL: the head is not yet that of a rewritten page */
    assets_scan_e kind;
    assets_splice_t splice;
    int is_flushed;        /* who sends this flushes before it waits */
    int has_passed;        /* something has been sent on */
    int has_data;          /* the page's first bytes have been seen */
    apr_size_t taken, put; /* buckets of this call: read, and in splice.out before it */
} rewriting_t;

static assets_counters_t *counters(void)
{
    return &assets_runtime()->shared->counters;
}

static rewriting_t *make_rewriting(request_rec *r, assets_scan_e kind)
{
    rewriting_t *made = apr_pcalloc(r->pool, sizeof(*made));

    made->kind = kind;
    made->is_flushed = tier_flushes(r);
    assets_rewrite_page(&made->page, r);
    made->judge.judge = assets_page_judge;
    made->judge.baton = &made->page;
    assets_early_gather(&made->page, r);
    made->judge.hint = made->page.hints ? assets_page_hint : NULL;
    assets_splice_init(&made->splice, r->pool, r->connection->bucket_alloc);
    return made;
}

/* Whether at all. */

static int has_token(const char *list, const char *token)
{
    return list && ap_find_token(NULL, list, token);
}

static const char *field(request_rec *r, const char *name)
{
    const char *value = apr_table_get(r->headers_out, name);

    return value ? value : apr_table_get(r->err_headers_out, name);
}

static int is_encoded(request_rec *r)
{
    const char *encoding = r->content_encoding ? r->content_encoding : field(r, "Content-Encoding");

    return encoding && strcasecmp(encoding, "identity") != 0;
}

static int may_not_change(request_rec *r)
{
    return has_token(apr_table_getm(r->pool, r->headers_out, "Cache-Control"), "no-transform") ||
           has_token(apr_table_getm(r->pool, r->err_headers_out, "Cache-Control"),
                     "no-transform") ||
           has_token(apr_table_getm(r->pool, r->headers_in, "Cache-Control"), "no-transform");
}

/* Returns what to read the body as; NONE: it passes untouched. */
static assets_scan_e decide(request_rec *r)
{
    int is_unreadable;
    assets_scan_e kind = assets_scan_kind(r->content_type, &is_unreadable);
    tier_counter_t *reason = NULL;

    if (kind == ASSETS_SCAN_NONE && !is_unreadable)
        return kind;
    if (is_unreadable) {
        reason = &counters()->untouched[ASSETS_UNTOUCHED_CHARSET];
    } else if (is_encoded(r)) {
        reason = &counters()->untouched[ASSETS_UNTOUCHED_ENCODED];
    } else if (may_not_change(r)) {
        reason = &counters()->untouched[ASSETS_UNTOUCHED_NO_TRANSFORM];
    } else if (r->status == HTTP_PARTIAL_CONTENT || field(r, "Content-Range")) {
        reason = &counters()->untouched[ASSETS_UNTOUCHED_RANGE];
    }
    if (!reason)
        return kind;
    tier_counter_add(reason, 1);
    return ASSETS_SCAN_NONE;
}

/* The head. */

static int rewrite_link(void *data, const char *name, const char *value)
{
    void **pair = data;
    rewriting_t *rewriting = pair[0];
    apr_table_t *into = pair[1];
    const char *changed = assets_link_rewrite(value, &rewriting->judge, rewriting->page.pool);

    apr_table_addn(into, name, changed ? changed : value);
    return 1;
}

static void rewrite_links(rewriting_t *rewriting, request_rec *r, apr_table_t *fields)
{
    apr_table_t *links = apr_table_make(r->pool, 2);
    void *pair[] = {rewriting, links};

    if (!apr_table_get(fields, "Link"))
        return;
    apr_table_do(rewrite_link, pair, fields, "Link", NULL);
    apr_table_unset(fields, "Link");
    apr_table_overlap(fields, links, APR_OVERLAP_TABLES_MERGE);
}

/* Makes the head that of a rewritten page: with its first bytes, or when they let wait. */
static void begin(rewriting_t *rewriting, request_rec *r)
{
    tier_counter_add(&counters()->pages, 1);
    assets_validators_set(r);
    rewrite_links(rewriting, r, r->headers_out);
    rewrite_links(rewriting, r, r->err_headers_out);
    rewriting->scan = assets_scan_create(rewriting->kind, &rewriting->judge, r->pool);
}

/* Returns 1 when the page's first bytes, data, say that it is to be left as it is. */
static int is_wide(rewriting_t *rewriting, const char *data, apr_size_t size)
{
    if (rewriting->has_data)
        return 0;
    rewriting->has_data = 1;
    if (!assets_charset_has_wide_mark(data, size))
        return 0;
    tier_counter_add(&counters()->untouched[ASSETS_UNTOUCHED_CHARSET], 1);
    return 1;
}

/* A policy that does not know the other host makes browsers refuse what pages now refer to. */
static void check_policy(const rewriting_t *rewriting, request_rec *r)
{
    const char *policy = field(r, "Content-Security-Policy");
    const char *host = rewriting->page.elsewhere;

    if (policy && host && !assets_csp_allows(policy, host) &&
        assets_runtime_is_due(&assets_runtime()->shared->warned, WARN_EVERY))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      WTNO(4005) "the Content-Security-Policy of this page does not name %s, which "
                                 "its references were changed to",
                      host);
}

/* The body. */

/* The first brigade sends the head, be it only a flush: from then on the length must be gone. */
static apr_status_t pass_out(ap_filter_t *f, rewriting_t *rewriting)
{
    apr_status_t rv = APR_SUCCESS;

    if (!APR_BRIGADE_EMPTY(rewriting->splice.out)) {
        if (!rewriting->scan)
            begin(rewriting, f->r);
        rv = ap_pass_brigade(f->next, rewriting->splice.out);
        rewriting->has_passed = 1;
    }
    apr_brigade_cleanup(rewriting->splice.out);
    rewriting->splice.size = 0;
    rewriting->splice.buckets = rewriting->put = 0;
    return rv;
}

/* Reads a bucket that is already the last one held. */
static apr_status_t scan_bytes(rewriting_t *rewriting, const char *data, apr_size_t size)
{
    apr_status_t rv = APR_SUCCESS;

    while (size > 0 && rv == APR_SUCCESS) {
        apr_size_t piece = size < PIECE ? size : PIECE;
        const apr_array_header_t *edits = assets_scan_feed(rewriting->scan, data, piece);

        rv = assets_splice_apply(&rewriting->splice, edits, assets_scan_safe(rewriting->scan));
        data += piece;
        size -= piece;
    }
    return rv;
}

/* What is told to be safe changes with the end: a page may end within a tag. */
static apr_status_t scan_end(rewriting_t *rewriting)
{
    const apr_array_header_t *edits = assets_scan_end(rewriting->scan);

    return assets_splice_apply(&rewriting->splice, edits, assets_scan_safe(rewriting->scan));
}

static void finish(ap_filter_t *f, rewriting_t *rewriting)
{
    tier_counter_add(&counters()->references, rewriting->page.seen);
    tier_counter_add(&counters()->changed, rewriting->page.changed);
    check_policy(rewriting, f->r);
    assets_early_remember(&rewriting->page, f->r);
    ap_remove_output_filter(f);
}

/* A bucket without data: what is known goes before it. */
static apr_status_t take_metadata(ap_filter_t *f, rewriting_t *rewriting, apr_bucket *bucket)
{
    apr_status_t rv = APR_SUCCESS;
    int is_end = APR_BUCKET_IS_EOS(bucket);

    if (is_end && !rewriting->scan)
        begin(rewriting, f->r); /* HEAD: its fields are the page's */
    if (is_end)
        rv = scan_end(rewriting);
    APR_BUCKET_REMOVE(bucket);
    APR_BRIGADE_INSERT_TAIL(rewriting->splice.out, bucket);
    rewriting->splice.buckets++;
    if (is_end)
        finish(f, rewriting);
    if (rv == APR_SUCCESS && (is_end || APR_BUCKET_IS_FLUSH(bucket)))
        rv = pass_out(f, rewriting);
    return rv;
}

/* Reads without waiting while there is something to be sent meanwhile. */
static apr_status_t read_bucket(ap_filter_t *f, rewriting_t *rewriting, apr_bucket *bucket,
                                const char **data, apr_size_t *size)
{
    apr_status_t rv = apr_bucket_read(bucket, data, size, APR_NONBLOCK_READ);

    if (!APR_STATUS_IS_EAGAIN(rv))
        return rv;
    APR_BRIGADE_INSERT_TAIL(rewriting->splice.out, apr_bucket_flush_create(f->c->bucket_alloc));
    rv = pass_out(f, rewriting);
    return rv == APR_SUCCESS ? apr_bucket_read(bucket, data, size, APR_BLOCK_READ) : rv;
}

static apr_status_t leave_alone(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

/* Returns 1 when the page's first bytes are not to wait for those that came with them: when there
 * is more to come than this brigade, so that it gets no length, and nobody behind makes more of it
 * than bytes to be written. */
static int may_hurry(const ap_filter_t *f, const rewriting_t *rewriting,
                     apr_bucket_brigade *brigade)
{
    return rewriting->is_flushed && !rewriting->has_passed &&
           !APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade)) &&
           f->next->frec->ftype >= AP_FTYPE_PROTOCOL;
}

static apr_status_t hurry(ap_filter_t *f, rewriting_t *rewriting, const char *data)
{
    apr_status_t rv = scan_bytes(rewriting, data, FIRST);

    if (rv != APR_SUCCESS || APR_BRIGADE_EMPTY(rewriting->splice.out))
        return rv;
    APR_BRIGADE_INSERT_TAIL(rewriting->splice.out, apr_bucket_flush_create(f->c->bucket_alloc));
    return pass_out(f, rewriting);
}

static apr_status_t take_data(ap_filter_t *f, rewriting_t *rewriting, apr_bucket_brigade *brigade,
                              apr_bucket *bucket, int *is_left)
{
    const char *data;
    apr_size_t size;
    int may = may_hurry(f, rewriting, brigade);
    apr_status_t rv = read_bucket(f, rewriting, bucket, &data, &size);

    if (rv != APR_SUCCESS || size == 0) {
        if (rv == APR_SUCCESS)
            apr_bucket_delete(bucket);
        return rv;
    }
    *is_left = is_wide(rewriting, data, size);
    if (*is_left)
        return APR_SUCCESS;
    if (!rewriting->scan)
        begin(rewriting, f->r);
    APR_BUCKET_REMOVE(bucket);
    APR_BRIGADE_INSERT_TAIL(rewriting->splice.held, bucket);
    rewriting->taken++;
    if (may && size > FIRST) {
        rv = hurry(f, rewriting, data);
        data += FIRST;
        size -= FIRST;
    }
    return rv == APR_SUCCESS ? scan_bytes(rewriting, data, size) : rv;
}

/* What is kept outlives this call; some buckets do not by themselves. Only the last ones came with
 * this call. */
static void keep(apr_bucket_brigade *brigade, apr_size_t last, apr_pool_t *pool)
{
    for (apr_bucket *b = APR_BRIGADE_LAST(brigade); last > 0 && b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_PREV(b), last--)
        apr_bucket_setaside(b, pool);
}

static int may_gather(const rewriting_t *rewriting)
{
    return rewriting->is_flushed && rewriting->has_passed && rewriting->splice.size < GATHERED &&
           rewriting->splice.buckets < GATHERED_BUCKETS;
}

/* All that this call brought has been read. */
static apr_status_t pass_or_gather(ap_filter_t *f, rewriting_t *rewriting)
{
    apr_status_t rv = may_gather(rewriting) ? APR_SUCCESS : pass_out(f, rewriting);
    const assets_splice_t *splice = &rewriting->splice;

    keep(splice->out, splice->buckets - rewriting->put, rewriting->page.pool);
    keep(splice->held, rewriting->taken, rewriting->page.pool);
    return rv;
}

static apr_status_t rewrite(ap_filter_t *f, rewriting_t *rewriting, apr_bucket_brigade *brigade)
{
    apr_status_t rv = APR_SUCCESS;
    int is_left = 0;

    rewriting->taken = 0;
    rewriting->put = rewriting->splice.buckets;
    while (!APR_BRIGADE_EMPTY(brigade) && rv == APR_SUCCESS) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);

        if (APR_BUCKET_IS_METADATA(bucket)) {
            rv = take_metadata(f, rewriting, bucket);
        } else {
            rv = take_data(f, rewriting, brigade, bucket, &is_left);
        }
        if (is_left) {
            APR_BRIGADE_PREPEND(brigade, rewriting->splice.out);
            return leave_alone(f, brigade);
        }
    }
    return rv == APR_SUCCESS ? pass_or_gather(f, rewriting) : rv;
}

static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    rewriting_t *rewriting = f->ctx;

    if (APR_BRIGADE_EMPTY(brigade))
        return ap_pass_brigade(f->next, brigade);
    if (!rewriting) {
        assets_scan_e kind;

        if (f->r->status == HTTP_NOT_MODIFIED)
            assets_validators_confirm(f->r);
        kind = f->r->status == HTTP_NOT_MODIFIED ? ASSETS_SCAN_NONE : decide(f->r);
        if (kind == ASSETS_SCAN_NONE)
            return leave_alone(f, brigade);
        f->ctx = rewriting = make_rewriting(f->r, kind);
    }
    return rewrite(f, rewriting, brigade);
}

/* Hooks. */

static void insert_filter(request_rec *r)
{
    if (!r->main && assets_rewrite_is_on(r) && !tier_internal_baton(r, &tier_assets_module))
        ap_add_output_filter(FILTER_NAME, NULL, r, r->connection);
}

/* mod_proxy is about to write r->headers_in, a copy, to the application. */
static int proxy_fixups(request_rec *r)
{
    if (!r->main && assets_rewrite_is_on(r) && !tier_internal_baton(r, &tier_assets_module))
        assets_validators_restore(r, 1);
    return OK;
}

/* Behind mod_tier_cache, which knows the rewritten page and its tag. */
static int handler(request_rec *r)
{
    int is_proxied = r->handler && strncmp(r->handler, "proxy", 5) == 0;

    if (r->main || !assets_rewrite_is_on(r))
        return DECLINED;
    if (is_proxied) {
        assets_early_send(r);
        assets_interim_watch(r);
    } else {
        assets_validators_restore(r, 0);
    }
    return DECLINED;
}

void assets_rewrite_register(apr_pool_t *pool)
{
    (void)pool;
    ap_register_output_filter(FILTER_NAME, filter, NULL, AP_FTYPE_CONTENT_SET - 1);
    assets_interim_register();
    tier_flushes_register_hooks();
    ap_hook_insert_filter(insert_filter, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_REALLY_FIRST + 2);
    APR_OPTIONAL_HOOK(proxy, fixups, proxy_fixups, NULL, NULL, APR_HOOK_MIDDLE);
}
