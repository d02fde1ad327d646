/* SPDX-License-Identifier: Apache-2.0 */
/* A request whose file is missing or past its time. */
#include "assets_fetch.h"
#include "assets_job.h"
#include "assets_private.h"
#include "assets_serve.h"

#include "clock.h"

#include <string.h>

/* What may have happened between two looks is seen in the next one; after so many, the request goes
 * its own way. */
#define MOST_ROUNDS 4

/* What has no result yet: the next round looks again. */
#define AGAIN (-1000)

static assets_shared_t *shared(void)
{
    return assets_runtime()->shared;
}

/* An answer for this client alone must not become everybody's file. */
static int may_fetch(const assets_request_t *state, const request_rec *r)
{
    const assets_server_t *config = assets_config_of(r->server);

    if (!TIER_SETTING(config, fetch, 1) || (r->args && !state->version) || r->user || r->main)
        return 0;
    if (apr_table_get(r->headers_in, "Authorization") ||
        apr_table_get(r->headers_in, "Transfer-Encoding") ||
        apr_table_get(r->headers_in, "Content-Length"))
        return 0;
    return !r->header_only && !tier_glue_asks_for_another(r);
}

static int pass_on(void)
{
    tier_counter_add(&shared()->counters.passed, 1);
    return DECLINED;
}

static int not_found(void)
{
    tier_counter_add(&shared()->counters.not_found, 1);
    return HTTP_NOT_FOUND;
}

int assets_fetch_unavailable(request_rec *r)
{
    tier_counter_add(&shared()->counters.unavailable, 1);
    apr_table_setn(r->err_headers_out, "Retry-After", "2");
    return HTTP_SERVICE_UNAVAILABLE;
}

/* The application does not answer. */
static int unavailable(assets_request_t *state, request_rec *r)
{
    return state->has_file ? assets_serve(state, r) : assets_fetch_unavailable(r);
}

static int by_mark(assets_request_t *state, request_rec *r)
{
    switch (assets_marks_get(&shared()->marks, state->id, tier_clock_now())) {
    case ASSETS_MARK_NOT_FOUND:
        return not_found();
    case ASSETS_MARK_UNSTORABLE:
        return pass_on();
    case ASSETS_MARK_FAILED:
        return unavailable(state, r);
    default:
        return AGAIN;
    }
}

static int follow(assets_request_t *state, request_rec *r, apr_file_t *file)
{
    int result = DECLINED;

    switch (assets_follow(state, r, file, &result)) {
    case ASSETS_FOLLOW_ANSWERED:
        return result;
    case ASSETS_FOLLOW_LATE:
        return unavailable(state, r);
    default:
        return AGAIN;
    }
}

/* The caller's is the only fetch; but the one before may have published the file by now. */
static int lead(assets_request_t *state, request_rec *r, assets_job_t *job)
{
    apr_file_t *file;
    apr_status_t rv = assets_job_watch(&file, job, r);

    assets_serve_look(state, r);
    if (rv != APR_SUCCESS || state->is_fresh) {
        assets_job_drop(job);
        return state->is_fresh ? assets_serve(state, r) : pass_on();
    }
    assets_job_start(job, state, r);
    return follow(state, r, file);
}

static int wait_for_other(assets_request_t *state, request_rec *r, assets_job_t *job)
{
    apr_file_t *file;
    apr_status_t rv = assets_job_watch(&file, job, r);

    assets_job_drop(job);
    if (state->has_file && state->file.record.expires > state->file.record.fetched &&
        !assets_claim_is_newer(state, r))
        return assets_serve(state, r); /* it is being validated, and need not be each time */
    return rv == APR_SUCCESS ? follow(state, r, file) : AGAIN;
}

static int try_once(assets_request_t *state, request_rec *r)
{
    assets_job_t *job;
    int is_leader;
    apr_status_t rv;
    int result = by_mark(state, r);

    if (result != AGAIN)
        return result;
    rv = assets_job_enter(&job, &is_leader, state, r);
    if (rv != APR_SUCCESS) {
        assets_job_complain(rv, r->server, state->path);
        return pass_on(); /* a copy past its time is for when the application does not answer */
    }
    return is_leader ? lead(state, r, job) : wait_for_other(state, r, job);
}

/* A peer, or another cache, wants what is here and nothing else (RFC 9111 section 5.2.1.7). */
static int wants_stored(const request_rec *r)
{
    const char *control = apr_table_get(r->headers_in, "Cache-Control");

    return control && ap_find_token(NULL, control, "only-if-cached");
}

int assets_fetch(assets_request_t *state, request_rec *r)
{
    if (wants_stored(r))
        return HTTP_GATEWAY_TIME_OUT;
    if (!may_fetch(state, r))
        return pass_on();
    for (int round = 0; round < MOST_ROUNDS; round++) {
        int result = try_once(state, r);

        if (result != AGAIN)
            return result;
        assets_serve_look(state, r);
        if (state->is_fresh)
            return assets_serve(state, r);
    }
    return state->has_file ? assets_serve(state, r) : pass_on();
}
