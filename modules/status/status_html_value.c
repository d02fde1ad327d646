/* SPDX-License-Identifier: Apache-2.0 */
#include "status_html_value.h"

#include <apr_strings.h>
#include <string.h>

#include "status_escape.h"
#include "status_html_form.h"
#include "status_human.h"
#include "status_mood.h"

#define NOTHING "<span class=\"none\">\xE2\x80\x93</span>" /* an en dash */

void status_html_name(status_buffer_t *buffer, const char *name, const char *help)
{
    char *words = apr_pstrdup(buffer->pool, name ? name : "");

    for (char *c = words; *c; c++) {
        if (*c == '_')
            *c = ' ';
    }
    if (help) {
        status_buffer_text(buffer, "<abbr title=\"");
        status_escape_html(buffer, help);
        status_buffer_text(buffer, "\">");
    }
    status_escape_html(buffer, words);
    if (help)
        status_buffer_text(buffer, "</abbr>");
}

void status_html_badge(status_buffer_t *buffer, tier_status_mood_e mood)
{
    const char *word = status_mood_word(mood);

    if (mood != TIER_STATUS_NEUTRAL)
        status_buffer_format(buffer, "<span class=\"badge %s\">%s</span>", word, word);
}

/* Signs that differ in shape, for who cannot tell the colours apart; the title says the word. */
static const char *sign_of(tier_status_mood_e mood)
{
    switch (mood) {
    case TIER_STATUS_GOOD:
        return "\xE2\x9C\x93"; /* check mark */
    case TIER_STATUS_DEGRADED:
        return "!";
    default:
        return "\xE2\x9C\x97"; /* ballot x */
    }
}

static void add_text(status_buffer_t *buffer, const char *text)
{
    if (text && *text)
        status_escape_html(buffer, text);
    else
        status_buffer_text(buffer, NOTHING);
}

/* How long ago an instant is, or how far ahead it lies; whole seconds. */
static const char *distance(apr_time_t when, apr_time_t now, apr_pool_t *pool)
{
    apr_time_t apart = when > now ? when - now : now - when;
    const char *span;

    if (apart < APR_USEC_PER_SEC)
        return "now";
    span = status_human_duration(apr_time_sec(apart) * APR_USEC_PER_SEC, pool);
    return apr_psprintf(pool, when > now ? "in %s" : "%s ago", span);
}

static void add_time(status_buffer_t *buffer, apr_time_t when, apr_time_t now)
{
    const char *instant = status_human_instant(when, buffer->pool);

    if (!instant) {
        status_buffer_text(buffer, when ? NOTHING : "never");
        return;
    }
    status_buffer_format(buffer, "<time datetime=\"%s\" title=\"%s\">%s</time>", instant,
                         status_human_clock(when, buffer->pool), distance(when, now, buffer->pool));
}

static int is_bytes(const tier_status_node_t *node)
{
    apr_size_t size = node->name ? strlen(node->name) : 0;

    return (size >= 6 && strcmp(node->name + size - 6, "_bytes") == 0) ||
           (size == 5 && strcmp(node->name, "bytes") == 0);
}

static const char *number_text(const tier_status_node_t *node, apr_pool_t *pool)
{
    if (is_bytes(node))
        return status_human_bytes(node->number, pool);
    if (node->kind == TIER_STATUS_INTEGER)
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, node->number);
    return status_human_count(node->number, pool);
}

static void add_parts(status_buffer_t *buffer, const tier_status_node_t *parent,
                      const status_view_t *view)
{
    if (!parent->first)
        status_buffer_text(buffer, NOTHING);
    for (const tier_status_node_t *child = parent->first; child; child = child->next) {
        if (child != parent->first)
            status_buffer_text(buffer, ", ");
        if (parent->kind == TIER_STATUS_OBJECT) {
            status_html_name(buffer, child->name, child->help);
            status_buffer_text(buffer, " ");
        }
        status_html_value(buffer, child, view);
    }
}

static void add_plain(status_buffer_t *buffer, const tier_status_node_t *node,
                      const status_view_t *view)
{
    switch (node->kind) {
    case TIER_STATUS_OBJECT:
    case TIER_STATUS_ARRAY:
        add_parts(buffer, node, view);
        break;
    case TIER_STATUS_STRING:
        add_text(buffer, node->text);
        break;
    case TIER_STATUS_BOOLEAN:
        status_buffer_text(buffer, node->number ? "yes" : "no");
        break;
    case TIER_STATUS_TIME:
        add_time(buffer, node->number, view->now);
        break;
    case TIER_STATUS_DURATION:
        status_buffer_text(buffer, status_human_duration(node->number, buffer->pool));
        break;
    case TIER_STATUS_ACTIONS:
        status_html_form(buffer, node, view);
        break;
    default:
        status_buffer_text(buffer, number_text(node, buffer->pool));
        break;
    }
}

void status_html_value(status_buffer_t *buffer, const tier_status_node_t *node,
                       const status_view_t *view)
{
    const char *word = status_mood_word(node->mood);

    if (node->mood == TIER_STATUS_NEUTRAL) {
        add_plain(buffer, node, view);
        return;
    }
    status_buffer_format(buffer, "<span class=\"%s\"><span class=\"sign\" title=\"%s\">%s</span> ",
                         word, word, sign_of(node->mood));
    add_plain(buffer, node, view);
    status_buffer_text(buffer, "</span>");
}
