/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_fetch.h"
#include "assets_private.h"
#include "assets_serve.h"

#include "clock.h"

#include <apr_portable.h>
#include <http_connection.h>
#include <http_protocol.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* So much is read and sent at a time. */
#define PIECE ((apr_size_t)64 * 1024)

/* How often one looks that hears no bell: it may ring in another httpd, which is found out. */
#define LOOK_SELDOM (ASSETS_BELL_PAUSE + apr_time_from_msec(50))
#define LOOK_OFTEN  apr_time_from_msec(20)

/* One request that is answered by a fetch under way. */
typedef struct follower_t {
    assets_request_t *state;
    request_rec *r;
    assets_bell_t *bell;
    apr_time_t until;   /* when it has waited for too long */
    assets_file_t file; /* the one that grows, to be looked at */
    apr_file_t *from;   /* the same, to be sent from; NULL: not opened yet */
    apr_off_t sent;
    int is_begun;
    int is_shed;   /* too many waited, and it is not counted among them any more */
    int may_begin; /* 0: it wants the whole file first */
    int has_rung;  /* the bell, before this look */
    int silent;    /* looks, one after the other, at which the file had grown without a bell */
} follower_t;

/* That too many wait is said once in this time. */
#define SAY_EVERY apr_time_from_sec(60)

/* More than that, and the bell that rings for the file is another httpd's. */
#define MOST_SILENT 1

/* Parts of a file and conditions on it are httpd's business, once it is whole. */
static int wants_whole(const request_rec *r)
{
    static const char *const names[] = {
        "Range",         "If-Range",          "If-Match",
        "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (apr_table_get(r->headers_in, names[i]))
            return 1;
    }
    return r->header_only;
}

static void begin(follower_t *follower)
{
    request_rec *r = follower->r;
    const assets_record_t *record = &follower->file.record;
    const char *modified = apr_table_get(record->fields, "Last-Modified");

    follower->is_begun = 1;
    tier_counter_add(&assets_runtime()->shared->counters.followed, 1);
    assets_serve_fields(r, &follower->file);
    if (modified)
        apr_table_setn(r->headers_out, "Last-Modified", modified);
    if (record->length >= 0)
        ap_set_content_length(r, record->length);
}

/* Reads the next bytes into a bucket. */
static apr_status_t read_piece(follower_t *follower, apr_bucket_brigade *brigade)
{
    apr_off_t left = follower->file.info.size - follower->sent;
    apr_size_t size = left < (apr_off_t)PIECE ? (apr_size_t)left : PIECE;
    char *data = malloc(size);
    apr_os_file_t fd;
    ssize_t got;

    if (!data)
        return APR_ENOMEM;
    apr_os_file_get(&fd, follower->file.file);
    got = pread(fd, data, size, follower->sent);
    if (got <= 0) {
        apr_status_t rv = got < 0 ? errno : APR_EOF;

        free(data);
        return rv;
    }
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_heap_create(data, (apr_size_t)got, free, brigade->bucket_alloc));
    follower->sent += got;
    return APR_SUCCESS;
}

/* Who sets a bucket of a file aside takes the file with it. */
static int is_taken(apr_file_t *file)
{
    apr_os_file_t fd = -1;

    return apr_os_file_get(&fd, file) != APR_SUCCESS || fd < 0;
}

/* All that is there, for sendfile(2). */
static apr_status_t add_file(follower_t *follower, apr_bucket_brigade *brigade)
{
    request_rec *r = follower->r;
    apr_status_t rv = APR_SUCCESS;

    if (!follower->from || is_taken(follower->from))
        rv =
            assets_file_again(&follower->from, follower->file.file, assets_serve_flags(r), r->pool);
    if (rv != APR_SUCCESS)
        return rv;
    assets_serve_add_file(brigade, follower->from, follower->sent,
                          follower->file.info.size - follower->sent, r);
    follower->sent = follower->file.info.size;
    return APR_SUCCESS;
}

static apr_status_t add_next(follower_t *follower, apr_bucket_brigade *brigade)
{
    return assets_serve_flags(follower->r) ? add_file(follower, brigade)
                                           : read_piece(follower, brigade);
}

