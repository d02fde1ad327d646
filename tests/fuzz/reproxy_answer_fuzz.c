/* SPDX-License-Identifier: Apache-2.0 */
/* Input: bytes of a storage node: a head, and behind it a body that is chunked. The first byte says
 * in what pieces they come. However they are cut, the same body must come of them. */
#include "reproxy_fuzz.h"

#include "reproxy_chunk.h"
#include "reproxy_head.h"
#include "reproxy_range.h"

typedef struct outcome_t {
    reproxy_chunk_e end;
    size_t size;
    unsigned sum;
} outcome_t;

static outcome_t decode(const char *data, size_t size, size_t piece)
{
    outcome_t outcome = {REPROXY_CHUNK_MORE, 0, 0};
    reproxy_chunk_t chunk = {0};

    while (size > 0 && outcome.end == REPROXY_CHUNK_MORE) {
        apr_size_t left = size < piece ? size : piece, run_size;
        const char *run, *at = data;

        data += left;
        size -= left;
        while ((outcome.end = reproxy_chunk_next(&chunk, &at, &left, &run, &run_size)) ==
               REPROXY_CHUNK_BODY)
            for (apr_size_t i = 0; i < run_size; i++, outcome.size++)
                outcome.sum = outcome.sum * 31 + (unsigned char)run[i];
    }
    return outcome;
}

static void check_body(const char *data, size_t size, size_t piece)
{
    outcome_t whole = decode(data, size, size ? size : 1), pieces = decode(data, size, piece);

    if (whole.end != pieces.end || whole.size != pieces.size || whole.sum != pieces.sum ||
        whole.size > size)
        abort();
}

/* Every field lies within the head, and is found by its name. */
static void check_fields(const reproxy_head_t *head, const char *end, apr_pool_t *pool)
{
    const char *at = head->fields;

    while (*at) {
        if (!reproxy_head_get(head, at, pool))
            abort();
        at += strlen(at) + 1;
        at += strlen(at) + 1;
    }
    if (at >= end)
        abort();
}

static void check_range(const reproxy_head_t *head)
{
    const char *text = head->content_range;
    reproxy_span_t span;
    apr_off_t size;

    if (!text || !reproxy_range_content(text, &span, &size))
        return;
    if (span.first >= 0 && (span.last < span.first || (size >= 0 && span.last >= size)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    reproxy_head_t head;
    apr_size_t used = 0;
    size_t piece;
    char *text;

    if (size == 0)
        return 0;
    piece = 1 + data[0] % 16;
    data++;
    size--;
    pool = fuzz_pool();
    /* What is read is rewritten. */
    text = apr_pmemdup(pool, data, size);
    if (reproxy_head_parse(&head, &used, text, size) == REPROXY_HEAD_DONE) {
        if (used > size || head.status < 100 || head.status > 999 || head.length < -1 ||
            (head.chunked && head.length != -1))
            abort();
        check_fields(&head, text + used, pool);
        check_range(&head);
    }
    check_body((const char *)data + used, size - used, piece);
    apr_pool_destroy(pool);
    return 0;
}
