/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a memcached server may send: the first byte chooses the command (a: add, d: delete, else
 * get), the rest is the server's answer, read through a socket as in a call. A value that is
 * believed must be, byte for byte, what the answer says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_general.h>

#include "clock.h"
#include "memcache_exchange.h"

#define KEY        "key"
#define MAX_ANSWER 60000 /* fits into the socket's buffer */

/* assert() would be gone in a release build. */
static void check(int holds)
{
    if (!holds)
        abort();
}

/* However the answer is cut, the first verdict is the last. */
static void check_verdicts(const char *data, size_t size)
{
    tier_memcache_answer_t first = {TIER_MEMCACHE_MORE, 0, 0, 0};

    for (size_t cut = 0; cut <= size && cut <= TIER_MEMCACHE_MAX_LINE + 8; cut++) {
        /* Of the exact size, so that a sanitizer sees a read past it. */
        char *piece = malloc(cut ? cut : 1);
        tier_memcache_answer_t answer;

        memcpy(piece, data, cut);
        answer = tier_memcache_answer_read(piece, cut, KEY, strlen(KEY));
        free(piece);
        check(
            first.kind == TIER_MEMCACHE_MORE ||
            (first.kind == answer.kind && first.line == answer.line && first.size == answer.size));
        first = answer;
    }
}

static void check_result(const tier_memcache_exchange_t *exchange, const char *data, size_t size)
{
    const tier_memcache_answer_t *answer = &exchange->answer;

    check(exchange->expected & 1u << answer->kind);
    check(answer->line >= strlen("END\r\n") && answer->line <= size);
    check(memcmp(data + answer->line - 2, "\r\n", 2) == 0);
    if (answer->kind != TIER_MEMCACHE_VALUE) {
        check(answer->line == size);
        return;
    }
    check(memcmp(data, "VALUE " KEY " ", strlen("VALUE " KEY " ")) == 0);
    check(size >= answer->line + answer->size + TIER_MEMCACHE_TAIL_SIZE);
    check(memcmp(exchange->got, data + answer->line, answer->size) == 0);
    check(memcmp(data + answer->line + answer->size, TIER_MEMCACHE_TAIL, TIER_MEMCACHE_TAIL_SIZE) ==
          0);
}

#define ANSWER(kind) (1u << TIER_MEMCACHE_##kind)

static void set_command(tier_memcache_exchange_t *exchange, uint8_t choice)
{
    exchange->key = KEY;
    exchange->key_size = strlen(KEY);
    exchange->until = tier_clock_now() + apr_time_from_sec(30);
    if (choice == 'a') {
        exchange->verb = "add";
        exchange->value = "value";
        exchange->size = strlen(exchange->value);
        exchange->expected = ANSWER(STORED) | ANSWER(NOT_STORED) | ANSWER(TOO_LARGE);
    } else if (choice == 'd') {
        exchange->verb = "delete";
        exchange->expected = ANSWER(DELETED) | ANSWER(NOT_FOUND);
    } else {
        exchange->verb = "get";
        exchange->expected = ANSWER(VALUE) | ANSWER(END);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    tier_memcache_exchange_t exchange = {0};
    tier_memcache_wire_t wire = {0};
    const char *data = (const char *)input + 1;
    size_t size = input_size - 1;
    int ends[2];

    if (input_size < 1 || input_size > MAX_ANSWER || apr_initialize() != APR_SUCCESS)
        return 0;
    check_verdicts(data, size);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        set_command(&exchange, input[0]);
        apr_pool_create(&exchange.pool, NULL);
        wire.fd = ends[0];
        if (send(ends[1], data, size, 0) == (ssize_t)size && shutdown(ends[1], SHUT_WR) == 0 &&
            tier_memcache_exchange_run(&exchange, &wire) == APR_SUCCESS)
            check_result(&exchange, data, size);
        apr_pool_destroy(exchange.pool);
        close(ends[0]);
        close(ends[1]);
    }
    apr_terminate();
    return 0;
}
