/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_parts.h"
#include "cache_checksum.h"

#include <string.h>

enum {
    AT_SUM = 4,
    AT_GENERATION = 8,
    AT_SIZE = 24,
    AT_PART_SIZE = 32,
    AT_COUNT = 36,
    AT_SUMS = 40
};

static const unsigned char magic[4] = {'W', 'T', 'M', 1};

static void set(unsigned char *out, apr_uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = (unsigned char)(number >> 8 * i);
}

static apr_uint64_t get(const unsigned char *data, int size)
{
    apr_uint64_t number = 0;

    for (int i = 0; i < size; i++)
        number |= (apr_uint64_t)data[i] << 8 * i;
    return number;
}

static apr_size_t count_of(apr_size_t size, apr_size_t part_size)
{
    return size / part_size + (size % part_size != 0);
}

apr_size_t cache_parts_size_of(apr_size_t size, apr_size_t part_size, int number)
{
    apr_size_t left = size - (apr_size_t)number * part_size;

    return left < part_size ? left : part_size;
}

apr_size_t cache_parts_write(unsigned char *out, const unsigned char *generation,
                             const unsigned char *data, apr_size_t size, apr_size_t part_size)
{
    int count = (int)count_of(size, part_size);
    apr_size_t written = AT_SUMS + 4 * (apr_size_t)count;

    memcpy(out, magic, sizeof(magic));
    memcpy(out + AT_GENERATION, generation, CACHE_PARTS_GENERATION_SIZE);
    set(out + AT_SIZE, size, 8);
    set(out + AT_PART_SIZE, part_size, 4);
    set(out + AT_COUNT, (apr_uint64_t)count, 4);
    for (int i = 0; i < count; i++)
        set(out + AT_SUMS + 4 * i,
            cache_checksum(data + (apr_size_t)i * part_size,
                           cache_parts_size_of(size, part_size, i)),
            4);
    set(out + AT_SUM, cache_checksum(out + 8, written - 8), 4);
    return written;
}

int cache_parts_read(cache_parts_t *parts, const unsigned char *data, apr_size_t size,
                     apr_size_t largest)
{
    if (size < AT_SUMS || memcmp(data, magic, sizeof(magic)) != 0 ||
        cache_checksum(data + 8, size - 8) != get(data + AT_SUM, 4))
        return 0;
    parts->generation = data + AT_GENERATION;
    parts->sums = data + AT_SUMS;
    parts->size = (apr_size_t)get(data + AT_SIZE, 8);
    parts->part_size = (apr_size_t)get(data + AT_PART_SIZE, 4);
    parts->count = (int)get(data + AT_COUNT, 4);
    if (parts->count < 2 || parts->count > CACHE_PARTS_MOST ||
        size != AT_SUMS + 4 * (apr_size_t)parts->count)
        return 0;
    return parts->size <= largest && parts->part_size > 0 &&
           count_of(parts->size, parts->part_size) == (apr_size_t)parts->count;
}

void cache_parts_key(char key[CACHE_PARTS_KEY_SIZE], const unsigned char *generation, int number)
{
    static const char digits[] = "0123456789abcdef";
    char *out = key + 5;

    memcpy(key, "wtp1-", 5);
    for (int i = 0; i < CACHE_PARTS_GENERATION_SIZE; i++) {
        *out++ = digits[generation[i] >> 4];
        *out++ = digits[generation[i] & 15];
    }
    *out++ = '-';
    *out++ = digits[number >> 4 & 15];
    *out = digits[number & 15];
}

int cache_parts_is_right(const cache_parts_t *parts, int number, const unsigned char *data)
{
    return cache_checksum(data, cache_parts_size_of(parts->size, parts->part_size, number)) ==
           get(parts->sums + 4 * number, 4);
}
