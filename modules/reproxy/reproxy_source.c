/* SPDX-License-Identifier: Apache-2.0 */
#include "reproxy_delivery.h"

#include <string.h>

#include <apr_strings.h>

#include <clock.h>

#include "reproxy_private.h"
#include "reproxy_scene.h"

/* Judging answers. */

/* The size of the file that an answer speaks of agrees with what is known. */
static reproxy_failure_e agree_on_size(reproxy_delivery_t *delivery, apr_off_t size)
{
    if (size >= 0 && delivery->size >= 0 && size != delivery->size)
        return REPROXY_FAILURE_SIZE;
    return REPROXY_FAILURE_NONE;
}

static int differ(const char *before, const char *now)
{
    return before && now && strcmp(before, now) != 0;
}

/* May an answer continue a body of which the client has got the beginning? */
static reproxy_failure_e may_continue(const reproxy_delivery_t *delivery, apr_off_t size)
{
    const reproxy_head_t *head = &delivery->fetch->head;

    if (!delivery->settled)
        return REPROXY_FAILURE_NONE;
    if (size < 0)
        return REPROXY_FAILURE_SIZE;
    /* What bears an ETag of its own by its order never changes. */
    if (delivery->order->etag ||
        reproxy_config_resume(delivery->config) != REPROXY_RESUME_VALIDATORS)
        return REPROXY_FAILURE_NONE;
    return differ(delivery->etag, head->etag) || differ(delivery->modified, head->modified)
               ? REPROXY_FAILURE_CHANGED
               : REPROXY_FAILURE_NONE;
}

/* Takes over what the answer says of the file, when nothing is known yet. */
static void learn(reproxy_delivery_t *delivery, apr_off_t size)
{
    const reproxy_head_t *head = &delivery->fetch->head;

    if (size >= 0)
        delivery->size = size;
    if (delivery->settled)
        return;
    delivery->etag = apr_pstrdup(delivery->r->pool, head->etag);
    delivery->modified = apr_pstrdup(delivery->r->pool, head->modified);
}

static reproxy_failure_e judge_whole(reproxy_delivery_t *delivery, const reproxy_span_t *span)
{
    const reproxy_fetch_t *fetch = delivery->fetch;
    apr_off_t size = fetch->head.chunked ? -1 : fetch->head.length;
    reproxy_failure_e failure;

    if (fetch->head.status == HTTP_NO_CONTENT)
        size = 0;
    failure = agree_on_size(delivery, size);
    if (failure == REPROXY_FAILURE_NONE)
        failure = may_continue(delivery, size);
    if (failure != REPROXY_FAILURE_NONE)
        return failure;
    learn(delivery, size);
    delivery->skip = delivery->settled && span ? span->first : 0;
    if (!delivery->settled)
        delivery->span_count = 0;
    return REPROXY_FAILURE_NONE;
}

/* The part that came is the one that was asked for. */
static int is_as_asked(const reproxy_span_t *asked, const reproxy_span_t *came, apr_off_t size)
{
    reproxy_span_t exact = *asked;

    if (size < 0 || came->first < 0)
        return 0;
    return reproxy_range_resolve(&exact, size) && exact.first == came->first &&
           exact.last == came->last;
}

static reproxy_failure_e judge_part(reproxy_delivery_t *delivery, const reproxy_span_t *span)
{
    const reproxy_fetch_t *fetch = delivery->fetch;
    const char *text = fetch->head.content_range;
    reproxy_span_t came;
    apr_off_t size;
    reproxy_failure_e failure;

    if (!span || !text || !reproxy_range_content(text, &came, &size))
        return REPROXY_FAILURE_GARBAGE;
    failure = agree_on_size(delivery, size);
    if (failure == REPROXY_FAILURE_NONE && !is_as_asked(span, &came, size))
        failure = REPROXY_FAILURE_GARBAGE;
    if (failure == REPROXY_FAILURE_NONE && fetch->head.length >= 0 &&
        fetch->head.length != came.last - came.first + 1)
        failure = REPROXY_FAILURE_SIZE;
    if (failure == REPROXY_FAILURE_NONE)
        failure = may_continue(delivery, size);
    if (failure != REPROXY_FAILURE_NONE)
        return failure;
    learn(delivery, size);
    delivery->skip = 0;
    return REPROXY_FAILURE_NONE;
}

