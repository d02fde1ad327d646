/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>
#include <libmemcached/memcached.h>

#include "clock.h"
#include "memcache_batch.h"
#include "memcache_exchange.h"
#include "memcache_line.h"
#include "memcache_resolver.h"
#include "memcache_server.h"

struct tier_memcache_t {
    tier_memcache_options_t options;
    memcached_st *ring; /* only read after create: any thread */
    tier_memcache_resolver_t *resolver;
    tier_memcache_server_t *servers;
    tier_memcache_line_t *lines; /* one a server */
    int count;
};

const char *tier_memcache_check_server(const char *server, apr_pool_t *pool)
{
    tier_memcache_server_t parsed;

    return tier_memcache_server_parse(&parsed, server, pool);
}

static apr_status_t open_wire(tier_memcache_t *memcache, tier_memcache_line_t *line,
                              apr_time_t until, tier_memcache_wire_t **wire)
{
    int index = (int)(line - memcache->lines);
    tier_memcache_addresses_t addresses;
    apr_uint64_t epoch = tier_memcache_line_epoch(line);
    apr_status_t status;

    tier_memcache_resolver_get(memcache->resolver, index, &addresses);
    if (addresses.count == 0)
        return APR_EAGAIN;
    status = tier_memcache_wire_open(wire, &addresses, memcache->options.deadline, until);
    if (status != APR_SUCCESS)
        return status;
    (*wire)->epoch = epoch;
    if ((*wire)->address > 0)
        tier_memcache_resolver_prefer(memcache->resolver, index, &addresses, (*wire)->address);
    return APR_SUCCESS;
}

/*
 * Runs the exchange over a kept connection, or a new one. A kept connection that the server had
 * closed (it was restarted, or closes idle ones) is no failure: the call is made once more, over a
 * new one.
 */
static apr_status_t exchange_over(tier_memcache_t *memcache, tier_memcache_line_t *line,
                                  tier_memcache_exchange_t *exchange)
{
    tier_memcache_wire_t *wire = tier_memcache_line_take(line);
    apr_status_t status = APR_EOF;

    if (wire) {
        wire->blocking = 1;
        status = tier_memcache_exchange_run(exchange, wire);
        if (status != APR_SUCCESS) {
            tier_memcache_wire_close(wire);
            wire = NULL;
        }
    }
    if (status == APR_EOF && !exchange->begun) {
        status = open_wire(memcache, line, exchange->until, &wire);
        if (status != APR_SUCCESS)
            return status;
        status = tier_memcache_exchange_run(exchange, wire);
        if (status != APR_SUCCESS)
            tier_memcache_wire_close(wire);
    }
    if (status == APR_SUCCESS)
        tier_memcache_line_keep(line, wire, tier_clock_now());
    return status;
}

static tier_memcache_line_t *line_of(tier_memcache_t *memcache, const char *key,
                                     apr_size_t key_size)
{
    uint32_t index = 0;

    if (memcache->count > 1)
        index = memcached_generate_hash(memcache->ring, key, key_size);
    return &memcache->lines[index];
}

int tier_memcache_server_of(tier_memcache_t *memcache, const char *key, apr_size_t key_size)
{
    return (int)(line_of(memcache, key, key_size) - memcache->lines);
}

/* APR_SUCCESS: exchange->answer is one of those expected. Else what the header says of get. */
static apr_status_t call(tier_memcache_t *memcache, tier_memcache_exchange_t *exchange)
{
    apr_time_t began;
    tier_memcache_line_t *line;

    if (!tier_memcache_key_allowed(exchange->key, exchange->key_size))
        return APR_EINVAL;
    line = line_of(memcache, exchange->key, exchange->key_size);
    if (!tier_breaker_allows(line->breaker))
        return APR_EAGAIN;
    began = tier_clock_now();
    exchange->until = began + memcache->options.deadline;
    return tier_memcache_line_account(line, exchange, 1, began,
                                      exchange_over(memcache, line, exchange));
}

#define ANSWER(kind) (1u << TIER_MEMCACHE_##kind)

apr_status_t tier_memcache_get(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               char **value, apr_size_t *size, apr_uint32_t *flags,
                               apr_pool_t *pool)
{
    tier_memcache_exchange_t exchange = {
        .verb = "get", .key = key, .key_size = key_size, .pool = pool};
    apr_status_t status;

    exchange.expected = ANSWER(VALUE) | ANSWER(END);
    status = call(memcache, &exchange);
    if (status != APR_SUCCESS)
        return status;
    if (exchange.answer.kind == TIER_MEMCACHE_END)
        return APR_NOTFOUND;
    *value = exchange.got;
    *size = exchange.answer.size;
    *flags = exchange.answer.flags;
    return APR_SUCCESS;
}

