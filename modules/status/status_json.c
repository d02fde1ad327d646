/* SPDX-License-Identifier: Apache-2.0 */
#include "status_json.h"

#include <apr_strings.h>
#include <string.h>

#include "status_escape.h"
#include "status_human.h"
#include "status_mood.h"

static void add_value(status_buffer_t *buffer, const tier_status_node_t *node, int depth);

static void add_string(status_buffer_t *buffer, const char *text)
{
    if (!text) {
        status_buffer_text(buffer, "null");
        return;
    }
    status_buffer_text(buffer, "\"");
    status_escape_json(buffer, text);
    status_buffer_text(buffer, "\"");
}

static void start_line(status_buffer_t *buffer, int depth)
{
    status_buffer_text(buffer, "\n");
    for (int i = 0; i < depth; i++)
        status_buffer_text(buffer, "  ");
}

static int has_member(const tier_status_node_t *object, const char *name)
{
    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (child->name && strcmp(child->name, name) == 0)
            return 1;
    }
    return 0;
}

static void add_name(status_buffer_t *buffer, const char *name)
{
    add_string(buffer, name ? name : "");
    status_buffer_text(buffer, ": ");
}

/* Returns 1 when it has added a member. */
static int add_mood(status_buffer_t *buffer, const tier_status_node_t *object, int depth)
{
    tier_status_mood_e mood = status_mood_of(object);

    if (mood == TIER_STATUS_NEUTRAL || has_member(object, "mood"))
        return 0;
    start_line(buffer, depth);
    add_name(buffer, "mood");
    add_string(buffer, status_mood_word(mood));
    return 1;
}

static void add_children(status_buffer_t *buffer, const tier_status_node_t *parent, int depth)
{
    int object = parent->kind == TIER_STATUS_OBJECT;
    int filled = 0;

    status_buffer_text(buffer, object ? "{" : "[");
    if (object)
        filled = add_mood(buffer, parent, depth + 1);
    for (const tier_status_node_t *child = parent->first; child; child = child->next) {
        if (filled)
            status_buffer_text(buffer, ",");
        filled = 1;
        start_line(buffer, depth + 1);
        if (object)
            add_name(buffer, child->name);
        add_value(buffer, child, depth + 1);
    }
    if (filled)
        start_line(buffer, depth);
    status_buffer_text(buffer, object ? "}" : "]");
}

/* {"target": "...", "allowed": ["drain", ...]} */
static void add_actions(status_buffer_t *buffer, const tier_status_node_t *node)
{
    char *words = apr_pstrdup(buffer->pool, node->text);
    char *last = NULL;
    const char *before = "";

    status_buffer_text(buffer, "{\"target\": ");
    add_string(buffer, node->target);
    status_buffer_text(buffer, ", \"allowed\": [");
    for (char *word = apr_strtok(words, " ", &last); word; word = apr_strtok(NULL, " ", &last)) {
        status_buffer_text(buffer, before);
        add_string(buffer, word);
        before = ", ";
    }
    status_buffer_text(buffer, "]}");
}

static void add_value(status_buffer_t *buffer, const tier_status_node_t *node, int depth)
{
    switch (node->kind) {
    case TIER_STATUS_OBJECT:
    case TIER_STATUS_ARRAY:
        add_children(buffer, node, depth);
        break;
    case TIER_STATUS_STRING:
        add_string(buffer, node->text);
        break;
    case TIER_STATUS_BOOLEAN:
        status_buffer_text(buffer, node->number ? "true" : "false");
        break;
    case TIER_STATUS_TIME:
        add_string(buffer, status_human_instant(node->number, buffer->pool));
        break;
    case TIER_STATUS_DURATION:
        status_buffer_text(buffer, status_human_seconds(node->number, buffer->pool));
        break;
    case TIER_STATUS_ACTIONS:
        add_actions(buffer, node);
        break;
    default:
        status_buffer_format(buffer, "%" APR_INT64_T_FMT, node->number);
        break;
    }
}

void status_json_render(status_buffer_t *buffer, const tier_status_node_t *root)
{
    add_value(buffer, root, 0);
    status_buffer_text(buffer, "\n");
}
