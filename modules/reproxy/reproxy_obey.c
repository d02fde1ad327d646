/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_obey.h"

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include <string.h>

#include <apr_strings.h>

#include "reproxy_config.h"
#include "reproxy_deliver.h"
#include "reproxy_private.h"
#include "reproxy_said.h"
#include "reproxy_scene.h"

#define FILTER_NAME "TIER_REPROXY"
/* So much of a body that nobody will see is read, so that its connection can be kept. */
#define SWALLOW_MAX (1024 * 1024)

extern module AP_MODULE_DECLARE_DATA tier_reproxy_module;

/* One request whose application may name a file. In the request's configuration. */
typedef struct obedience_t {
    const reproxy_config_t *config;
    const apr_table_t *err_before; /* r->err_headers_out as the application found it; NULL: empty */
    ap_filter_t *filter;
    reproxy_said_t said;
    apr_off_t swallowed;
    unsigned is_ordered : 1; /* the application has named a file */
} obedience_t;

static obedience_t *obedience_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &tier_reproxy_module);
}

/* What the application says. */

typedef struct reading_t {
    request_rec *r;
    obedience_t *obedience;
    reproxy_says_e what;
} reading_t;

static int read_value(void *baton, const char *name, const char *value)
{
    reading_t *reading = baton;
    reproxy_said_t *said = &reading->obedience->said;
    apr_pool_t *pool = reading->r->pool;
    int is_good = 1;

    switch (reading->what) {
    case REPROXY_SAYS_URL:
        reproxy_said_urls(said, value, pool);
        is_good = said->urls->nelts > 0;
        break;
    case REPROXY_SAYS_FILE:
        said->path = *value ? value : said->path;
        break;
    case REPROXY_SAYS_PATH:
        is_good = reproxy_said_mapped(said, reading->obedience->config->map, value, pool);
        break;
    case REPROXY_SAYS_SIZE:
        is_good = reproxy_said_size(said, value);
        break;
    default:
        is_good = reproxy_said_cache(said, value, pool);
    }
    if (!is_good)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, reading->r,
                      WTNO(3006) "the application's %s cannot be followed: \"%.200s\"", name,
                      ap_escape_logitem(pool, value));
    return 1;
}

static int take_from(reading_t *reading, apr_table_t *fields, const char *name)
{
    if (!apr_table_get(fields, name))
        return 0;
    apr_table_do(read_value, reading, fields, name, NULL);
    apr_table_unset(fields, name);
    return 1;
}

/* Reads a field wherever the application has put it, and takes it away: no client sees it. */
static int take_field(reading_t *reading, const char *name)
{
    int found = take_from(reading, reading->r->headers_out, name);

    return take_from(reading, reading->r->err_headers_out, name) || found;
}

/* Returns 1 when the answer names a place to get the file from, or tried to. */
static int read_answer(obedience_t *obedience, request_rec *r)
{
    reading_t reading = {r, obedience, REPROXY_SAYS_URL};
    int names_a_place = 0;

    reproxy_said_init(&obedience->said, r->pool);
    for (int what = 0; what < REPROXY_SAYINGS; what++) {
        int count;
        const char *const *names =
            reproxy_config_names(obedience->config, (reproxy_says_e)what, &count);

        reading.what = (reproxy_says_e)what;
        for (int i = 0; i < count; i++)
            if (take_field(&reading, names[i]) && what <= REPROXY_SAYS_PATH)
                names_a_place = 1;
    }
    return names_a_place;
}

static int may_have_body(int status)
{
    return status >= 200 && status != HTTP_NOT_MODIFIED;
}

/* The filter. */

static apr_status_t swallow(obedience_t *obedience, apr_bucket_brigade *bb)
{
    int is_whole = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));

    for (apr_bucket *e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e))
        obedience->swallowed += e->length == (apr_size_t)-1 ? SWALLOW_MAX : (apr_off_t)e->length;
    apr_brigade_cleanup(bb);
    return is_whole || obedience->swallowed < SWALLOW_MAX ? APR_SUCCESS : APR_ECONNABORTED;
}

static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    obedience_t *obedience = f->ctx;
    ap_filter_t *next = f->next;

    if (obedience->is_ordered)
        return swallow(obedience, bb);
    if (APR_BRIGADE_EMPTY(bb))
        return APR_SUCCESS;
    if (read_answer(obedience, f->r) && may_have_body(f->r->status)) {
        obedience->is_ordered = 1;
        return swallow(obedience, bb);
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(next, bb);
}

/* The delivery in place of the application's answer. */

