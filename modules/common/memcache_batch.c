/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_batch.h"

#include <string.h>

#include "clock.h"

#define LINE_END      "\r\n"
#define LINE_END_SIZE (sizeof(LINE_END) - 1)

/* What has come and is not used yet: lines, and what came of a value together with its line. */
typedef struct reader_t {
    tier_memcache_batch_t *batch;
    tier_memcache_wire_t *wire;
    apr_size_t from, to;
    char data[16384];
} reader_t;

apr_status_t tier_memcache_batch_send(tier_memcache_batch_t *batch, tier_memcache_wire_t *wire,
                                      apr_pool_t *pool)
{
    apr_size_t size = strlen(batch->exchange.verb) + LINE_END_SIZE;
    struct iovec part;
    char *line, *out;

    for (int i = 0; i < batch->count; i++)
        size += 1 + batch->items[i]->key_size;
    line = out = apr_palloc(pool, size);
    memcpy(out, batch->exchange.verb, strlen(batch->exchange.verb));
    out += strlen(batch->exchange.verb);
    for (int i = 0; i < batch->count; i++) {
        *out++ = ' ';
        memcpy(out, batch->items[i]->key, batch->items[i]->key_size);
        out += batch->items[i]->key_size;
    }
    memcpy(out, LINE_END, LINE_END_SIZE);
    part = (struct iovec){line, size};
    batch->exchange.begun = 0;
    batch->exchange.said[0] = '\0';
    return tier_memcache_wire_send(wire, &part, 1, batch->exchange.until);
}

/* As of one exchange: a server that sends without end is left at the deadline. */
static apr_status_t receive(reader_t *reader, char *into, apr_size_t size, apr_size_t *received)
{
    tier_memcache_exchange_t *exchange = &reader->batch->exchange;
    apr_status_t status;

    if (exchange->begun && tier_clock_now() >= exchange->until)
        return APR_TIMEUP;
    status = tier_memcache_wire_receive(reader->wire, into, size, received, exchange->until);
    if (status == APR_SUCCESS)
        exchange->begun = 1;
    return status;
}

static apr_status_t fill(reader_t *reader)
{
    apr_size_t received = 0;
    apr_status_t status;

    memmove(reader->data, reader->data + reader->from, reader->to - reader->from);
    reader->to -= reader->from;
    reader->from = 0;
    status =
        receive(reader, reader->data + reader->to, sizeof(reader->data) - reader->to, &received);
    reader->to += received;
    return status;
}

static apr_status_t wrong(reader_t *reader)
{
    return tier_memcache_exchange_wrong(&reader->batch->exchange, reader->data + reader->from,
                                        reader->to - reader->from);
}

/* Reads size bytes into `into`, or past them where that is NULL. */
static apr_status_t read_bytes(reader_t *reader, char *into, apr_size_t size)
{
    apr_status_t status = APR_SUCCESS;

    while (size > 0 && status == APR_SUCCESS) {
        apr_size_t have = reader->to - reader->from;
        apr_size_t part = have < size ? have : size;

        if (part == 0 && into) {
            status = receive(reader, into, size, &part);
        } else if (part == 0) {
            status = fill(reader);
        } else {
            if (into)
                memcpy(into, reader->data + reader->from, part);
            reader->from += part;
        }
        into = into ? into + part : NULL;
        size -= part;
    }
    return status;
}

static apr_status_t read_value(reader_t *reader, tier_memcache_item_t *item,
                               const tier_memcache_answer_t *answer)
{
    char end[LINE_END_SIZE];
    int fits = answer->size <= item->room;
    apr_status_t status = read_bytes(reader, fits ? item->into : NULL, answer->size);

    if (status == APR_SUCCESS)
        status = read_bytes(reader, end, sizeof(end));
    if (status != APR_SUCCESS)
        return status;
    if (memcmp(end, LINE_END, sizeof(end)) != 0)
        return tier_memcache_exchange_wrong(&reader->batch->exchange, end, sizeof(end));
    item->size = answer->size;
    item->flags = answer->flags;
    item->status = fits ? APR_SUCCESS : APR_ENOSPC;
    return APR_SUCCESS;
}

/* Reads a line; *next is the first item that it may be of, and becomes the one that it is of. */
static apr_status_t read_line(reader_t *reader, int *next, tier_memcache_answer_t *answer)
{
    const tier_memcache_batch_t *batch = reader->batch;

    for (;;) {
        const char *line = reader->data + reader->from;
        apr_size_t have = reader->to - reader->from;
        int at = *next;

        *answer = tier_memcache_answer_read(line, have, "", 0);
        if (answer->kind == TIER_MEMCACHE_VALUE) /* of a key of no bytes */
            return wrong(reader);
        for (; answer->kind == TIER_MEMCACHE_WRONG && at < batch->count; at++) {
            *answer = tier_memcache_answer_read(line, have, batch->items[at]->key,
                                                batch->items[at]->key_size);
            if (answer->kind == TIER_MEMCACHE_VALUE)
                *next = at;
        }
        if (answer->kind == TIER_MEMCACHE_MORE) {
            apr_status_t status = fill(reader);
            if (status != APR_SUCCESS)
                return status;
            continue;
        }
        if (answer->kind != TIER_MEMCACHE_VALUE && answer->kind != TIER_MEMCACHE_END)
            return wrong(reader);
        reader->from += answer->line;
        return APR_SUCCESS;
    }
}

apr_status_t tier_memcache_batch_receive(tier_memcache_batch_t *batch, tier_memcache_wire_t *wire)
{
    reader_t reader;
    tier_memcache_answer_t answer;
    apr_status_t status;
    int next = 0;

    reader.batch = batch;
    reader.wire = wire;
    reader.from = reader.to = 0;
    for (;;) {
        status = read_line(&reader, &next, &answer);
        if (status != APR_SUCCESS || answer.kind == TIER_MEMCACHE_END)
            break;
        batch->exchange.until = tier_clock_now() + batch->deadline;
        status = read_value(&reader, batch->items[next++], &answer);
        if (status != APR_SUCCESS)
            break;
    }
    return status == APR_SUCCESS && reader.from != reader.to ? wrong(&reader) : status;
}
