/* SPDX-License-Identifier: Apache-2.0 */
#include "status_prometheus.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

#include "status_escape.h"
#include "status_human.h"
#include "status_mood.h"

typedef struct sample_t {
    const char *metric;
    const char *type;
    const char *help;   /* or NULL */
    const char *labels; /* escaped, without braces; "" for none */
    const char *value;
    int order; /* in the tree */
} sample_t;

typedef struct collection_t {
    apr_array_header_t *samples; /* of sample_t */
    apr_hash_t *seen;            /* "metric{labels}" */
    apr_pool_t *pool;
} collection_t;

static void collect(collection_t *collection, const tier_status_node_t *node, const char *path,
                    const char *labels);

static void add_sample(collection_t *collection, const char *metric, const char *type,
                       const char *help, const char *labels, const char *value)
{
    const char *identity = apr_pstrcat(collection->pool, metric, "{", labels, NULL);
    sample_t *sample;

    if (apr_hash_get(collection->seen, identity, APR_HASH_KEY_STRING))
        return;
    apr_hash_set(collection->seen, identity, APR_HASH_KEY_STRING, identity);
    sample = apr_array_push(collection->samples);
    sample->metric = metric;
    sample->type = type;
    sample->help = help;
    sample->labels = labels;
    sample->value = value;
    sample->order = collection->samples->nelts;
}

static const char *extend(const char *path, const char *name, apr_pool_t *pool)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, pool);
    status_buffer_text(&buffer, path);
    status_buffer_text(&buffer, "_");
    status_escape_metric_name(&buffer, name);
    return buffer.data;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static const char *with_unit(const char *metric, const char *unit, apr_pool_t *pool)
{
    return ends_with(metric, unit) ? metric : apr_pstrcat(pool, metric, unit, NULL);
}

static void collect_scalar(collection_t *collection, const tier_status_node_t *node,
                           const char *metric, const char *labels)
{
    apr_pool_t *pool = collection->pool;
    const char *value = apr_psprintf(pool, "%" APR_INT64_T_FMT, node->number);
    const char *type = "gauge";

    switch (node->kind) {
    case TIER_STATUS_COUNTER:
        metric = with_unit(metric, "_total", pool);
        type = "counter";
        break;
    case TIER_STATUS_BOOLEAN:
        value = node->number ? "1" : "0";
        break;
    case TIER_STATUS_TIME:
        metric = with_unit(metric, "_timestamp_seconds", pool);
        value = status_human_seconds(node->number, pool);
        break;
    case TIER_STATUS_DURATION:
        metric = with_unit(metric, "_seconds", pool);
        value = status_human_seconds(node->number, pool);
        break;
    default:
        break;
    }
    add_sample(collection, metric, type, node->help, labels, value);
}

static void collect_mood(collection_t *collection, const tier_status_node_t *object,
                         const char *path, const char *labels)
{
    tier_status_mood_e mood = status_mood_of(object);

    if (mood == TIER_STATUS_NEUTRAL)
        return;
    add_sample(collection, apr_pstrcat(collection->pool, path, "_mood", NULL), "gauge",
               "1 good, 2 degraded, 3 bad.", labels,
               apr_psprintf(collection->pool, "%d", (int)mood));
}

static const char *first_string(const tier_status_node_t *object)
{
    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (child->kind == TIER_STATUS_STRING && child->text)
            return child->text;
    }
    return NULL;
}

static int value_taken_before(const tier_status_node_t *array, const tier_status_node_t *element,
                              const char *value)
{
    for (const tier_status_node_t *other = array->first; other != element; other = other->next) {
        const char *others = first_string(other);

        if (others && strcmp(others, value) == 0)
            return 1;
    }
    return 0;
}

/* balancers -> balancer; the name of an array that does not end in "s" stays. */
static void add_label_name(status_buffer_t *buffer, const char *array_name, apr_pool_t *pool)
{
    apr_size_t size = array_name ? strlen(array_name) : 0;

    if (size > 1 && array_name[size - 1] == 's')
        size--;
    status_escape_metric_name(buffer, size ? apr_pstrmemdup(pool, array_name, size) : "element");
}