/* What is asked of one server. */
typedef struct errand_t {
    tier_memcache_batch_t batch;
    tier_memcache_line_t *line;
    tier_memcache_wire_t *wire;
    int is_kept; /* wire was kept from an earlier call */
    apr_time_t began;
    apr_status_t status;
} errand_t;

/* Sends the command over a kept connection or a new one. */
static void set_out(tier_memcache_t *memcache, errand_t *errand, int may_be_kept, apr_pool_t *pool)
{
    errand->batch.exchange.until = tier_clock_now() + memcache->options.deadline;
    errand->wire = may_be_kept ? tier_memcache_line_take(errand->line) : NULL;
    errand->is_kept = errand->wire != NULL;
    errand->status = APR_SUCCESS;
    if (!errand->wire)
        errand->status =
            open_wire(memcache, errand->line, errand->batch.exchange.until, &errand->wire);
    if (errand->status == APR_SUCCESS) {
        errand->wire->blocking = 0;
        errand->status = tier_memcache_batch_send(&errand->batch, errand->wire, pool);
    }
}

static void come_back(tier_memcache_t *memcache, errand_t *errand)
{
    errand->batch.exchange.until = tier_clock_now() + memcache->options.deadline;
    if (errand->status == APR_SUCCESS)
        errand->status = tier_memcache_batch_receive(&errand->batch, errand->wire);
    if (errand->status == APR_SUCCESS) {
        tier_memcache_line_keep(errand->line, errand->wire, tier_clock_now());
    } else if (errand->wire) {
        tier_memcache_wire_close(errand->wire);
    }
}

static void run_errand(tier_memcache_t *memcache, errand_t *errand, apr_pool_t *pool)
{
    come_back(memcache, errand);
    if (errand->status == APR_EOF && errand->is_kept && !errand->batch.exchange.begun) {
        set_out(memcache, errand, 0, pool);
        come_back(memcache, errand);
    }
    errand->status = tier_memcache_line_account(errand->line, &errand->batch.exchange, 0,
                                                errand->began, errand->status);
    for (int i = 0; i < errand->batch.count && errand->status != APR_SUCCESS; i++) {
        if (errand->batch.items[i]->status == APR_NOTFOUND)
            errand->batch.items[i]->status = errand->status;
    }
}

static void add_to_errand(tier_memcache_t *memcache, errand_t *errand, tier_memcache_item_t *item,
                          int most, apr_pool_t *pool)
{
    tier_memcache_batch_t *batch = &errand->batch;

    if (!batch->items) {
        batch->items = apr_palloc(pool, (apr_size_t)most * sizeof(tier_memcache_item_t *));
        batch->exchange.verb = "get";
        batch->deadline = memcache->options.deadline;
        errand->line = line_of(memcache, item->key, item->key_size);
    }
    batch->items[batch->count++] = item;
}

apr_status_t tier_memcache_get_many(tier_memcache_t *memcache, tier_memcache_item_t *items,
                                    int count, apr_pool_t *pool)
{
    errand_t *errands = apr_pcalloc(pool, (apr_size_t)memcache->count * sizeof(*errands));
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < count; i++) {
        tier_memcache_line_t *line;
        if (!tier_memcache_key_allowed(items[i].key, items[i].key_size))
            return APR_EINVAL;
        line = line_of(memcache, items[i].key, items[i].key_size);
        items[i].status = tier_breaker_allows(line->breaker) ? APR_NOTFOUND : APR_EAGAIN;
        if (items[i].status == APR_EAGAIN)
            status = APR_EAGAIN;
        else
            add_to_errand(memcache, &errands[line - memcache->lines], &items[i], count, pool);
    }
    for (int i = 0; i < memcache->count; i++) {
        errands[i].began = tier_clock_now();
        if (errands[i].line)
            set_out(memcache, &errands[i], 1, pool);
    }
    for (int i = 0; i < memcache->count; i++) {
        if (errands[i].line)
            run_errand(memcache, &errands[i], pool);
        if (status == APR_SUCCESS)
            status = errands[i].status;
    }
    return status;
}

static apr_status_t store(tier_memcache_t *memcache, tier_memcache_exchange_t *exchange,
                          apr_interval_time_t ttl)
{
    apr_status_t status;

    if (ttl < 0)
        return APR_EINVAL;
    if (exchange->size > TIER_MEMCACHE_MAX_VALUE)
        return APR_ENOSPC;
    if (!exchange->value)
        exchange->value = "";
    exchange->expiry = tier_memcache_expiry(ttl, apr_time_now());
    status = call(memcache, exchange);
    if (status != APR_SUCCESS)
        return status;
    if (exchange->answer.kind == TIER_MEMCACHE_TOO_LARGE)
        return APR_ENOSPC;
    return exchange->answer.kind == TIER_MEMCACHE_NOT_STORED ? APR_EEXIST : APR_SUCCESS;
}

