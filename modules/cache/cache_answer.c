/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the client's answer out of a stored response. */
#include "cache_hooks.h"
#include "cache_conditional.h"
#include "cache_headers.h"
#include "cache_loan.h"

#include <http_protocol.h>

#include <apr_strings.h>

#include <string.h>

/* The access log may look at the first or the last request of a chain of internal redirects. */
static void note_for_log(request_rec *r, const char *word)
{
    while (r->prev)
        r = r->prev;
    for (; r; r = r->next) {
        apr_table_setn(r->notes, "tier-cache", word);
        apr_table_setn(r->subprocess_env, "tier-cache", word);
    }
}

void cache_answer_mark(cache_request_t *state, request_rec *r, const char *word)
{
    const char *text = cache_status_field_text(&state->answer, CACHE_NAME, r->pool);

    /* Of several caches the one nearest to the origin is first (RFC 9211 section 2). */
    apr_table_mergen(r->headers_out, "Cache-Status", text);
    note_for_log(r, word);
}

static int drop_error_field(void *baton, const char *name, const char *value)
{
    request_rec *r = baton;

    (void)value;
    apr_table_unset(r->err_headers_out, name);
    return 1;
}

/*
 * What earlier phases set stays where the stored answer has no such field: it had one if they had
 * set it then.
 */
static void set_fields(request_rec *r, const apr_table_t *fields)
{
    const char *type = apr_table_get(fields, "Content-Type");

    r->headers_out = apr_table_copy(r->pool, fields);
    if (!apr_is_empty_table(r->err_headers_out))
        apr_table_do(drop_error_field, r, fields, NULL);
    if (type)
        ap_set_content_type(r, type);
}

/*
 * The stored text after the status counts only where httpd would not say the same: it may not know
 * the status.
 */
static void set_status(request_rec *r, int status, const char *line)
{
    r->status = status;
    r->status_line = line;
    /*
     * Makes httpd's HTTP filter keep Date and Server as they were stored, as it does for what comes
     * from a gateway.
     */
    if (r->proxyreq == PROXYREQ_NONE)
        r->proxyreq = PROXYREQ_REVERSE;
}

static void set_age(request_rec *r, const cache_life_t *life)
{
    apr_table_setn(r->headers_out, "Age",
                   apr_ltoa(r->pool, (long)cache_freshness_age(life, apr_time_now())));
}

/* These statuses have no body and no length (RFC 9110 section 8.6). */
static int has_no_content(int status)
{
    return status == HTTP_NO_CONTENT || status == HTTP_RESET_CONTENT;
}

/* httpd's range filter does not know the white space that RFC 9110 section 5.6.1 allows in a list.
 */
static void tidy_range(request_rec *r)
{
    const char *range = apr_table_get(r->headers_in, "Range");
    char *tidy;
    char *out;

    if (!range || !strpbrk(range, " \t"))
        return;
    tidy = out = apr_palloc(r->pool, strlen(range) + 1);
    for (const char *in = range; *in; in++) {
        if ((*in == ' ' || *in == '\t') &&
            (out == tidy || out[-1] == ',' || in[1] == ',' || strchr(" \t", in[1])))
            continue;
        *out++ = *in;
    }
    *out = '\0';
    apr_table_setn(r->headers_in, "Range", tidy);
}

int cache_answer_prepare(cache_request_t *state, request_rec *r, const cache_record_t *record,
                         const apr_table_t *fields, const cache_life_t *life)
{
    set_fields(r, fields);
    cache_purge_strip_tags(r);
    set_status(r, record->status, record->status_line);
    set_age(r, life);
    if (state->is_raw) { /* how long it will be, and what it is then, is for the filters to say */
        apr_table_unset(r->headers_out, "Content-Length");
        return !has_no_content(record->status) && !r->header_only;
    }
    if (record->status == HTTP_OK &&
        cache_conditional_not_modified(state->fields, fields, life->received, apr_time_now())) {
        set_status(r, HTTP_NOT_MODIFIED, NULL);
        cache_headers_strip_for_304(r->headers_out);
        r->content_type = NULL;
        tier_counter_add(&state->runtime->counters->not_modified, 1);
        return 0;
    }
    if (has_no_content(record->status))
        return 0;
    ap_set_content_length(r, (apr_off_t)record->body_size);
    tidy_range(r);
    return !r->header_only;
}

apr_bucket *cache_answer_bucket(const cache_blob_t *blob, const cache_piece_t *piece,
                                request_rec *r)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

    return blob->pieces
               ? cache_bucket_create(blob, piece, alloc)
               : apr_bucket_pool_create((const char *)piece->data, piece->size, r->pool, alloc);
}

void cache_answer_fill(cache_request_t *state, request_rec *r, int with_body,
                       apr_bucket_brigade *brigade)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket *file = with_body ? cache_loan_open(&state->found.blob, r) : NULL;
    const cache_piece_t *piece;
    cache_piece_t whole;
    int left = with_body ? cache_vault_pieces(&state->found, &piece, &whole) : 0;

    if (with_body)
        tier_counter_add(&state->runtime->counters->hit_bytes, state->found.record.body_size);
    for (; left > 0; left--, piece++) {
        APR_BRIGADE_INSERT_TAIL(brigade, file && piece->place >= 0
                                             ? cache_loan_bucket(file, piece)
                                             : cache_answer_bucket(&state->found.blob, piece, r));
    }
    if (file)
        apr_bucket_destroy(file);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
}