static reproxy_failure_e judge_unsatisfiable(reproxy_delivery_t *delivery,
                                             const reproxy_span_t *span)
{
    const char *text = delivery->fetch->head.content_range;
    reproxy_span_t none, asked;
    apr_off_t size = delivery->size;

    if (!span || delivery->settled)
        return REPROXY_FAILURE_SIZE;
    asked = *span;
    if (text && !reproxy_range_content(text, &none, &size))
        return REPROXY_FAILURE_GARBAGE;
    if (agree_on_size(delivery, size) != REPROXY_FAILURE_NONE || size < 0 ||
        reproxy_range_resolve(&asked, size))
        return REPROXY_FAILURE_SIZE;
    delivery->size = size;
    delivery->is_unsatisfiable = 1;
    return REPROXY_FAILURE_NONE;
}

static reproxy_failure_e judge(reproxy_delivery_t *delivery, const reproxy_span_t *span)
{
    int status = delivery->fetch->head.status;

    if (status == HTTP_PARTIAL_CONTENT)
        return judge_part(delivery, span);
    if (status >= 200 && status < 300)
        return judge_whole(delivery, span);
    if (status == HTTP_RANGE_NOT_SATISFIABLE)
        return judge_unsatisfiable(delivery, span);
    return status == HTTP_NOT_FOUND || status == HTTP_GONE ? REPROXY_FAILURE_ABSENT
                                                           : REPROXY_FAILURE_STATUS;
}

/* Asking. */

static void report(reproxy_delivery_t *delivery, const reproxy_fetch_t *fetch,
                   reproxy_failure_e failure)
{
    const reproxy_order_t *order = delivery->order;
    int has_status = failure == REPROXY_FAILURE_ABSENT || failure == REPROXY_FAILURE_STATUS;

    reproxy_plan_done(&delivery->plan, fetch->copy, failure);
    if (failure != REPROXY_FAILURE_NONE && order->failed)
        order->failed(order->baton, fetch->copy, failure, has_status ? fetch->head.status : 0);
}

static reproxy_fetch_t *slot_of(reproxy_delivery_t *delivery, int i)
{
    if (!delivery->slots[i])
        delivery->slots[i] =
            i == 0 ? &delivery->usual : apr_palloc(delivery->r->pool, sizeof(*delivery->slots[i]));
    return delivery->slots[i];
}

static int begin(reproxy_delivery_t *delivery, reproxy_fetch_t *fetch, int copy)
{
    reproxy_failure_e failure;

    reproxy_plan_ask(&delivery->plan, copy);
    failure =
        reproxy_fetch_begin(fetch, delivery->r, &delivery->ask, delivery->order->urls[copy], copy);
    if (failure != REPROXY_FAILURE_NONE) {
        report(delivery, fetch, failure);
        return 0;
    }
    /* Where there is a choice it was looked for before. */
    if (delivery->plan.count == 1 && !delivery->settled)
        delivery->plan.copies[copy].is_sick = !!reproxy_node_is_sick(fetch->node, fetch->asked_at);
    if (delivery->plan.copies[copy].is_sick)
        fetch->first = reproxy_node_patience(fetch->node, delivery->ask.first);
    return 1;
}

/* Where a redirect leads to; NULL: it is none that is understood. */
static const char *redirect_of(const reproxy_fetch_t *fetch)
{
    const char *location = fetch->head.location;
    int status = fetch->head.status;

    if (!location ||
        (status != 301 && status != 302 && status != 303 && status != 307 && status != 308))
        return NULL;
    if (location[0] == '/' && location[1] != '/')
        return apr_pstrcat(fetch->r->pool, fetch->url.node, location, NULL);
    return strstr(location, "://") ? apr_pstrdup(fetch->r->pool, location) : NULL;
}

