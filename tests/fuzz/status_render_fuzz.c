/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a tree from the input, a record a node: a byte of kind, mood and depth, then a NUL-ended
 * string that is its name, text and help. Whatever the strings are, the three renderings stay what
 * they claim to be.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "status_html.h"
#include "status_json.h"
#include "status_prometheus.h"
#include "status_tree.h"

#define MAX_DEPTH 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct builder_t {
    tier_status_node_t *parents[MAX_DEPTH];
    int depth;
    apr_pool_t *pool;
} builder_t;

static void add_node(builder_t *builder, uint8_t head, const char *text)
{
    tier_status_node_t *parent = builder->parents[builder->depth];
    tier_status_kind_e kind = head % 9;
    tier_status_node_t *node = tier_status_string(parent, text, text, builder->pool);

    node->kind = kind;
    node->mood = (head >> 4) % 4;
    node->number = (apr_int64_t)strlen(text) * INT64_C(0x0123456789ABCDEF);
    node->help = kind == TIER_STATUS_COUNTER || kind == TIER_STATUS_GAUGE ? text : NULL;
    if (kind <= TIER_STATUS_ARRAY && builder->depth + 1 < MAX_DEPTH)
        builder->parents[++builder->depth] = node;
    if (head >> 6 == 3 && builder->depth > 0)
        builder->depth--;
}

static void build(builder_t *builder, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;

    while (data < end) {
        uint8_t head = *data++;
        size_t length = strnlen((const char *)data, (size_t)(end - data));

        add_node(builder, head, apr_pstrmemdup(builder->pool, (const char *)data, length));
        data += length;
        if (data < end)
            data++;
    }
}

/* Valid UTF-8 (a decoder apart from the one under test), no control character but line feed and
 * tab. */
static void check_text(const status_buffer_t *buffer)
{
    const unsigned char *at = (const unsigned char *)buffer->data;

    if (strlen(buffer->data) != buffer->size)
        abort();
    while (*at) {
        unsigned extra = *at < 0x80 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;
        uint32_t code = extra ? *at & (0x3Fu >> extra) : *at;

        if ((*at >= 0x80 && *at < 0xC2) || *at > 0xF4 || *at == 0x7F)
            abort();
        for (unsigned i = 1; i <= extra; i++) {
            if ((at[i] & 0xC0) != 0x80)
                abort();
            code = code << 6 | (at[i] & 0x3F);
        }
        if ((code < 0x20 && code != '\n' && code != '\t') || (code >= 0xD800 && code < 0xE000) ||
            code > 0x10FFFF || (extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000))
            abort();
        at += 1 + extra;
    }
}

/* Quotes pair up, nothing but escapes follows a backslash, brackets close what was opened. */
static void check_json(const char *text)
{
    char open[4 * MAX_DEPTH];
    int depth = 0, quoted = 0;

    for (; *text; text++) {
        if (quoted && *text == '\\') {
            if (!strchr("\"\\ntu", *++text))
                abort();
        } else if (*text == '"') {
            quoted = !quoted;
        } else if (quoted && *text == '\n') {
            abort();
        } else if (!quoted && (*text == '{' || *text == '[')) {
            open[depth++] = *text == '{' ? '}' : ']';
        } else if (!quoted && (*text == '}' || *text == ']')) {
            if (depth == 0 || open[--depth] != *text)
                abort();
        }
    }
    if (depth || quoted)
        abort();
}

/* Tags that are opened are closed, in order, and no tag is open where another begins. */
static void check_html(const char *text)
{
    const char *open[256];
    int depth = 0;

    for (text = strchr(text + 1, '<'); text; text = strchr(text + 1, '<')) {
        const char *end = strchr(text, '>');
        size_t name = strcspn(text + 1, " />");

        if (!end || memchr(text + 1, '<', (size_t)(end - text - 1)))
            abort();
        if (end[-1] == '/')
            continue;
        if (text[1] != '/') {
            if (depth == 256 || name == 0)
                abort();
            open[depth++] = text + 1;
        } else if (depth == 0 || strncmp(open[--depth], text + 2, strcspn(text + 2, ">")) != 0) {
            abort();
        }
    }
    if (depth)
        abort();
}

/* Each line is a comment or ends in a number. */
static void check_metrics(const char *text)
{
    while (*text) {
        size_t line = strcspn(text, "\n");
        size_t tail;

        if (text[line] != '\n' || line == 0)
            abort();
        for (tail = line; tail > 0 && text[tail - 1] != ' '; tail--)
            continue;
        if (*text != '#' && (strncmp(text, "webtier_", 8) != 0 ||
                             strspn(text + tail, "-.0123456789") != line - tail))
            abort();
        text += line + 1;
    }
}

static void render_all(const status_report_t *report, apr_pool_t *pool)
{
    status_buffer_t json, html, metrics;

    status_buffer_init(&json, pool);
    status_json_render(&json, report->root);
    check_text(&json);
    check_json(json.data);
    status_buffer_init(&html, pool);
    status_html_render(&html, report, "/s", 0);
    check_text(&html);
    check_html(html.data);
    status_buffer_init(&metrics, pool);
    status_prometheus_render(&metrics, report);
    check_text(&metrics);
    check_metrics(metrics.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    builder_t builder = {{0}};
    status_report_t report;

    if (!ready && apr_initialize() != APR_SUCCESS)
        abort();
    ready = 1;
    apr_pool_create(&builder.pool, NULL);
    status_report_begin(&report, "1", "www", 0, builder.pool);
    builder.parents[0] = status_report_module(&report, "fuzz", builder.pool);
    build(&builder, data, size);
    render_all(&report, builder.pool);
    apr_pool_destroy(builder.pool);
    return 0;
}
