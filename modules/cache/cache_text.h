/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CACHE_TEXT_H
#define CACHE_TEXT_H

#include <apr_pools.h>
#include <apr_tables.h>

#include <strings.h>

/*
 * The lexical ground of RFC 9110 section 5.6 that every field parser here stands on. All functions
 * are pure; any thread.
 */

/* A piece of a field value; not terminated, owned by whoever owns the value. */
typedef struct cache_span_t {
    const char *data;
    apr_size_t size;
} cache_span_t;

/* The span of a literal, where a constant is wanted. */
#define CACHE_TEXT_SPAN(literal)                                                                   \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* delta-seconds end here: RFC 9111 section 1.2.2. */
#define CACHE_DELTA_MAX APR_INT64_C(2147483648)

/* Returns the span of all of text, without its NUL; it lives as long as text. */
cache_span_t cache_text_span(const char *text);

/* Returns 1 for a DIGIT, in any locale. */
static inline int cache_text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns 1 when span is a token (5.6.2): not empty and nothing but tchar. */
int cache_text_is_token(cache_span_t span);

/* Returns 1 for a field value that may be sent: no control characters but the tab. */
int cache_text_is_value(cache_span_t span);

/* Returns span without the optional white space (spaces and tabs) at both ends. */
cache_span_t cache_text_trim(cache_span_t span);

/*
 * Returns the value of the next line of name's in fields, from *at on, which is 0 to begin with;
 * NULL: there are no more. fields may not be changed meanwhile.
 */
const char *cache_text_line(const apr_table_t *fields, const char *name, int *at);

/* Returns 1 when both are the same but for case. */
static inline int cache_text_equals(cache_span_t one, cache_span_t other)
{
    return one.size == other.size && strncasecmp(one.data, other.data, one.size) == 0;
}

/* Returns 1 when span is word, whatever the case. word is a constant in lower case. */
int cache_text_is(cache_span_t span, const char *word);

/*
 * Sets *element to the next non-empty element of a comma-separated list, trimmed, and moves *cursor
 * (a terminated string) behind it. A comma in a quoted string does not separate; a quote that is
 * never closed is an ordinary character, so that what stands behind it is still seen. Returns 0 at
 * the end.
 */
int cache_text_next(const char **cursor, cache_span_t *element);

/* Returns the value of 1*DIGIT, at most CACHE_DELTA_MAX, or -1 when span is anything else. */
apr_int64_t cache_text_delta(cache_span_t span);

/* Writes number at out, in decimal and not terminated, in at most 20 bytes. Returns its end. */
char *cache_text_put_number(char *out, apr_int64_t number);

/* Returns a copy of span from pool in lower case, terminated. */
char *cache_text_lower(cache_span_t span, apr_pool_t *pool);

/*
 * Returns what a quoted string (with its quotes) means, escapes resolved, from pool; NULL when span
 * is not one.
 */
const char *cache_text_unquote(cache_span_t span, apr_pool_t *pool);

/*
 * Returns 1 when the comma-separated list (of tokens, any case) has word in it. list may be NULL.
 */
int cache_text_list_has(const char *list, const char *word);

#endif
