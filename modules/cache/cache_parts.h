/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_PARTS_H
#define CACHE_PARTS_H

#include <apr.h>

/*
 * Records that are larger than an item of memcached may be: cut into parts, each an item of its
 * own, and a manifest in the place of the record. The parts' keys are made from a random generation
 * of the manifest, so that parts of two writers, or of two versions, never mix.
 *
 *   offset size (little end first)
 *    0      4   "WTM" and the version of the form
 *    4      4   checksum from offset 8 on
 *    8     16   generation
 *   24      8   size of the record
 *   32      4   size of a part (the last may be shorter); 36 4 number of parts
 *   40          checksum of each part, four bytes each
 *
 * Pure. Any thread.
 */
#define CACHE_PARTS_GENERATION_SIZE 16
#define CACHE_PARTS_MOST            66 /* parts of a record */
#define CACHE_PARTS_KEY_SIZE        40 /* "wtp1-", the generation, '-', two digits; no zero */
#define CACHE_PARTS_LONGEST         (40 + 4 * CACHE_PARTS_MOST) /* of a manifest */

/* A manifest that was read: points into its bytes. */
typedef struct cache_parts_t {
    const unsigned char *generation;
    const unsigned char *sums;
    apr_size_t size;
    apr_size_t part_size;
    int count;
} cache_parts_t;

/*
 * Writes the manifest of size bytes at data, cut into parts of part_size, 2 to CACHE_PARTS_MOST of
 * them, into out (CACHE_PARTS_LONGEST bytes). Returns its size.
 */
apr_size_t cache_parts_write(unsigned char *out, const unsigned char *generation,
                             const unsigned char *data, apr_size_t size, apr_size_t part_size);

/*
 * Reads a manifest. Returns 1, or 0 when the bytes, which may be anything, are none, or are of a
 * record of more than largest bytes.
 */
int cache_parts_read(cache_parts_t *parts, const unsigned char *data, apr_size_t size,
                     apr_size_t largest);

/* Returns the size of part number (from 0) of size bytes cut into parts of part_size. */
apr_size_t cache_parts_size_of(apr_size_t size, apr_size_t part_size, int number);

/* Writes the key of part number. */
void cache_parts_key(char key[CACHE_PARTS_KEY_SIZE], const unsigned char *generation, int number);

/* Returns 1 when the bytes at data, as many as it has, are part number. */
int cache_parts_is_right(const cache_parts_t *parts, int number, const unsigned char *data);

#endif
