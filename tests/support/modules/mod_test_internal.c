/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test only: requests without a client. With `SetHandler test-internal`, the query string says what
 * to do:
 *
 *   <mode>,<count>,<deadline in ms>,<uri>
 *
 * run: the thread of the request runs them one after the other; background: hands them to the
 * background and waits for all of them; leave: does not wait. The answer is a JSON object of what
 * came of them: how many gave which status
 * ("0": none), how many were refused, were late or broke off, the bytes of body, and the child's
 * memory.
 */
#include <stdio.h>
#include <unistd.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "background.h"
#include "clock.h"
#include "internal.h"

#define STATUSES 600

extern module AP_MODULE_DECLARE_DATA test_internal_module;

/* Written by child_init, read by requests. */
static tier_background_t *background;

typedef struct tally_t {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int over;
    int statuses[STATUSES];
    int refused, late, broken, batons;
    apr_off_t bytes;
} tally_t;

typedef struct order_t {
    const char *mode, *uri;
    int count;
    apr_interval_time_t patience;
} order_t;

static void count_result(void *baton, apr_status_t status, const tier_internal_result_t *result)
{
    tally_t *tally = *(tally_t **)baton;

    pthread_mutex_lock(&tally->lock);
    tally->over++;
    tally->statuses[result->status < STATUSES ? result->status : 0]++;
    tally->late += status == APR_TIMEUP;
    tally->broken += status != APR_SUCCESS && status != APR_TIMEUP;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

static void log_result(void *baton, apr_status_t status, const tier_internal_result_t *result)
{
    (void)baton;
    ap_log_error(APLOG_MARK, APLOG_INFO, status, ap_server_conf, "left one: %d", result->status);
}

static apr_status_t count_body(apr_bucket_brigade *brigade, void *baton)
{
    tally_t *tally = *(tally_t **)baton;
    apr_off_t size;

    if (apr_brigade_length(brigade, 1, &size) != APR_SUCCESS)
        return APR_EGENERAL;
    pthread_mutex_lock(&tally->lock);
    tally->bytes += size;
    pthread_mutex_unlock(&tally->lock);
    return APR_SUCCESS;
}

static tier_internal_spec_t spec_of(request_rec *r, const order_t *order, tally_t **tally)
{
    tier_internal_spec_t spec = {r->server, r};

    spec.uri = order->uri;
    spec.host = apr_table_get(r->headers_in, "Host");
    spec.headers = r->headers_in;
    spec.deadline = tier_clock_now() + order->patience;
    spec.sink.body = tally ? count_body : NULL;
    spec.owner = &test_internal_module;
    spec.baton = tally;
    spec.baton_size = tally ? sizeof(*tally) : 0;
    return spec;
}

static void run_one(request_rec *r, const order_t *order, tally_t *tally)
{
    tier_internal_spec_t spec = spec_of(r, order, &tally);
    tier_internal_result_t result;
    tier_internal_t *internal;
    apr_pool_t *pool;
    apr_status_t rv;

    apr_pool_create(&pool, r->pool);
    rv = tier_internal_create(&internal, &spec, pool);
    if (rv == APR_SUCCESS) {
        rv = tier_internal_run(internal, r->connection->current_thread, &result);
        count_result(&tally, rv, &result);
    } else {
        tally->over++;
        tally->refused++;
    }
    apr_pool_destroy(pool);
}

static void hand_over_one(request_rec *r, const order_t *order, tally_t *tally)
{
    int waits = strcmp(order->mode, "background") == 0;
    tier_internal_spec_t spec = spec_of(r, order, waits ? &tally : NULL);
    apr_status_t rv;

    while ((rv = tier_background_submit(background, &spec, waits ? count_result : log_result)) ==
               APR_EAGAIN &&
           waits)
        apr_sleep(500);
    if (rv == APR_SUCCESS && waits)
        return;
    pthread_mutex_lock(&tally->lock);
    tally->over++;
    tally->refused += rv != APR_SUCCESS;
    pthread_mutex_unlock(&tally->lock);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void report(request_rec *r, const tally_t *tally)
{
    const char *comma = "";

    ap_set_content_type(r, "application/json");
    ap_rprintf(r,
               "{\"pid\": %d, \"resident\": %ld, \"refused\": %d, \"late\": %d, \"broken\": %d, "
               "\"bytes\": %ld, ",
               (int)getpid(), resident_kib(), tally->refused, tally->late, tally->broken,
               (long)tally->bytes);
    ap_rputs("\"statuses\": {", r);
    for (int i = 0; i < STATUSES; i++) {
        if (tally->statuses[i]) {
            ap_rprintf(r, "%s\"%d\": %d", comma, i, tally->statuses[i]);
            comma = ", ";
        }
    }
    ap_rputs("}}\n", r);
}

static int read_order(request_rec *r, order_t *order)
{
    char *last;
    char *args = r->args ? apr_pstrdup(r->pool, r->args) : NULL;
    const char *count = NULL, *patience = NULL;

    order->mode = args ? apr_strtok(args, ",", &last) : NULL;
    if (order->mode)
        count = apr_strtok(NULL, ",", &last);
    if (count)
        patience = apr_strtok(NULL, ",", &last);
    order->uri = patience ? apr_strtok(NULL, "", &last) : NULL;
    if (!order->uri)
        return 0;
    order->count = (int)apr_atoi64(count);
    order->patience = apr_time_from_msec(apr_atoi64(patience));
    return 1;
}

static int handler(request_rec *r)
{
    tally_t tally = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
    order_t order;

    if (!r->handler || strcmp(r->handler, "test-internal") != 0)
        return DECLINED;
    if (!read_order(r, &order))
        return HTTP_BAD_REQUEST;
    for (int i = 0; i < order.count; i++)
        (strcmp(order.mode, "run") == 0 ? run_one : hand_over_one)(r, &order, &tally);
    pthread_mutex_lock(&tally.lock);
    while (tally.over < order.count)
        pthread_cond_wait(&tally.changed, &tally.lock);
    pthread_mutex_unlock(&tally.lock);
    /* One that was itself fired tells by its status that it could not fire another. */
    if (tier_internal_of(r))
        return tally.refused == order.count ? 508 : HTTP_INTERNAL_SERVER_ERROR;
    report(r, &tally);
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    tier_background_options_t options = {"test-internal", 2, 16, apr_time_from_msec(500)};

    if (tier_background_start(&background, &options, pchild) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "the background could not be started");
}

static void register_hooks(apr_pool_t *pool)
{
    tier_internal_register_hooks(pool);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_internal) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
