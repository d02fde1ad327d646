/* SPDX-License-Identifier: Apache-2.0 */
/* What a delivery does while the relay has its body. */
#include "reproxy_delivery.h"

#include "reproxy_scene.h"

/* The relay can carry what is only bytes: in the clear, with a length, from its first byte on. */
static int is_plain(const reproxy_delivery_t *delivery)
{
    const reproxy_fetch_t *fetch = delivery->fetch;

    return !fetch->wire.is_tls && !fetch->head.chunked && fetch->left > 0 && delivery->skip == 0;
}

static apr_off_t first_byte(const reproxy_delivery_t *delivery)
{
    return delivery->span_count ? delivery->spans[0].first : 0;
}

static apr_off_t last_byte(const reproxy_delivery_t *delivery)
{
    return delivery->span_count ? delivery->spans[0].last : delivery->size - 1;
}

static void fill_handover(const reproxy_delivery_t *delivery, reproxy_handover_t *handover)
{
    const reproxy_fetch_t *fetch = delivery->fetch;

    handover->storage = fetch->wire.conn->sock;
    handover->buffered = fetch->data;
    handover->buffered_size =
        (apr_off_t)fetch->size < fetch->left ? fetch->size : (apr_size_t)fetch->left;
    handover->remaining = fetch->left;
    handover->stall = delivery->ask.stall;
}

/* The last byte was read from the copy: its connection is kept for another request. */
static void give_back(reproxy_fetch_t *fetch)
{
    apr_bucket *none;

    fetch->size -= (apr_off_t)fetch->size < fetch->left ? fetch->size : (apr_size_t)fetch->left;
    fetch->left = 0;
    reproxy_fetch_body(fetch, &none);
}

static void taken(void *baton, int is_read_up)
{
    reproxy_fetch_t *fetch = ((reproxy_delivery_t *)baton)->given;

    if (is_read_up) {
        give_back(fetch);
        return;
    }
    /* The connection is the relay's. */
    fetch->head.keeps = 0;
    reproxy_fetch_fail(fetch, REPROXY_FAILURE_NONE);
}

/* How the copy serves is told when its body has ended. */
static void give_away(reproxy_delivery_t *delivery, reproxy_handover_t *handover)
{
    fill_handover(delivery, handover);
    delivery->given = delivery->fetch;
    delivery->fetch = NULL;
}

/* What the relay has sent is counted for its node here: nothing else saw the bytes. */
static void count_given(reproxy_delivery_t *delivery, apr_off_t sent)
{
    apr_off_t at = first_byte(delivery) + sent;

    if (delivery->given) {
        tier_counter_add(&delivery->given->node->bytes, (apr_uint64_t)(at - delivery->at));
        delivery->at = at;
    }
}

static void drop_pulled(reproxy_delivery_t *delivery)
{
    if (delivery->pulled)
        apr_bucket_destroy(delivery->pulled);
    delivery->pulled = NULL;
}

static apr_status_t pull_given(void *baton, const char **data, apr_size_t *size)
{
    reproxy_delivery_t *delivery = baton;
    apr_off_t last = last_byte(delivery);
    apr_bucket *bucket;

    drop_pulled(delivery);
    do {
        apr_status_t status = reproxy_fetch_body(delivery->fetch, &bucket);

        if (status == APR_SUCCESS)
            continue;
        if (!reproxy_deliver_resume(delivery, reproxy_deliver_why(status), last))
            return APR_EGENERAL;
        bucket = NULL;
    } while (!bucket || !reproxy_deliver_trim(delivery, bucket));
    if ((apr_off_t)bucket->length > last - delivery->at + 1)
        bucket->length = (apr_size_t)(last - delivery->at + 1);
    delivery->at += (apr_off_t)bucket->length;
    delivery->pulled = bucket;
    return apr_bucket_read(bucket, data, size, APR_BLOCK_READ);
}

static apr_status_t resume_given(void *baton, apr_off_t sent, reproxy_failure_e failure,
                                 reproxy_handover_t *next)
{
    reproxy_delivery_t *delivery = baton;

    count_given(delivery, sent);
    delivery->fetch = delivery->given;
    delivery->given = NULL;
    if (!reproxy_deliver_resume(delivery, failure, last_byte(delivery)))
        return APR_EGENERAL;
    if (is_plain(delivery))
        give_away(delivery, next);
    else
        next->pull = pull_given;
    return APR_SUCCESS;
}

static void given_ended(void *baton, apr_off_t sent, reproxy_failure_e failure)
{
    reproxy_delivery_t *delivery = baton;

    count_given(delivery, sent);
    drop_pulled(delivery);
    if (delivery->given) {
        delivery->fetch = delivery->given;
        if (delivery->fetch->wire.conn && delivery->at > last_byte(delivery))
            give_back(delivery->fetch);
    }
    reproxy_source_done(delivery, REPROXY_FAILURE_NONE);
    if (failure != REPROXY_FAILURE_NONE)
        reproxy_deliver_tell_cut(delivery);
}

int reproxy_handover(reproxy_delivery_t *delivery)
{
    const reproxy_relay_t *relay = reproxy_scene()->relay;
    request_rec *r = delivery->r;
    reproxy_handover_t *offer = &delivery->offer;
    apr_bucket_brigade *bb;

    if (!relay || !is_plain(delivery) || delivery->fetch->left <= 0 || delivery->is_multipart ||
        reproxy_deliver_is_verified(delivery) || r->header_only ||
        !relay->wants(r, delivery->fetch->left))
        return 0;
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    if (!reproxy_deliver_pass(delivery, bb))
        return 0;
    delivery->at = first_byte(delivery);
    *offer = (reproxy_handover_t){
        .r = r, .resume = resume_given, .taken = taken, .ended = given_ended, .baton = delivery};
    give_away(delivery, offer);
    if (relay->take(offer) == APR_SUCCESS)
        return 1;
    delivery->fetch = delivery->given;
    delivery->given = NULL;
    return 0;
}
