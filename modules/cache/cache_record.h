/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_RECORD_H
#define CACHE_RECORD_H

#include <apr_tables.h>

#include "cache_freshness.h"

/*
 * What a store holds: a head and a body in one piece of memory, the same bytes on every host
 * (little end first).
 *
 *   offset size
 *    0      4   "WTC" and the version of the form
 *    4      4   checksum of the head from offset 8 on
 *    8      4   size of the head: where the body starts
 *   12      4   checksum of the body
 *   16      8   size of the body
 *   24      2   kind; 26 2 status; 28 4 flags of cache_life_t
 *   32      8   received; 40 8 initial age (microseconds)
 *   48      8   lifetime; 56 8 stale-while-revalidate; 64 8 stale-if-error (seconds)
 *   72      8   generation
 *   80      4   number of fields; 84 4 zero
 *   88          texts: the key, the status line, the tags, then name and value of each field
 *
 * A text is its length in four bytes, so many bytes, a zero. Numbers that a later form adds change
 * the version: a record of another version is a miss. Any thread.
 */
#define CACHE_RECORD_VERSION    2
#define CACHE_RECORD_FIXED_SIZE 88

typedef enum {
    CACHE_RECORD_RESPONSE = 1, /* status, fields, body */
    CACHE_RECORD_VARIANTS = 2  /* body: the sets of names to look for variants by (cache_vary.h) */
} cache_record_kind_e;

/* A plain value; what it points to belongs to the bytes it was read from. */
typedef struct cache_record_t {
    cache_record_kind_e kind;
    int status;
    cache_life_t life;
    apr_uint64_t generation; /* VARIANTS: those of an earlier list cannot be found any more */
    const char *key;
    const char *status_line; /* "200 OK" */
    const char *tags;        /* cache_tags_text; NULL, when it is written: "" */
    apr_uint32_t field_count;
    const unsigned char *fields; /* private: the first field */
    const unsigned char *body;
    apr_size_t body_size;
} cache_record_t;

/* Returns the size of the head that cache_record_write_head would write. headers may be NULL. */
apr_size_t cache_record_head_size(const cache_record_t *record, const apr_table_t *headers);

/*
 * Writes the head (kind to status_line of record, and headers) into so many bytes at out; body and
 * checksums are not known yet.
 */
void cache_record_write_head(unsigned char *out, const cache_record_t *record,
                             const apr_table_t *headers);

/* Sets the lifetime (seconds) of the record at data, which is one. */
void cache_record_set_lifetime(unsigned char *data, apr_int64_t lifetime);

/*
 * How much of a record is checked: everything where it came over a network from memory that others
 * can write to; no checksums and no characters where it was made here and nobody else could write.
 */
typedef enum { CACHE_RECORD_UNTRUSTED, CACHE_RECORD_TRUSTED } cache_record_trust_e;

/*
 * Makes the size bytes at data, a written head and the body behind it, a valid record: for whoever
 * checks as trust says. Where nobody checks a sum there is none.
 */
void cache_record_seal(unsigned char *data, apr_size_t size, cache_record_trust_e trust);

/*
 * Reads a record out of size bytes, which must stay as long as record is used. Returns 1, or 0 when
 * anything about them is wrong: an older or newer version, cut, lengthened, a wrong checksum,
 * lengths that do not add up, a field that could not be sent. The bytes may be anything.
 */
int cache_record_parse(cache_record_t *record, const unsigned char *data, apr_size_t size,
                       cache_record_trust_e trust);

/*
 * Returns the size of the head of a record of size bytes, of which CACHE_RECORD_FIXED_SIZE are at
 * data; 0 when it is none.
 */
apr_size_t cache_record_head_of(const unsigned char *data, apr_size_t size);

/* Adds the fields to headers; names and values point into the record's bytes. */
void cache_record_add_fields(const cache_record_t *record, apr_table_t *headers);

#endif
