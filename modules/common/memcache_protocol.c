/* SPDX-License-Identifier: Apache-2.0 */
#include "memcache_protocol.h"

#include <string.h>

#include "memcache.h"

#define MAX_RELATIVE apr_time_from_sec(60 * 60 * 24 * 30)
#define MAX_ABSOLUTE APR_INT32_MAX /* memcached reads 32 bits with a sign */

int tier_memcache_key_allowed(const char *key, apr_size_t key_size)
{
    if (key_size == 0 || key_size > TIER_MEMCACHE_MAX_KEY)
        return 0;
    for (apr_size_t i = 0; i < key_size; i++) {
        unsigned char byte = (unsigned char)key[i];
        if (byte <= ' ' || byte == 0x7f)
            return 0;
    }
    return 1;
}

/* Reads decimal digits up to limit; moves *from behind them. Returns 0 when there is no such
 * number. */
static int read_number(const char **from, const char *end, apr_uint64_t limit, apr_uint64_t *number)
{
    const char *byte = *from;

    *number = 0;
    for (; byte < end && *byte >= '0' && *byte <= '9'; byte++) {
        *number = *number * 10 + (apr_uint64_t)(*byte - '0');
        if (*number > limit)
            return 0;
    }
    if (byte == *from)
        return 0;
    *from = byte;
    return 1;
}

/* rest: what follows "VALUE ", without the line's end: "<key> <flags> <bytes>". */
static int read_value_line(tier_memcache_answer_t *answer, const char *rest, const char *end,
                           const char *key, apr_size_t key_size)
{
    apr_uint64_t flags, size;

    if ((apr_size_t)(end - rest) <= key_size || memcmp(rest, key, key_size) != 0 ||
        rest[key_size] != ' ')
        return 0;
    rest += key_size + 1;
    if (!read_number(&rest, end, APR_UINT32_MAX, &flags) || rest == end || *rest++ != ' ')
        return 0;
    if (!read_number(&rest, end, TIER_MEMCACHE_MAX_VALUE, &size) || rest != end)
        return 0;
    answer->flags = (apr_uint32_t)flags;
    answer->size = (apr_size_t)size;
    return 1;
}

static int starts_with(const char *line, apr_size_t size, const char *prefix)
{
    apr_size_t length = strlen(prefix);

    return size >= length && memcmp(line, prefix, length) == 0;
}

static tier_memcache_answer_e kind_of(const char *line, apr_size_t size)
{
    static const struct {
        const char *text;
        tier_memcache_answer_e kind;
        int whole; /* 1: nothing may follow text */
    } lines[] = {
        {"VALUE ", TIER_MEMCACHE_VALUE, 0},
        {"END", TIER_MEMCACHE_END, 1},
        {"STORED", TIER_MEMCACHE_STORED, 1},
        {"NOT_STORED", TIER_MEMCACHE_NOT_STORED, 1},
        {"DELETED", TIER_MEMCACHE_DELETED, 1},
        {"NOT_FOUND", TIER_MEMCACHE_NOT_FOUND, 1},
        {"SERVER_ERROR object too large for cache", TIER_MEMCACHE_TOO_LARGE, 0},
        {"SERVER_ERROR out of memory", TIER_MEMCACHE_TOO_LARGE, 0},
        {"SERVER_ERROR Out of memory", TIER_MEMCACHE_TOO_LARGE, 0},
        {"VERSION ", TIER_MEMCACHE_VERSION, 0},
    };

    for (apr_size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (starts_with(line, size, lines[i].text) &&
            (!lines[i].whole || size == strlen(lines[i].text)))
            return lines[i].kind;
    }
    return TIER_MEMCACHE_WRONG;
}

tier_memcache_answer_t tier_memcache_answer_read(const char *data, apr_size_t size, const char *key,
                                                 apr_size_t key_size)
{
    tier_memcache_answer_t answer = {TIER_MEMCACHE_WRONG, 0, 0, 0};
    apr_size_t window = size < TIER_MEMCACHE_MAX_LINE ? size : TIER_MEMCACHE_MAX_LINE;
    const char *newline = memchr(data, '\n', window);

    if (!newline) {
        if (size < TIER_MEMCACHE_MAX_LINE)
            answer.kind = TIER_MEMCACHE_MORE;
        return answer;
    }
    if (newline == data || newline[-1] != '\r')
        return answer;
    answer.kind = kind_of(data, (apr_size_t)(newline - 1 - data));
    if (answer.kind == TIER_MEMCACHE_VALUE &&
        !read_value_line(&answer, data + strlen("VALUE "), newline - 1, key, key_size))
        answer.kind = TIER_MEMCACHE_WRONG;
    if (answer.kind != TIER_MEMCACHE_WRONG)
        answer.line = (apr_size_t)(newline + 1 - data);
    return answer;
}

apr_int64_t tier_memcache_expiry(apr_interval_time_t ttl, apr_time_t now)
{
    apr_int64_t seconds = ttl / APR_USEC_PER_SEC + (ttl % APR_USEC_PER_SEC != 0);
    apr_int64_t date;

    if (ttl <= MAX_RELATIVE)
        return seconds;
    date = apr_time_sec(now) + 1;
    /* Past what memcached can read, for ever is the nearest thing that it can. */
    return seconds > MAX_ABSOLUTE - date ? 0 : date + seconds;
}
