/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_exchange.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "clock.h"
#include "memcache.h"

/* Most answers come whole in the first read. */
#define FIRST_READ 16384

/* Larger values are malloc'd: httpd aborts when a pool gets no memory, and a server may say any
 * length. */
#define POOL_VALUE ((apr_size_t)1024 * 1024)

/* Writes "verb key"; returns its size. Without printf: this is most of what a get costs here. */
static apr_size_t write_verb_and_key(char *line, const tier_memcache_exchange_t *exchange)
{
    apr_size_t verb = strlen(exchange->verb);

    memcpy(line, exchange->verb, verb);
    line[verb] = ' ';
    memcpy(line + verb + 1, exchange->key, exchange->key_size);
    return verb + 1 + exchange->key_size;
}

static apr_status_t send_command(tier_memcache_exchange_t *exchange, tier_memcache_wire_t *wire)
{
    char line[TIER_MEMCACHE_MAX_KEY + 80];
    struct iovec parts[3];
    int stores = exchange->value != NULL;
    apr_size_t size = write_verb_and_key(line, exchange);

    if (stores) {
        size += (apr_size_t)apr_snprintf(line + size, sizeof(line) - size,
                                         " %u %" APR_INT64_T_FMT " %" APR_SIZE_T_FMT "\r\n",
                                         exchange->flags, exchange->expiry, exchange->size);
    } else {
        memcpy(line + size, "\r\n", 2);
        size += 2;
    }
    parts[0] = (struct iovec){line, (size_t)size};
    parts[1] = (struct iovec){(void *)(apr_uintptr_t)exchange->value, exchange->size};
    parts[2] = (struct iovec){(void *)(apr_uintptr_t) "\r\n", 2};
    return tier_memcache_wire_send(wire, parts, stores ? 3 : 1, exchange->until);
}

/*
 * An answer that is not complete when the time is up ends here, although more of it may have come:
 * else a server that sends without end would never be left. One that came whole counts, however
 * late this thread ran.
 */
static apr_status_t read_more(tier_memcache_exchange_t *exchange, tier_memcache_wire_t *wire,
                              char *data, apr_size_t size, apr_size_t *have)
{
    apr_size_t received;
    apr_status_t status;

    if (exchange->begun && tier_clock_now() >= exchange->until)
        return APR_TIMEUP;
    status = tier_memcache_wire_receive(wire, data, size, &received, exchange->until);
    if (status == APR_SUCCESS) {
        exchange->begun = 1;
        *have += received;
    }
    return status;
}

apr_status_t tier_memcache_exchange_wrong(tier_memcache_exchange_t *exchange, const char *data,
                                          apr_size_t size)
{
    apr_size_t limit = size < sizeof(exchange->said) ? size : sizeof(exchange->said) - 1, i;

    for (i = 0; i < limit && data[i] != '\r' && data[i] != '\n'; i++) {
        int plain = apr_isascii(data[i]) && apr_isprint(data[i]) && data[i] != '"';
        exchange->said[i] = '?';
        if (plain)
            exchange->said[i] = data[i];
    }
    exchange->said[i] = '\0';
    return APR_EGENERAL;
}

static apr_status_t free_value(void *value)
{
    free(*(char **)value);
    return APR_SUCCESS;
}

static char *allocate_value(apr_size_t size, apr_pool_t *pool)
{
    char **value;

    if (size <= POOL_VALUE)
        return apr_palloc(pool, size);
    value = apr_palloc(pool, sizeof(*value));
    *value = malloc(size);
    apr_pool_cleanup_register(pool, value, free_value, apr_pool_cleanup_null);
    return *value;
}

/* data: what has come of the value and its tail already. The rest is received where it stays. */
static apr_status_t read_value(tier_memcache_exchange_t *exchange, tier_memcache_wire_t *wire,
                               const char *data, apr_size_t have)
{
    apr_size_t size = exchange->answer.size;
    apr_size_t whole = size + TIER_MEMCACHE_TAIL_SIZE;
    apr_status_t status = APR_SUCCESS;

    if (have > whole)
        return tier_memcache_exchange_wrong(exchange, data + whole, have - whole);
    exchange->got = allocate_value(whole, exchange->pool);
    if (!exchange->got)
        return APR_ENOMEM;
    memcpy(exchange->got, data, have);
    while (have < whole && status == APR_SUCCESS)
        status = read_more(exchange, wire, exchange->got + have, whole - have, &have);
    if (status == APR_SUCCESS &&
        memcmp(exchange->got + size, TIER_MEMCACHE_TAIL, TIER_MEMCACHE_TAIL_SIZE) != 0)
        return tier_memcache_exchange_wrong(exchange, exchange->got + size,
                                            TIER_MEMCACHE_TAIL_SIZE);
    return status;
}

static apr_status_t read_answer(tier_memcache_exchange_t *exchange, tier_memcache_wire_t *wire)
{
    char data[FIRST_READ];
    apr_size_t have = 0, line;
    apr_status_t status;

    do {
        status = read_more(exchange, wire, data + have, sizeof(data) - have, &have);
        if (status != APR_SUCCESS)
            return status;
        exchange->answer = tier_memcache_answer_read(data, have, exchange->key, exchange->key_size);
    } while (exchange->answer.kind == TIER_MEMCACHE_MORE);

    line = exchange->answer.line;
    if (!(exchange->expected & 1u << exchange->answer.kind))
        return tier_memcache_exchange_wrong(exchange, data, have);
    if (exchange->answer.kind == TIER_MEMCACHE_VALUE)
        return read_value(exchange, wire, data + line, have - line);
    return have == line ? APR_SUCCESS
                        : tier_memcache_exchange_wrong(exchange, data + line, have - line);
}

apr_status_t tier_memcache_exchange_run(tier_memcache_exchange_t *exchange,
                                        tier_memcache_wire_t *wire)
{
    apr_status_t status;

    exchange->begun = 0;
    exchange->said[0] = '\0';
    status = send_command(exchange, wire);
    return status == APR_SUCCESS ? read_answer(exchange, wire) : status;
}
