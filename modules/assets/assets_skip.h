/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSETS_SKIP_H
#define ASSETS_SKIP_H

#include <apr.h>

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Where the bytes are that mean something in HTML: a window of 64 bytes is looked at in one go, and
 * each further step is a shift and a count of bits. Nothing at or behind end is read. One thread.
 */
#define ASSETS_SKIP_WIDTH 64

typedef struct assets_skip_t {
    const char *base; /* of the window; NULL: none yet */
    const char *end;
    /* A bit for each byte of the window, the first one the lowest. */
    apr_uint64_t open; /* '<' */
    apr_uint64_t stop; /* what may end a name or a value without quotes: up to ' ', '/', '=', '>' */
    apr_uint64_t quote; /* '"' and '\'' */
} assets_skip_t;

#ifdef __SSE2__
/* Adds 16 bytes of the window, whose first is byte i. */
static inline void assets_skip_add(assets_skip_t *skip, const char *bytes, int i)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    __m128i open = _mm_cmpeq_epi8(v, _mm_set1_epi8('<'));
    __m128i stop = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(' ')), v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));

    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('/')));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
    stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('>')));
    quote = _mm_or_si128(quote, _mm_cmpeq_epi8(v, _mm_set1_epi8('\'')));
    skip->open |= (apr_uint64_t)(unsigned)_mm_movemask_epi8(open) << i;
    skip->stop |= (apr_uint64_t)(unsigned)_mm_movemask_epi8(stop) << i;
    skip->quote |= (apr_uint64_t)(unsigned)_mm_movemask_epi8(quote) << i;
}
#else
static inline void assets_skip_add(assets_skip_t *skip, const char *bytes, int i)
{
    for (int j = 0; j < 16; j++) {
        unsigned char c = (unsigned char)bytes[j];

        skip->open |= (apr_uint64_t)(c == '<') << (i + j);
        skip->stop |= (apr_uint64_t)(c <= ' ' || c == '/' || c == '=' || c == '>') << (i + j);
        skip->quote |= (apr_uint64_t)(c == '"' || c == '\'') << (i + j);
    }
}
#endif

/* Moves the window to p, which is before end. */
static inline void assets_skip_move(assets_skip_t *skip, const char *p)
{
    char rest[ASSETS_SKIP_WIDTH];
    apr_size_t size = (apr_size_t)(skip->end - p);

    skip->base = p;
    skip->open = skip->stop = skip->quote = 0;
    if (size < ASSETS_SKIP_WIDTH) {
        memset(rest, 'x', sizeof(rest)); /* means nothing */
        memcpy(rest, p, size);
        p = rest;
    }
    for (int i = 0; i < ASSETS_SKIP_WIDTH; i += 16)
        assets_skip_add(skip, p + i, i);
}

/* Returns 1 when p is in the window. */
static inline int assets_skip_has(const assets_skip_t *skip, const char *p)
{
    return (apr_uintptr_t)p - (apr_uintptr_t)skip->base < ASSETS_SKIP_WIDTH;
}

/* As assets_skip_next, for p outside of the window. Not inline, which keeps the other one short. */
static __attribute__((noinline, unused)) const char *
assets_skip_beyond(assets_skip_t *skip, const char *p, const apr_uint64_t *mask)
{
    for (; p < skip->end; p += ASSETS_SKIP_WIDTH) {
        assets_skip_move(skip, p);
        if (*mask)
            return p + __builtin_ctzll(*mask);
    }
    return NULL;
}

/* Returns the first byte from p on that has a bit in mask, one of skip's; NULL: there is none. */
static inline const char *assets_skip_next(assets_skip_t *skip, const char *p,
                                           const apr_uint64_t *mask)
{
    apr_uint64_t bits;

    if (!assets_skip_has(skip, p))
        return assets_skip_beyond(skip, p, mask);
    bits = *mask >> (p - skip->base);
    if (bits)
        return p + __builtin_ctzll(bits);
    return assets_skip_beyond(skip, skip->base + ASSETS_SKIP_WIDTH, mask);
}

#endif
