/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_checksum.h"

#include <string.h>

#define LANES 4
#define BLOCK (LANES * 8)

/* CRC-32C of the sixteen values of half a byte, reflected polynomial 0x82f63b78. */
static const apr_uint32_t half_byte[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

static apr_uint32_t byte_step(apr_uint32_t crc, unsigned char byte)
{
    crc ^= byte;
    crc = half_byte[crc & 15] ^ (crc >> 4);
    return half_byte[crc & 15] ^ (crc >> 4);
}

static apr_uint32_t bytes_step(apr_uint32_t crc, const unsigned char *data, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        crc = byte_step(crc, data[i]);
    return crc;
}

/* The last lane: the four results, little end first, then what did not fill a block. */
static apr_uint32_t finish(const apr_uint32_t lane[LANES], const unsigned char *rest,
                           apr_size_t size)
{
    apr_uint32_t crc = 0xffffffff;

    for (int i = 0; i < LANES; i++) {
        for (int shift = 0; shift < 32; shift += 8)
            crc = byte_step(crc, (unsigned char)(lane[i] >> shift));
    }
    return ~bytes_step(crc, rest, size);
}

apr_uint32_t cache_checksum_portable(const unsigned char *data, apr_size_t size)
{
    apr_uint32_t lane[LANES] = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};

    for (; size >= BLOCK; data += BLOCK, size -= BLOCK) {
        for (int i = 0; i < LANES; i++)
            lane[i] = bytes_step(lane[i], data + 8 * i, 8);
    }
    return finish(lane, data, size);
}

#if defined(__x86_64__) && defined(__GNUC__)
/* As finish. */
__attribute__((target("sse4.2"))) static apr_uint32_t
finish_with_instruction(const apr_uint64_t lane[LANES], const unsigned char *rest, apr_size_t size)
{
    apr_uint32_t crc = 0xffffffff;

    for (int i = 0; i < LANES; i++)
        crc = __builtin_ia32_crc32si(crc, (apr_uint32_t)lane[i]);
    for (apr_size_t i = 0; i < size; i++)
        crc = __builtin_ia32_crc32qi(crc, rest[i]);
    return ~crc;
}

__attribute__((target("sse4.2"))) static apr_uint32_t with_instruction(const unsigned char *data,
                                                                       apr_size_t size)
{
    apr_uint64_t lane[LANES] = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
    apr_uint64_t word[LANES];

    for (; size >= BLOCK; data += BLOCK, size -= BLOCK) {
        memcpy(word, data, BLOCK);
        lane[0] = __builtin_ia32_crc32di(lane[0], word[0]);
        lane[1] = __builtin_ia32_crc32di(lane[1], word[1]);
        lane[2] = __builtin_ia32_crc32di(lane[2], word[2]);
        lane[3] = __builtin_ia32_crc32di(lane[3], word[3]);
    }
    return finish_with_instruction(lane, data, size);
}

apr_uint32_t cache_checksum(const unsigned char *data, apr_size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? with_instruction(data, size)
                                            : cache_checksum_portable(data, size);
}
#else
apr_uint32_t cache_checksum(const unsigned char *data, apr_size_t size)
{
    return cache_checksum_portable(data, size);
}
#endif
