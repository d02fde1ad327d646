/* SPDX-License-Identifier: Apache-2.0 */
#include "status_html.h"

#include <apr_strings.h>

#include "status_escape.h"
#include "status_html_table.h"
#include "status_html_value.h"
#include "status_human.h"
#include "status_mood.h"

/* Colours keep a contrast of at least 4.5:1 on their ground (WCAG 2.1, 1.4.3), light and dark. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ground:#fff;"
    "--band:#f6f8fa;--good:#116329;--degraded:#7d4e00;--bad:#a40e26}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4ae;--line:#30363d;"
    "--ground:#0d1117;--band:#161b22;--good:#56d364;--degraded:#e3b341;--bad:#ff7b72}}\n"
    "body{margin:0 auto;padding:1rem;max-width:76rem;background:var(--ground);color:var(--ink);"
    "font:15px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
    "h1{font-size:1.4rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:1.8rem 0 .5rem;"
    "padding-bottom:.2rem;border-bottom:1px solid var(--line)}\n"
    "h3,h4,h5,h6{font-size:1rem;margin:1.1rem 0 .3rem}p{margin:.3rem 0}a{color:inherit}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.4rem 1rem;margin:.8rem 0}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.4rem 1rem;"
    "margin:.4rem 0}dt,th{font-weight:400;font-size:.87rem;color:var(--soft)}\n"
    "dd{margin:0;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse}.wide{overflow-x:auto}th{background:var(--band)}\n"
    "th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;white-space:nowrap;"
    "border-bottom:1px solid var(--line)}.figure,th.figure{text-align:right}\n"
    "td.long{white-space:normal;min-width:14rem;overflow-wrap:anywhere}\n"
    "abbr{text-decoration:none}.none,footer,summary{color:var(--soft)}footer{margin-top:2rem}\n"
    "details{margin:.4rem 0}summary{cursor:pointer}\n"
    ".good{color:var(--good)}.degraded{color:var(--degraded)}.bad{color:var(--bad)}\n"
    ".good,.degraded,.bad{font-weight:600}.badge{display:inline-block;font-size:.85rem;"
    "padding:0 .5rem;margin-right:.4rem;border:1px solid currentColor;border-radius:1rem}\n";

static void add_head(status_buffer_t *buffer, const status_report_t *report, int refresh)
{
    tier_status_mood_e mood = status_mood_of(report->root);

    status_buffer_text(buffer,
                       "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                       "<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, "
                       "initial-scale=1\"/>\n<meta name=\"robots\" content=\"noindex\"/>\n");
    if (refresh > 0)
        status_buffer_format(buffer, "<meta http-equiv=\"refresh\" content=\"%d\"/>\n", refresh);
    status_buffer_text(buffer, "<title>");
    if (mood != TIER_STATUS_NEUTRAL)
        status_buffer_format(buffer, "%s: ", status_mood_word(mood));
    status_escape_html(buffer, report->host);
    status_buffer_text(buffer, " - webtier</title>\n<style>");
    status_buffer_text(buffer, style);
    status_buffer_text(buffer, "</style>\n</head>\n");
}

static const char *first_text(const tier_status_node_t *object)
{
    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (child->kind == TIER_STATUS_STRING && child->text)
            return child->text;
    }
    return NULL;
}

static void add_heading(status_buffer_t *buffer, int level, const tier_status_node_t *node,
                        const char *title)
{
    status_buffer_format(buffer, "<h%d>", level);
    status_html_name(buffer, node->name, NULL);
    if (node->name && title)
        status_buffer_text(buffer, " ");
    status_escape_html(buffer, title);
    /* A list is as bad as its worst element; what that means is for the owner of the list to say.
     */
    if (node->kind == TIER_STATUS_OBJECT && status_mood_of(node) != TIER_STATUS_NEUTRAL) {
        status_buffer_text(buffer, " ");
        status_html_badge(buffer, status_mood_of(node));
    }
    status_buffer_format(buffer, "</h%d>\n", level);
}

static void add_parts(status_buffer_t *buffer, const tier_status_node_t *object,
                      const char *heading, int level, const status_view_t *view);

static void add_sections(status_buffer_t *buffer, const tier_status_node_t *array, int level,
                         const status_view_t *view)
{
    for (const tier_status_node_t *element = array->first; element; element = element->next) {
        const char *heading = first_text(element);

        add_heading(buffer, level, element, heading);
        if (element->kind == TIER_STATUS_OBJECT)
            add_parts(buffer, element, heading, level < 6 ? level + 1 : 6, view);
        else
            status_html_value(buffer, element, view);
    }
}

/* A drawer that opens without a script. */
static void add_drawer(status_buffer_t *buffer, const tier_status_node_t *owner,
                       const tier_status_node_t *history, const status_view_t *view)
{
    if (!history->first)
        return;
    status_buffer_text(buffer, "<details><summary>");
    status_html_name(buffer, history->name, NULL);
    status_buffer_text(buffer, " ");
    status_escape_html(buffer, first_text(owner));
    status_buffer_text(buffer, "</summary>\n");
    status_html_table(buffer, history, view);
    status_buffer_text(buffer, "</details>\n");
}