/* Reads the head of the answer, or of that at the place it sends to. */
static reproxy_failure_e read_answer(reproxy_delivery_t *delivery, reproxy_fetch_t *fetch)
{
    reproxy_failure_e failure = reproxy_fetch_head(fetch);
    const char *target;

    for (int left = delivery->config->redirects; failure == REPROXY_FAILURE_NONE && left > 0;
         left--) {
        target = redirect_of(fetch);
        if (!target)
            break;
        /* What storage says is trusted less than who named the storage. */
        delivery->ask.trusted = 0;
        reproxy_fetch_fail(fetch, REPROXY_FAILURE_NONE);
        failure = reproxy_fetch_begin(fetch, delivery->r, &delivery->ask, target, fetch->copy);
        if (failure == REPROXY_FAILURE_NONE)
            failure = reproxy_fetch_head(fetch);
        delivery->ask.trusted = (int)delivery->order->trusted;
    }
    return failure;
}

/* Returns 1 when the answer is of use; delivery->fetch is set then. */
static int take(reproxy_delivery_t *delivery, reproxy_fetch_t *fetch, const reproxy_span_t *span)
{
    reproxy_failure_e failure = read_answer(delivery, fetch);

    if (failure == REPROXY_FAILURE_NONE) {
        delivery->fetch = fetch;
        failure = judge(delivery, span);
        if (failure == REPROXY_FAILURE_NONE)
            return 1;
        delivery->fetch = NULL;
        reproxy_fetch_fail(fetch, failure);
    }
    report(delivery, fetch, failure);
    return 0;
}

static void drop(reproxy_delivery_t *delivery, reproxy_fetch_t *fetch)
{
    reproxy_fetch_fail(fetch, REPROXY_FAILURE_NONE);
    report(delivery, fetch, REPROXY_FAILURE_NONE);
}

/* After how long without a first byte another copy is asked as well; 0: never. */
static apr_interval_time_t patience(const reproxy_delivery_t *delivery,
                                    const reproxy_fetch_t *fetch)
{
    apr_interval_time_t slow = reproxy_node_slow(fetch->node);
    apr_interval_time_t least = reproxy_config_hedge_min(delivery->config);

    if (delivery->config->hedge <= 0 || fetch->wire.is_tls)
        return 0;
    return slow > least ? slow : least;
}

/* Asks a second copy when the first is slow. Returns 1 when there are two questions under way. */
static int hedge(reproxy_delivery_t *delivery, int rounds)
{
    reproxy_fetch_t *first = delivery->slots[0];
    reproxy_wire_t *wires[1] = {&first->wire};
    apr_interval_time_t wait = patience(delivery, first);
    int copy;

    if (wait == 0 || wait >= first->first || reproxy_wire_wait(wires, 1, wait) == 0)
        return 0;
    copy = reproxy_plan_next(&delivery->plan, rounds);
    if (copy < 0 || !begin(delivery, slot_of(delivery, 1), copy))
        return 0;
    tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_HEDGED], 1);
    return 1;
}

/* Two copies are asked: the first answer of use is taken. */
static int take_either(reproxy_delivery_t *delivery, const reproxy_span_t *span)
{
    reproxy_fetch_t *const *slots = delivery->slots;
    reproxy_wire_t *wires[2] = {&slots[0]->wire, &slots[1]->wire};
    apr_time_t deadline = slots[0]->asked_at + slots[0]->first;
    int ready = reproxy_wire_wait(wires, 2, deadline - tier_clock_now());
    int faster = ready == 1;

    if (take(delivery, slots[faster], span)) {
        if (faster)
            tier_counter_add(&reproxy_scene()->table->counts[REPROXY_COUNT_HEDGE_WON], 1);
        drop(delivery, slots[!faster]);
        return 1;
    }
    return take(delivery, slots[!faster], span);
}