/* What was sent is not the whole answer, and the client has to notice. */
static void break_off(follower_t *follower)
{
    request_rec *r = follower->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, alloc);

    r->no_cache = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(brigade,
                            ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_eoc_create(alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    ap_pass_brigade(r->output_filters, brigade);
}

static int pass(follower_t *follower, apr_bucket_brigade *brigade)
{
    apr_status_t rv = ap_pass_brigade(follower->r->output_filters, brigade);

    apr_brigade_cleanup(brigade);
    return rv == APR_SUCCESS && !follower->r->connection->aborted;
}

/* Sends what has been written since; returns 0 when the client is gone. */
static int send_new(follower_t *follower, int is_end)
{
    apr_bucket_alloc_t *alloc = follower->r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(follower->r->pool, alloc);

    while (follower->sent < follower->file.info.size) {
        if (add_next(follower, brigade) != APR_SUCCESS) {
            break_off(follower);
            return 0;
        }
        if (follower->sent < follower->file.info.size && !pass(follower, brigade))
            return 0;
    }
    APR_BRIGADE_INSERT_TAIL(brigade,
                            is_end ? apr_bucket_eos_create(alloc) : apr_bucket_flush_create(alloc));
    return pass(follower, brigade);
}

static int finish(follower_t *follower)
{
    assets_request_t *state = follower->state;

    if (follower->is_begun)
        return send_new(follower, 1) ? OK : DONE;
    state->file = follower->file;
    state->has_file = state->is_fresh = state->is_followed = 1;
    return assets_serve(state, follower->r);
}

/* Returns 1 when the size alone says how things are. Whether its writer is alive need not be asked
 * each time that it rings; and all that was announced is all there is. */
static int is_plain(follower_t *follower)
{
    return follower->has_rung && follower->is_begun && follower->file.record.length >= 0 &&
           apr_file_info_get(&follower->file.info, APR_FINFO_SIZE, follower->file.file) ==
               APR_SUCCESS &&
           follower->file.info.size <= follower->file.record.length;
}

static int send_growth(follower_t *follower, assets_follow_e *outcome, int *result)
{
    int is_end = follower->file.info.size == follower->file.record.length;

    *outcome = ASSETS_FOLLOW_ANSWERED;
    *result = DONE;
    if (!is_end)
        return follower->file.info.size > follower->sent && !send_new(follower, 0);
    if (send_new(follower, 1))
        *result = OK;
    return 1;
}

/* Looks once. Returns 1 with *outcome when it is over. */
static int look(follower_t *follower, assets_follow_e *outcome, int *result)
{
    int is_led =
        assets_file_is_led(follower->file.file); /* before the look: it may end meanwhile */
    int has_record = assets_file_look(&follower->file, follower->r->pool) == APR_SUCCESS;

    *outcome = ASSETS_FOLLOW_ANSWERED;
    if (has_record && follower->file.record.is_complete) {
        *result = finish(follower);
        return 1;
    }
    if (!is_led) {
        *result = DONE;
        if (follower->is_begun) {
            break_off(follower);
        } else {
            *outcome = ASSETS_FOLLOW_OVER;
        }
        return 1;
    }
    if (!has_record || !follower->may_begin || follower->file.info.size == follower->sent)
        return 0;
    if (!follower->is_begun)
        begin(follower);
    *result = DONE;
    return !send_new(follower, 0);
}

/* One of too many. */
static void shed(follower_t *follower)
{
    assets_shared_t *shared = assets_runtime()->shared;

    follower->is_shed = 1;
    tier_counter_add(&shared->counters.shed, 1);
    if (assets_runtime_is_due(&shared->shed, SAY_EVERY))
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, follower->r->server,
                     WTNO(4011) "%u requests of this process wait for files that are being "
                                "fetched; no more do for now (TierAssetsWaiters)",
                     assets_runtime()->waiters->most);
}

/* Not once it has sent something. */
static int has_to_go(follower_t *follower)
{
    assets_waiters_t *waiters = assets_runtime()->waiters;
    apr_time_t now = tier_clock_now();

    if (follower->is_begun)
        return 0;
    if (waiters && assets_waiters_dismiss(waiters, now))
        shed(follower);
    return follower->is_shed || now > follower->until;
}

static assets_follow_e wait_for(follower_t *follower, int *result)
{
    assets_follow_e outcome;

    for (;;) {
        apr_uint32_t heard = assets_bell_listen(follower->bell);
        apr_off_t before = follower->file.info.size;

        if (is_plain(follower) ? send_growth(follower, &outcome, result)
                               : look(follower, &outcome, result))
            return outcome;
        if (follower->has_rung) {
            follower->silent = 0;
        } else if (before > 0 && follower->file.info.size > before) {
            follower->silent++;
        }
        if (has_to_go(follower))
            return ASSETS_FOLLOW_LATE;
        follower->has_rung = assets_bell_wait(
            follower->bell, heard, follower->silent > MOST_SILENT ? LOOK_OFTEN : LOOK_SELDOM);
    }
}

assets_follow_e assets_follow(assets_request_t *state, request_rec *r, apr_file_t *file,
                              int *result)
{
    assets_waiters_t *waiters = assets_runtime()->waiters;
    apr_time_t now = tier_clock_now();
    follower_t follower = {state, r};
    assets_follow_e outcome;

    follower.bell = assets_marks_bell(&assets_runtime()->shared->marks, state->id);
    follower.until =
        now + TIER_SETTING(assets_config_of(r->server), timeout, ASSETS_DEFAULT_TIMEOUT);
    follower.file.file = file;
    follower.may_begin = !wants_whole(r) && !state->claimed;
    if (waiters)
        assets_waiters_enter(waiters, now);
    outcome = wait_for(&follower, result);
    if (waiters && !follower.is_shed)
        assets_waiters_leave(waiters);
    return outcome;
}