static void add_drawers(status_buffer_t *buffer, const tier_status_node_t *array,
                        const status_view_t *view)
{
    for (const tier_status_node_t *element = array->first; element; element = element->next) {
        for (const tier_status_node_t *part = element->first; part; part = part->next) {
            if (status_report_is_history(part))
                add_drawer(buffer, element, part, view);
        }
    }
}

static void add_array(status_buffer_t *buffer, const tier_status_node_t *array, int level,
                      const status_view_t *view)
{
    if (!status_html_is_tabular(array)) {
        add_sections(buffer, array, level, view);
        return;
    }
    status_html_table(buffer, array, view);
    add_drawers(buffer, array, view);
}

static void add_large(status_buffer_t *buffer, const tier_status_node_t *part, int level,
                      const status_view_t *view)
{
    int below = level < 6 ? level + 1 : 6;

    add_heading(buffer, level, part, NULL);
    if (part->kind == TIER_STATUS_OBJECT)
        add_parts(buffer, part, NULL, below, view);
    else
        add_array(buffer, part, below, view);
}

/* Small parts first, in one list; then each large part under a heading of its own. */
static void add_parts(status_buffer_t *buffer, const tier_status_node_t *object,
                      const char *heading, int level, const status_view_t *view)
{
    status_html_facts(buffer, object, heading, view);
    for (const tier_status_node_t *child = object->first; child; child = child->next) {
        if (status_report_is_history(child))
            add_drawer(buffer, object, child, view);
        else if (status_html_is_large(child))
            add_large(buffer, child, level, view);
    }
}

static void add_overview(status_buffer_t *buffer, const status_report_t *report)
{
    status_buffer_text(buffer, "<h1>");
    status_html_badge(buffer, status_mood_of(report->root));
    status_escape_html(buffer, report->host);
    status_buffer_text(buffer, "</h1>\n<nav>\n");
    for (const tier_status_node_t *module = report->modules->first; module; module = module->next) {
        status_buffer_text(buffer, "<span><a href=\"#");
        status_escape_html(buffer, module->name);
        status_buffer_text(buffer, "\">");
        status_html_name(buffer, module->name, NULL);
        status_buffer_text(buffer, "</a> ");
        status_html_badge(buffer, status_mood_of(module));
        status_buffer_text(buffer, "</span>\n");
    }
    status_buffer_text(buffer, "</nav>\n");
}

static void add_section(status_buffer_t *buffer, const tier_status_node_t *part,
                        const status_view_t *view, const char *module)
{
    status_view_t own = *view;

    own.module = module;
    status_buffer_text(buffer, "<section id=\"");
    status_escape_html(buffer, part->name);
    status_buffer_text(buffer, "\">\n");
    add_heading(buffer, 2, part, NULL);
    add_parts(buffer, part, NULL, 3, &own);
    status_buffer_text(buffer, "</section>\n");
}

static void add_link(status_buffer_t *buffer, const char *url, const char *leaf, const char *text)
{
    status_buffer_text(buffer, "<a href=\"");
    status_escape_html(buffer, url);
    status_buffer_format(buffer, "%s\">%s</a>\n", leaf, text);
}

static void add_foot(status_buffer_t *buffer, const status_report_t *report, const char *url,
                     int refresh)
{
    const char *page = *url ? "" : "/";

    status_buffer_format(buffer, "<footer>\n<p>webtier %s, as of %s</p>\n<nav>\n", report->version,
                         status_human_clock(report->now, buffer->pool));
    if (refresh > 0)
        add_link(buffer, url, page, "Stop refreshing");
    else
        add_link(buffer, url, apr_pstrcat(buffer->pool, page, "?refresh=5", NULL),
                 "Refresh every 5 s");
    add_link(buffer, url, "/json", "JSON");
    add_link(buffer, url, "/metrics", "Metrics for Prometheus");
    status_buffer_text(buffer, "</nav>\n</footer>\n");
}

void status_html_render(status_buffer_t *buffer, const status_report_t *report,
                        const char *page_url, int refresh)
{
    const status_view_t view = {.now = report->now,
                                .url = report->token ? (*page_url ? page_url : "/") : NULL,
                                .token = report->token};

    add_head(buffer, report, refresh);
    status_buffer_text(buffer, "<body>\n");
    add_overview(buffer, report);
    for (const tier_status_node_t *module = report->modules->first; module; module = module->next)
        add_section(buffer, module, &view, module->name);
    add_section(buffer, report->server, &view, NULL);
    add_foot(buffer, report, page_url, refresh);
    status_buffer_text(buffer, "</body>\n</html>\n");
}
