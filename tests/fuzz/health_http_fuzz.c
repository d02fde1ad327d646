/* SPDX-License-Identifier: Apache-2.0 */
/* Input: two bytes that say in what pieces the rest, the answer of a probed member, arrives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const health_http_line_t sought = {"X-Health", "drain"};

static health_http_e feed_in_pieces(health_http_t *parser, const char *text, size_t size,
                                    size_t piece)
{
    health_http_e verdict = HEALTH_HTTP_MORE;

    health_http_init(parser);
    parser->sought = &sought;
    while (size > 0 && verdict == HEALTH_HTTP_MORE) {
        size_t part = piece < size ? piece : size;

        verdict = health_http_feed(parser, text, part);
        text += part;
        size -= part;
    }
    return verdict;
}

static void check(const health_http_t *parser, health_http_e verdict)
{
    if (verdict == HEALTH_HTTP_COMPLETE && (parser->status < 101 || parser->status > 999))
        abort();
    if ((verdict == HEALTH_HTTP_MALFORMED || verdict == HEALTH_HTTP_OTHER) !=
        (parser->complaint != NULL))
        abort();
    if (strlen(parser->reason) >= sizeof(parser->reason))
        abort();
    for (const char *c = parser->reason; *c; c++) {
        if (*c < ' ' || *c > '~')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    health_http_t whole, pieces;
    health_http_e verdict;
    size_t piece;

    if (size < 2)
        return 0;
    piece = 1 + data[0] + 256U * (data[1] % 32);
    verdict = feed_in_pieces(&whole, (const char *)data + 2, size - 2, size);
    check(&whole, verdict);
    /* However the bytes arrive, they mean the same. */
    if (feed_in_pieces(&pieces, (const char *)data + 2, size - 2, piece) != verdict ||
        pieces.status != whole.status || strcmp(pieces.reason, whole.reason) != 0 ||
        pieces.framing != whole.framing || pieces.length != whole.length ||
        strcmp(pieces.location, whole.location) != 0 || pieces.found != whole.found)
        abort();
    return 0;
}