apr_status_t tier_memcache_set(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               const char *value, apr_size_t size, apr_interval_time_t ttl,
                               apr_uint32_t flags)
{
    tier_memcache_exchange_t exchange = {.verb = "set",
                                         .key = key,
                                         .key_size = key_size,
                                         .value = value,
                                         .size = size,
                                         .flags = flags};

    exchange.expected = ANSWER(STORED) | ANSWER(TOO_LARGE);
    return store(memcache, &exchange, ttl);
}

apr_status_t tier_memcache_add(tier_memcache_t *memcache, const char *key, apr_size_t key_size,
                               const char *value, apr_size_t size, apr_interval_time_t ttl,
                               apr_uint32_t flags)
{
    tier_memcache_exchange_t exchange = {.verb = "add",
                                         .key = key,
                                         .key_size = key_size,
                                         .value = value,
                                         .size = size,
                                         .flags = flags};

    exchange.expected = ANSWER(STORED) | ANSWER(NOT_STORED) | ANSWER(TOO_LARGE);
    return store(memcache, &exchange, ttl);
}

apr_status_t tier_memcache_delete(tier_memcache_t *memcache, const char *key, apr_size_t key_size)
{
    tier_memcache_exchange_t exchange = {.verb = "delete", .key = key, .key_size = key_size};
    apr_status_t status;

    exchange.expected = ANSWER(DELETED) | ANSWER(NOT_FOUND);
    status = call(memcache, &exchange);
    if (status != APR_SUCCESS)
        return status;
    return exchange.answer.kind == TIER_MEMCACHE_NOT_FOUND ? APR_NOTFOUND : APR_SUCCESS;
}

static apr_status_t free_ring(void *ring)
{
    memcached_free(ring);
    return APR_SUCCESS;
}

/* An IPv6 address has its brackets in the ring, as every other user of libmemcached spells it. */
static apr_status_t add_to_ring(memcached_st *ring, const tier_memcache_server_t *server,
                                apr_pool_t *pool)
{
    const char *host = server->host;
    memcached_return_t result;

    if (host && strchr(host, ':'))
        host = apr_psprintf(pool, "[%s]", host);
    result = host ? memcached_server_add(ring, host, server->port)
                  : memcached_server_add_unix_socket(ring, server->path);
    return memcached_success(result) ? APR_SUCCESS : APR_ENOMEM;
}

static apr_status_t create_ring(tier_memcache_t *memcache, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;

    memcache->ring = memcached_create(NULL);
    if (!memcache->ring)
        return APR_ENOMEM;
    apr_pool_cleanup_register(pool, memcache->ring, free_ring, apr_pool_cleanup_null);
    for (int i = 0; i < memcache->count && status == APR_SUCCESS; i++)
        status = add_to_ring(memcache->ring, &memcache->servers[i], pool);
    /* Last: each server that is added to a ketama ring makes all of it anew. */
    if (status == APR_SUCCESS && memcached_failed(memcached_behavior_set(
                                     memcache->ring, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1)))
        return APR_EGENERAL;
    return status;
}

static apr_status_t create_lines(tier_memcache_t *memcache, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;

    memcache->lines = apr_pcalloc(pool, (apr_size_t)memcache->count * sizeof(tier_memcache_line_t));
    for (int i = 0; i < memcache->count && status == APR_SUCCESS; i++) {
        status = tier_memcache_line_init(&memcache->lines[i], &memcache->servers[i],
                                         &memcache->options.breakers[i], &memcache->options, pool);
    }
    return status;
}

/* A server without an address is left out from the start, and said to be. */
static void open_unknown(tier_memcache_t *memcache)
{
    tier_memcache_addresses_t addresses;
    apr_time_t now = tier_clock_now();

    for (int i = 0; i < memcache->count; i++) {
        tier_memcache_line_t *line = &memcache->lines[i];
        tier_memcache_resolver_get(memcache->resolver, i, &addresses);
        if (addresses.count == 0 && tier_breaker_failure(line->breaker, 1, now, now))
            tier_memcache_server_tell(line->server.name, line->breaker, now, 0,
                                      "its name cannot be resolved", memcache->options.log);
    }
}

apr_status_t tier_memcache_create(tier_memcache_t **memcache,
                                  const tier_memcache_options_t *options, apr_pool_t *pool)
{
    tier_memcache_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_status_t status;

    status = tier_memcache_server_options(&made->options, &made->servers, options, pool);
    if (status != APR_SUCCESS)
        return status;
    made->count = options->servers->nelts;
    status = create_ring(made, pool);
    if (status == APR_SUCCESS)
        status = create_lines(made, pool);
    if (status == APR_SUCCESS)
        status = tier_memcache_resolver_create(&made->resolver, made->servers, options->breakers,
                                               made->count, pool);
    if (status != APR_SUCCESS)
        return status;
    tier_memcache_resolver_wait(made->resolver, TIER_MEMCACHE_RESOLVE_WAIT);
    open_unknown(made);
    *memcache = made;
    return APR_SUCCESS;
}