/* Of the answer that was swallowed only what is true of the file too is kept. */
static void shed_body(request_rec *r)
{
    static const char *const fields[] = {"Content-Length", "Content-Range", "Transfer-Encoding",
                                         "Trailer",        "Content-MD5",   "Digest",
                                         "Content-Digest", "Repr-Digest",   "Accept-Ranges",
                                         "Connection",     "Keep-Alive"};

    for (apr_size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        apr_table_unset(r->headers_out, fields[i]);
    if (r->status == HTTP_NO_CONTENT || r->status == HTTP_PARTIAL_CONTENT)
        r->status = HTTP_OK;
    r->status_line = NULL;
    r->clength = 0;
    r->chunked = 0;
    r->eos_sent = 0;
    r->no_local_copy = 0; /* the client's conditions are judged by the application's fields */
}

/* CGI and its kin put their fields where even an error's answer would show them. */
static void move_fields(request_rec *r, const obedience_t *obedience)
{
    apr_table_t *before;

    if (apr_is_empty_table(r->err_headers_out))
        return;
    before = obedience->err_before ? apr_table_copy(r->pool, obedience->err_before)
                                   : apr_table_make(r->pool, 1);
    r->headers_out = apr_table_overlay(r->pool, r->err_headers_out, r->headers_out);
    r->err_headers_out = before;
}

static reproxy_order_t *make_order(const obedience_t *obedience, request_rec *r)
{
    reproxy_order_t *order = apr_pcalloc(r->pool, sizeof(*order));
    const reproxy_said_t *said = &obedience->said;

    order->urls = (const char *const *)said->urls->elts;
    order->url_count = said->urls->nelts;
    order->path = said->path;
    order->size = said->size;
    return order;
}

static int deliver(obedience_t *obedience, request_rec *r)
{
    const reproxy_order_t *order = make_order(obedience, r);
    int status;

    if (order->path)
        tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_FILES], 1);
    status = reproxy_deliver(r, order);
    if (status >= 400)
        r->status = HTTP_OK; /* what the application said is no error that has happened here */
    return status;
}

static int carry_out(obedience_t *obedience, request_rec *r)
{
    reproxy_scene_t *scene = reproxy_scene();
    int status;

    /* From here on the filters of the answer are those that come after the one that took it. */
    r->output_filters = obedience->filter->next;
    move_fields(r, obedience);
    shed_body(r);
    tier_counter_add(&scene->table->counts[REPROXY_COUNT_ORDERS], 1);
    if (scene->remember)
        reproxy_remember_put(scene->remember, r, &obedience->said);
    status = deliver(obedience, r);
    if (scene->remember && status >= HTTP_INTERNAL_SERVER_ERROR)
        reproxy_remember_drop(scene->remember, r);
    return status;
}

/* Answers as the application did before. Returns DECLINED when nothing is remembered, or it cannot
 * be had any more: the application is asked then. */
static int recall(obedience_t *obedience, request_rec *r)
{
    reproxy_scene_t *scene = reproxy_scene();
    apr_table_t *fields = r->headers_out;
    int status_before = r->status, status;
    reproxy_memo_t memo;

    if (!scene->remember || !reproxy_remember_get(scene->remember, r, &memo))
        return DECLINED;
    obedience->said = memo.said;
    r->headers_out = apr_table_overlay(r->pool, memo.fields, fields);
    r->status = memo.status;
    if (memo.content_type)
        ap_set_content_type(r, memo.content_type);
    status = deliver(obedience, r);
    if (status < 400 || status == HTTP_RANGE_NOT_SATISFIABLE ||
        status == HTTP_PRECONDITION_FAILED) {
        tier_counter_add(&scene->table->counts[REPROXY_COUNT_REMEMBERED], 1);
        return status;
    }
    reproxy_remember_drop(scene->remember, r);
    r->headers_out = fields;
    r->status = status_before;
    r->content_type = NULL;
    return DECLINED;
}

static int is_concerned(const request_rec *r, const reproxy_config_t *config)
{
    return config->is_on > 0 && !obedience_of(r) &&
           (!r->proxyreq || r->proxyreq == PROXYREQ_REVERSE) && r->method_number != M_CONNECT;
}

/* Runs before all other handlers, and has them run within it: when the application's is done its
 * connection is free, and this one goes on with the file. */
static int run_application(request_rec *r)
{
    const reproxy_config_t *config = reproxy_config_of(r);
    obedience_t *obedience;
    int result;

    if (!is_concerned(r, config))
        return DECLINED;
    obedience = apr_pcalloc(r->pool, sizeof(*obedience));
    obedience->config = config;
    if (!apr_is_empty_table(r->err_headers_out))
        obedience->err_before = apr_table_copy(r->pool, r->err_headers_out);
    ap_set_module_config(r->request_config, &tier_reproxy_module, obedience);
    apr_table_setn(r->headers_in, "X-Proxy-Capabilities", "reproxy-file");
    result = recall(obedience, r);
    if (result != DECLINED)
        return result;
    result = ap_run_handler(r);
    if (!obedience->is_ordered)
        return result;
    return r->connection->aborted ? OK : carry_out(obedience, r);
}

/* Comes after the handlers that try an application again, so that only answers they let pass are
 * obeyed. */
static int insert_filter(request_rec *r)
{
    obedience_t *obedience = obedience_of(r);

    if (obedience && !obedience->filter)
        obedience->filter = ap_add_output_filter(FILTER_NAME, obedience, r, r->connection);
    return DECLINED;
}

void reproxy_obey_register(apr_pool_t *pool)
{
    static const char *const retrying[] = {"mod_tier_health.c", NULL};
    static const char *const proxy[] = {"mod_proxy.c", NULL};

    (void)pool;
    /* Before all filters of content, which must not see an answer that is swallowed. */
    ap_register_output_filter(FILTER_NAME, filter, NULL, AP_FTYPE_RESOURCE - 1);
    ap_hook_handler(run_application, NULL, retrying, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(insert_filter, retrying, proxy, APR_HOOK_FIRST);
}