static const char *range_text(const reproxy_span_t *span, apr_pool_t *pool)
{
    if (!span)
        return NULL;
    if (span->first < 0)
        return apr_psprintf(pool, "bytes=-%" APR_OFF_T_FMT, span->last);
    if (span->last < 0)
        return apr_psprintf(pool, "bytes=%" APR_OFF_T_FMT "-", span->first);
    return apr_psprintf(pool, "bytes=%" APR_OFF_T_FMT "-%" APR_OFF_T_FMT, span->first, span->last);
}

/* A sick node is asked after the healthy ones: only where there is a choice. */
static void look_for_sick(reproxy_delivery_t *delivery)
{
    apr_time_t now = tier_clock_now();
    reproxy_url_t url;

    for (int i = 0; delivery->plan.count > 1 && i < delivery->plan.count; i++)
        if (!reproxy_url_parse(&url, delivery->order->urls[i], delivery->r->pool))
            delivery->plan.copies[i].is_sick =
                !!reproxy_node_is_sick(reproxy_node_find(reproxy_scene()->table, url.node), now);
}

int reproxy_source_open(reproxy_delivery_t *delivery, const reproxy_span_t *span)
{
    int rounds = delivery->settled ? REPROXY_ROUNDS : 1, copy;

    delivery->ask.range = range_text(span, delivery->r->pool);
    if (!delivery->settled)
        look_for_sick(delivery);
    while (!delivery->r->connection->aborted &&
           (copy = reproxy_plan_next(&delivery->plan, rounds)) >= 0) {
        if (!begin(delivery, slot_of(delivery, 0), copy))
            continue;
        if (hedge(delivery, rounds) ? take_either(delivery, span)
                                    : take(delivery, delivery->slots[0], span))
            return !delivery->is_unsatisfiable;
    }
    return 0;
}

void reproxy_source_done(reproxy_delivery_t *delivery, reproxy_failure_e failure)
{
    reproxy_fetch_t *fetch = delivery->fetch;

    if (!fetch)
        return;
    delivery->fetch = NULL;
    reproxy_fetch_fail(fetch, failure);
    report(delivery, fetch, failure);
    if (failure == REPROXY_FAILURE_NONE && delivery->order->served)
        delivery->order->served(delivery->order->baton, fetch->copy);
}

int reproxy_source_status(reproxy_delivery_t *delivery)
{
    reproxy_failure_e verdict = reproxy_plan_verdict(&delivery->plan);
    const reproxy_order_t *order = delivery->order;
    const char *tail;
    int status;

    switch (verdict) {
    case REPROXY_FAILURE_ABSENT:
        status = order->absent_status ? order->absent_status : HTTP_NOT_FOUND;
        break;
    case REPROXY_FAILURE_TIMEOUT:
    case REPROXY_FAILURE_STALL:
        status = HTTP_GATEWAY_TIME_OUT;
        break;
    case REPROXY_FAILURE_CONNECT:
    case REPROXY_FAILURE_CUT:
        status = HTTP_SERVICE_UNAVAILABLE;
        break;
    default:
        status = HTTP_BAD_GATEWAY;
    }
    /* That nothing was named has been said. */
    if (status == HTTP_NOT_FOUND || order->url_count == 0)
        return status;
    tail = reproxy_quiet_tail(&reproxy_scene()->table->quiet[REPROXY_QUIET_FAILED],
                              tier_clock_now(), delivery->r->pool);
    if (tail)
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, delivery->r,
            WTNO(3011) "none of %d copies could be delivered (%s), the first of them %.200s%s",
            order->url_count, reproxy_failure_name(verdict),
            ap_escape_logitem(delivery->r->pool, order->urls[0]), tail);
    return status;
}
