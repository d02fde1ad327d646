/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_accept.h"

#include "assets_text.h"

#include <apr_lib.h>

#include <string.h>

const char *assets_accept_name(assets_coding_e coding)
{
    static const char *const names[] = {"br", "zstd", "gzip", "identity"};

    return names[coding];
}

const char *assets_accept_suffix(assets_coding_e coding)
{
    static const char *const suffixes[] = {".br", ".zst", ".gz", ""};

    return suffixes[coding];
}

/* Reads a qvalue: 0 or 1 with up to three decimals. Returns thousandths, -1: it is none. */
static int read_weight(const char *text, apr_size_t size)
{
    int weight, unit = 100;

    if (size == 0 || (text[0] != '0' && text[0] != '1') || (size > 1 && text[1] != '.') || size > 5)
        return -1;
    weight = (text[0] - '0') * 1000;
    for (apr_size_t i = 2; i < size; i++, unit /= 10) {
        if (!apr_isdigit(text[i]))
            return -1;
        weight += (text[i] - '0') * unit;
    }
    return weight <= 1000 ? weight : -1;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && assets_text_is_space(*p))
        p++;
    return p;
}

static apr_size_t trimmed(const char *p, const char *end)
{
    while (end > p && assets_text_is_space(end[-1]))
        end--;
    return (apr_size_t)(end - p);
}

/* Returns the weight of a member whose parameters are these. */
static int weight_of(const char *p, const char *end)
{
    p = skip_space(p, end);
    if (p == end)
        return 1000;
    p = skip_space(p + 1, end); /* ';' */
    if (end - p < 2 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=')
        return -1;
    return read_weight(p + 2, trimmed(p + 2, end));
}

static void take_member(int weights[ASSETS_CODINGS + 1], int *others, const char *p,
                        const char *end)
{
    const char *semicolon = memchr(p, ';', (apr_size_t)(end - p));
    apr_size_t size = trimmed(p, semicolon ? semicolon : end);
    int weight = weight_of(semicolon ? semicolon : end, end);

    if (weight < 0)
        return;
    if (size == 1 && *p == '*') {
        *others = weight;
    } else if (assets_text_is(p, size, "x-gzip")) {
        weights[ASSETS_CODING_GZIP] = weight;
    } else {
        int i = 0;

        while (i <= ASSETS_CODINGS &&
               !assets_text_is(p, size, assets_accept_name((assets_coding_e)i)))
            i++;
        if (i <= ASSETS_CODINGS)
            weights[i] = weight;
    }
}

void assets_accept_read(int weights[ASSETS_CODINGS + 1], const char *header)
{
    int others = -1;

    for (int i = 0; i <= ASSETS_CODINGS; i++)
        weights[i] = -1;
    while (header && *header) {
        const char *end = header + strcspn(header, ",");
        const char *member = skip_space(header, end);

        if (member < end)
            take_member(weights, &others, member, end);
        header = *end ? end + 1 : end;
    }
    for (int i = 0; i < ASSETS_CODINGS; i++) {
        if (weights[i] < 0)
            weights[i] = others > 0 ? others : 0;
    }
    if (weights[ASSETS_CODING_NONE] < 0)
        weights[ASSETS_CODING_NONE] = others == 0 ? 0 : 1;
}

assets_coding_e assets_accept_best(const int weights[ASSETS_CODINGS + 1],
                                   const assets_coding_e *order, int count, unsigned not_yet)
{
    assets_coding_e best = ASSETS_CODING_NONE;

    for (int i = 0; i < count; i++) {
        int is_better = best == ASSETS_CODING_NONE ? weights[order[i]] >= weights[best]
                                                   : weights[order[i]] > weights[best];

        if ((not_yet >> order[i] & 1) && weights[order[i]] > 0 && is_better)
            best = order[i];
    }
    return best;
}
