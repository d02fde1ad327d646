/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_CHECKSUM_H
#define CACHE_CHECKSUM_H

#include <apr.h>

/*
 * Returns the checksum of size bytes: CRC-32C (Castagnoli, RFC 3720 appendix B.4) in four
 * interleaved lanes, 32-byte block by block, with the lanes' results and the rest of the bytes run
 * through a fifth. Four lanes keep the processor's crc32 instruction busy, which makes it several
 * times as fast as one; without SSE 4.2 a table gives the same result. Finds what memory, networks
 * and half-written items do to a record; it is no protection against forgery. Any thread.
 */
apr_uint32_t cache_checksum(const unsigned char *data, apr_size_t size);

/* The same without the processor's instruction: what tests compare with. */
apr_uint32_t cache_checksum_portable(const unsigned char *data, apr_size_t size);

#endif
