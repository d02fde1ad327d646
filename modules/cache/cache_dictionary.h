/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_DICTIONARY_H
#define CACHE_DICTIONARY_H

#include "cache_text.h"

/*
 * Dictionaries of structured fields (RFC 8941 section 3.2), parsed strictly by the algorithm of
 * section 4.2: one wrong character anywhere makes the whole field invalid. Parameters are checked
 * and left out.
 */
typedef enum {
    CACHE_MEMBER_BOOLEAN,
    CACHE_MEMBER_INTEGER,
    CACHE_MEMBER_STRING,
    CACHE_MEMBER_OTHER /* decimal, token, byte sequence, inner list: valid, and of no use to us */
} cache_member_kind_e;

typedef struct cache_member_t {
    cache_span_t name;
    cache_member_kind_e kind;
    apr_int64_t number; /* INTEGER: its value; BOOLEAN: 0 or 1 */
    const char *text;   /* STRING: its value, from the pool */
} cache_member_t;

typedef void (*cache_member_fn)(void *baton, const cache_member_t *member);

/*
 * Calls each for every member of text (all lines of the field, joined by commas), in order; a name
 * that comes again is called again. Returns the number of members, or -1 when text is not a
 * dictionary: what each was told is then to be forgotten. Any thread.
 */
int cache_dictionary_parse(const char *text, cache_member_fn each, void *baton, apr_pool_t *pool);

#endif
