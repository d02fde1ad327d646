/* SPDX-License-Identifier: Apache-2.0 */
/* What a delivery does while the relay carries its body. */
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

/* The connection is the relay's; how the copy served is told when that has ended. */
static void taken(void *baton)
{
    reproxy_delivery_t *delivery = baton;

    delivery->given = delivery->fetch;
    delivery->given->head.keeps = 0;
    delivery->fetch = NULL;
    reproxy_fetch_fail(delivery->given, REPROXY_FAILURE_NONE);
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
        fill_handover(delivery, next);
    else
        next->pull = pull_given;
    return APR_SUCCESS;
}

static void given_ended(void *baton, apr_off_t sent, reproxy_failure_e failure)
{
    reproxy_delivery_t *delivery = baton;

    count_given(delivery, sent);
    drop_pulled(delivery);
    if (delivery->given)
        delivery->fetch = delivery->given;
    reproxy_source_done(delivery, REPROXY_FAILURE_NONE);
    if (failure != REPROXY_FAILURE_NONE)
        reproxy_deliver_tell_cut(delivery);
}

int reproxy_handover(reproxy_delivery_t *delivery)
{
    const reproxy_relay_t *relay = reproxy_scene()->relay;
    request_rec *r = delivery->r;
    apr_bucket_brigade *bb;
    reproxy_handover_t handover = {
        .r = r, .resume = resume_given, .taken = taken, .ended = given_ended, .baton = delivery};

    if (!relay || !is_plain(delivery) || delivery->fetch->left <= 0 || delivery->is_multipart ||
        reproxy_deliver_is_verified(delivery) || r->header_only ||
        !relay->wants(r, delivery->fetch->left))
        return 0;
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    if (!reproxy_deliver_pass(delivery, bb))
        return 0;
    delivery->at = first_byte(delivery);
    fill_handover(delivery, &handover);
    return relay->take(&handover) == APR_SUCCESS;
}
