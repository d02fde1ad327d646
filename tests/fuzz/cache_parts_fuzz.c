/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the bytes of a manifest. They are read as they are, then with a checksum that fits, so
 * that what stands behind it is reached too.
 */
#include "cache_fuzz.h"

#include "cache_checksum.h"
#include "cache_parts.h"

#define LARGEST ((apr_size_t)64 * 1024 * 1024)

static void read_all(const unsigned char *data, apr_size_t size)
{
    char key[CACHE_PARTS_KEY_SIZE];
    cache_parts_t parts;
    apr_size_t sum = 0;

    if (!cache_parts_read(&parts, data, size, LARGEST))
        return;
    for (int i = 0; i < parts.count; i++) {
        apr_size_t part = cache_parts_size_of(parts.size, parts.part_size, i);

        if (part == 0 || part > parts.part_size)
            abort();
        cache_parts_key(key, parts.generation, i);
        if (parts.sums + 4 * i + 4 > data + size)
            abort();
        sum += part;
    }
    if (sum != parts.size || sum > LARGEST)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);

    memcpy(copy, data, size);
    read_all(copy, size);
    if (size >= 8) {
        apr_uint32_t sum = cache_checksum(copy + 8, size - 8);

        for (int i = 0; i < 4; i++)
            copy[4 + i] = (unsigned char)(sum >> 8 * i);
        read_all(copy, size);
    }
    free(copy);
    return 0;
}
