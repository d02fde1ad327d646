/* SPDX-License-Identifier: Apache-2.0 */
#include "status_testing.h"

#include "status_html.h"
#include "status_tree.h"

#define NOW apr_time_from_sec(1000000000)

typedef struct fixture_t {
    apr_pool_t *pool;
    status_report_t report;
    tier_status_node_t *module;
} fixture_t;

static fixture_t make(void **state)
{
    fixture_t fixture = {.pool = *state};

    status_report_begin(&fixture.report, "1.2.3", "www.example.com", NOW, fixture.pool);
    fixture.module = status_report_module(&fixture.report, "health", fixture.pool);
    return fixture;
}

static const char *rendered(const fixture_t *fixture, int refresh)
{
    status_buffer_t buffer;

    status_buffer_init(&buffer, fixture->pool);
    status_html_render(&buffer, &fixture->report, "/tier-status", refresh);
    return buffer.data;
}

static tier_status_node_t *add_member(tier_status_node_t *members, const char *url,
                                      const char *word, tier_status_mood_e mood, apr_pool_t *pool)
{
    tier_status_node_t *member = tier_status_object(members, NULL, pool);

    tier_status_string(member, "url", url, pool);
    tier_status_mood(tier_status_string(member, "state", word, pool), mood);
    return member;
}