static const char *labels_of_element(const tier_status_node_t *array,
                                     const tier_status_node_t *element, int index,
                                     const char *labels, apr_pool_t *pool)
{
    const char *value = first_string(element);
    status_buffer_t buffer;

    status_buffer_init(&buffer, pool);
    if (*labels)
        status_buffer_format(&buffer, "%s,", labels);
    add_label_name(&buffer, array->name, pool);
    status_buffer_text(&buffer, "=\"");
    status_escape_label(&buffer, value ? value : apr_itoa(pool, index));
    status_buffer_text(&buffer, "\"");
    if (value && value_taken_before(array, element, value))
        status_buffer_format(&buffer, ",index=\"%d\"", index);
    return buffer.data;
}

static void collect_array(collection_t *collection, const tier_status_node_t *array,
                          const char *path, const char *labels)
{
    int index = 0;

    /* What was is no series: each event would become one of its own. */
    if (status_report_is_history(array))
        return;
    for (const tier_status_node_t *child = array->first; child; child = child->next, index++) {
        if (child->kind == TIER_STATUS_OBJECT)
            collect(collection, child, path,
                    labels_of_element(array, child, index, labels, collection->pool));
    }
}

static void collect(collection_t *collection, const tier_status_node_t *node, const char *path,
                    const char *labels)
{
    switch (node->kind) {
    case TIER_STATUS_OBJECT:
        collect_mood(collection, node, path, labels);
        for (const tier_status_node_t *child = node->first; child; child = child->next)
            collect(collection, child, extend(path, child->name, collection->pool), labels);
        break;
    case TIER_STATUS_ARRAY:
        collect_array(collection, node, path, labels);
        break;
    case TIER_STATUS_STRING:
    case TIER_STATUS_ACTIONS:
        break;
    default:
        collect_scalar(collection, node, path, labels);
        break;
    }
}

static int compare_samples(const void *left, const void *right)
{
    const sample_t *a = left, *b = right;
    int order = strcmp(a->metric, b->metric);

    return order ? order : a->order - b->order;
}

static void print_head(status_buffer_t *buffer, const sample_t *sample)
{
    if (sample->help) {
        status_buffer_format(buffer, "# HELP %s ", sample->metric);
        status_escape_help(buffer, sample->help);
        status_buffer_text(buffer, "\n");
    }
    status_buffer_format(buffer, "# TYPE %s %s\n", sample->metric, sample->type);
}

static void print_samples(status_buffer_t *buffer, const apr_array_header_t *samples)
{
    const char *metric = "";

    for (int i = 0; i < samples->nelts; i++) {
        const sample_t *sample = &APR_ARRAY_IDX(samples, i, sample_t);

        if (strcmp(sample->metric, metric) != 0)
            print_head(buffer, sample);
        metric = sample->metric;
        status_buffer_text(buffer, metric);
        if (*sample->labels)
            status_buffer_format(buffer, "{%s}", sample->labels);
        status_buffer_format(buffer, " %s\n", sample->value);
    }
}

void status_prometheus_render(status_buffer_t *buffer, const status_report_t *report)
{
    collection_t collection;

    collection.pool = buffer->pool;
    collection.samples = apr_array_make(buffer->pool, 64, sizeof(sample_t));
    collection.seen = apr_hash_make(buffer->pool);
    collect_mood(&collection, report->root, "webtier", "");
    collect(&collection, report->server, "webtier_server", "");
    for (const tier_status_node_t *module = report->modules->first; module; module = module->next)
        collect(&collection, module, extend("webtier", module->name, buffer->pool), "");
    qsort(collection.samples->elts, (size_t)collection.samples->nelts, sizeof(sample_t),
          compare_samples);
    print_samples(buffer, collection.samples);
}