static void scalars_are_facts(void **state)
{
    fixture_t f = make(state);
    const char *page;

    tier_status_number(f.module, TIER_STATUS_BOOLEAN, "is_on", 1, f.pool);
    tier_status_metric(f.module, TIER_STATUS_COUNTER, "probes", 1234567, "Probes <sent>", f.pool);
    tier_status_number(f.module, TIER_STATUS_INTEGER, "port", 8080, f.pool);
    tier_status_number(f.module, TIER_STATUS_GAUGE, "stored_bytes", 2048, f.pool);
    tier_status_number(f.module, TIER_STATUS_DURATION, "interval", 250000, f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<div><dt>is on</dt><dd>yes</dd></div>");
    assert_contains(page,
                    "<abbr title=\"Probes &lt;sent&gt;\">probes</abbr></dt><dd>1,234,567</dd>");
    assert_contains(page, "<dd>8080</dd>");
    assert_contains(page, "<dd>2.0 KiB</dd>");
    assert_contains(page, "<dd>250 ms</dd>");
}

static void instants_are_told_from_now(void **state)
{
    fixture_t f = make(state);
    const char *page;

    tier_status_number(f.module, TIER_STATUS_TIME, "never_yet", 0, f.pool);
    tier_status_number(f.module, TIER_STATUS_TIME, "past", NOW - apr_time_from_sec(90), f.pool);
    tier_status_number(f.module, TIER_STATUS_TIME, "future", NOW + apr_time_from_sec(3), f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<dd>never</dd>");
    assert_contains(page, "<time datetime=\"2001-09-09T01:45:10.000Z\" title=\"2001-09-09 01:45:10 "
                          "UTC\">1 min 30 s ago</time>");
    assert_contains(page, ">in 3 s</time>");
}

static void moods_are_words_and_signs(void **state)
{
    fixture_t f = make(state);
    const char *page;

    tier_status_mood(tier_status_string(f.module, "state", "slow", f.pool), TIER_STATUS_DEGRADED);
    page = rendered(&f, 0);
    assert_contains(page, "<title>degraded: www.example.com - webtier</title>");
    assert_contains(page, "<h1><span class=\"badge degraded\">degraded</span>www.example.com</h1>");
    assert_contains(page,
                    "<span class=\"degraded\"><span class=\"sign\" title=\"degraded\">!</span> "
                    "slow</span>");
}

static void flat_objects_are_a_table(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *members = tier_status_array(f.module, "members", f.pool);
    tier_status_node_t *second;
    const char *page;

    add_member(members, "http://a", "up", TIER_STATUS_GOOD, f.pool);
    second = add_member(members, "http://b", "down", TIER_STATUS_BAD, f.pool);
    tier_status_string(second, "reason", "refused", f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<tr><th scope=\"col\">url</th><th scope=\"col\">state</th>"
                          "<th scope=\"col\">reason</th></tr>");
    assert_contains(page,
                    "<td>http://b</td><td><span class=\"bad\"><span class=\"sign\" title=\"bad\">"
                    "\xE2\x9C\x97</span> down</span></td><td>refused</td></tr>");
    assert_contains(
        page, "\xE2\x9C\x93</span> up</span></td><td></td></tr>"); /* no reason: an empty cell */
}

static void cells_hold_small_objects_and_long_texts(void **state)
{
    static const char text[] = "a sentence that is too long for one line";
    fixture_t f = make(state);
    tier_status_node_t *rows = tier_status_array(f.module, "rows", f.pool);
    tier_status_node_t *row = tier_status_object(rows, NULL, f.pool), *counts;
    const char *page;

    tier_status_mood(row, TIER_STATUS_BAD);
    tier_status_string(row, "reason", text, f.pool);
    counts = tier_status_object(row, "counts", f.pool);
    tier_status_number(counts, TIER_STATUS_COUNTER, "read_ok", 1, f.pool);
    tier_status_number(counts, TIER_STATUS_DURATION, "wait", 2000000, f.pool);
    tier_status_number(tier_status_object(rows, NULL, f.pool), TIER_STATUS_COUNTER, "total", 5,
                       f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<tr><td class=\"long\"><span class=\"badge bad\">bad</span>a sentence");
    assert_contains(page, "<td>read ok 1, wait 2 s</td><td></td></tr>");
    assert_contains(page, "<tr><td></td><td></td><td class=\"figure\">5</td></tr>");
    assert_contains(page, "<th scope=\"col\" class=\"figure\">total</th>");
}

static void deep_objects_are_sections(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *balancers = tier_status_array(f.module, "balancers", f.pool);
    tier_status_node_t *balancer = tier_status_object(balancers, NULL, f.pool);
    const char *page;

    tier_status_string(balancer, "name", "balancer://app", f.pool);
    add_member(tier_status_array(balancer, "members", f.pool), "http://a", "up", TIER_STATUS_GOOD,
               f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<h3>balancers</h3>");
    assert_contains(page, "<h4>balancer://app <span class=\"badge good\">good</span></h4>");
    assert_contains(page, "<h5>members</h5>");
}

static void histories_are_drawers(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *members = tier_status_array(f.module, "members", f.pool);
    tier_status_node_t *a = add_member(members, "http://a", "up", TIER_STATUS_GOOD, f.pool);
    tier_status_node_t *b = add_member(members, "http://b", "up", TIER_STATUS_GOOD, f.pool);
    const char *page;

    tier_status_array(a, "history", f.pool);
    add_member(tier_status_array(b, "history", f.pool), "then", "down", TIER_STATUS_BAD, f.pool);
    add_member(tier_status_array(b, "probe_history", f.pool), "then", "failed", TIER_STATUS_NEUTRAL,
               f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<tr><th scope=\"col\">url</th><th scope=\"col\">state</th></tr>");
    assert_contains(page, "</table></div>\n<details><summary>history http://b</summary>");
    assert_contains(page, "</details>\n<details><summary>probe history http://b</summary>");
    assert_lacks(page, "history http://a");
    assert_lacks(page, "badge bad"); /* it was down, and is up */
}

static void headings_end_at_six(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *node = f.module;

    for (int depth = 0; depth < 12; depth++)
        node = tier_status_object(node, "deeper", f.pool);
    tier_status_number(node, TIER_STATUS_INTEGER, "end", 42, f.pool);
    assert_contains(rendered(&f, 0), "<dd>42</dd>");
    assert_lacks(rendered(&f, 0), "<h7>");
}

static void strings_cannot_leave_their_place(void **state)
{
    static const char hostile[] = "\"'><script>alert(1)</script>&\x80\x01";
    fixture_t f = make(state);
    tier_status_node_t *rows = tier_status_array(f.module, "rows", f.pool);
    const char *page;

    f.report.host = hostile;
    tier_status_string(f.module, hostile, hostile, f.pool);
    tier_status_number(f.module, TIER_STATUS_INTEGER, "n", 1, f.pool)->help = hostile;
    tier_status_string(tier_status_object(rows, NULL, f.pool), hostile, hostile, f.pool);
    tier_status_array(status_report_module(&f.report, hostile, f.pool), hostile, f.pool);
    page = rendered(&f, 0);
    assert_lacks(page, "<script");
    assert_lacks(page, "\"'");
    assert_contains(page, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;\xEF\xBF\xBD");
}

static void refreshing_is_a_choice(void **state)
{
    fixture_t f = make(state);

    assert_lacks(rendered(&f, 0), "http-equiv=\"refresh\"");
    assert_contains(rendered(&f, 0), "<a href=\"/tier-status?refresh=5\">Refresh every 5 s</a>");
    assert_contains(rendered(&f, 7), "<meta http-equiv=\"refresh\" content=\"7\"/>");
    assert_contains(rendered(&f, 7), "<a href=\"/tier-status\">Stop refreshing</a>");
}

static void mixed_arrays_are_shown(void **state)
{
    fixture_t f = make(state);
    tier_status_node_t *list = tier_status_array(f.module, "plain", f.pool);
    tier_status_node_t *mixed = tier_status_array(f.module, "mixed", f.pool);
    const char *page;

    tier_status_string(list, NULL, "one", f.pool);
    tier_status_string(list, NULL, "two", f.pool);
    tier_status_array(f.module, "none", f.pool);
    add_member(mixed, "http://a", "up", TIER_STATUS_GOOD, f.pool);
    tier_status_string(mixed, NULL, "alone", f.pool);
    page = rendered(&f, 0);
    assert_contains(page, "<dd>one, two</dd>");
    assert_contains(page, "<dt>none</dt><dd><span class=\"none\">");
    assert_contains(page, "<tr><td colspan=\"2\">alone</td></tr>");
}

/* What cannot be asked for here is shown, but not to be pressed. */
static void actions_without_a_token(void **state)
{
    fixture_t f = make(state);
    const char *page;

    tier_status_actions(f.module, "drain eject", "- balancer://app http://m", f.pool);
    page = rendered(&f, 0);
    assert_contains(page,
                    "<button disabled=\"disabled\" name=\"action\" value=\"drain\">drain</button>"
                    "<button disabled=\"disabled\" name=\"action\" value=\"eject\">eject</button>");
    assert_lacks(page, "<form");
}

static void actions_are_a_form(void **state)
{
    fixture_t f = make(state);

    status_report_allow(&f.report, "12\"ab", f.pool);
    tier_status_actions(f.module, "drain a<b", "- b \"><script>", f.pool);
    assert_contains(rendered(&f, 0),
                    "<form method=\"post\" action=\"/tier-status\">"
                    "<input type=\"hidden\" name=\"token\" value=\"12&quot;ab\"/>"
                    "<input type=\"hidden\" name=\"module\" value=\"health\"/>"
                    "<input type=\"hidden\" name=\"target\" value=\"- b "
                    "&quot;&gt;&lt;script&gt;\"/>"
                    "<button name=\"action\" value=\"drain\">drain</button>"
                    "<button name=\"action\" value=\"a&lt;b\">a&lt;b</button></form>");
}

/* No module would be asked. */
static void httpd_itself_has_no_forms(void **state)
{
    fixture_t f = make(state);

    status_report_allow(&f.report, "12ab", f.pool);
    tier_status_actions(f.report.server, "stop", "all", f.pool);
    assert_contains(rendered(&f, 0),
                    "<button disabled=\"disabled\" name=\"action\" value=\"stop\">");
    assert_lacks(rendered(&f, 0), "<form");
}

static void forms_of_a_page_at_the_root(void **state)
{
    fixture_t f = make(state);
    status_buffer_t buffer;

    status_report_allow(&f.report, "12ab", f.pool);
    tier_status_actions(f.module, "drain", "x", f.pool);
    status_buffer_init(&buffer, f.pool);
    status_html_render(&buffer, &f.report, "", 0);
    assert_contains(buffer.data, "<form method=\"post\" action=\"/\">");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(scalars_are_facts),           POOL_TEST(instants_are_told_from_now),
        POOL_TEST(moods_are_words_and_signs),   POOL_TEST(flat_objects_are_a_table),
        POOL_TEST(deep_objects_are_sections),   POOL_TEST(headings_end_at_six),
        POOL_TEST(mixed_arrays_are_shown),      POOL_TEST(strings_cannot_leave_their_place),
        POOL_TEST(refreshing_is_a_choice),      POOL_TEST(cells_hold_small_objects_and_long_texts),
        POOL_TEST(histories_are_drawers),       POOL_TEST(actions_without_a_token),
        POOL_TEST(actions_are_a_form),          POOL_TEST(httpd_itself_has_no_forms),
        POOL_TEST(forms_of_a_page_at_the_root),
    };

    return RUN_TESTS(tests);
}
