/* SPDX-License-Identifier: Apache-2.0 */
#include "health_talk.h"

#include "health_agent.h"

static void words(void **state)
{
    static const struct {
        const char *line;
        const char *down;
        const char *unknown;
        unsigned weight;
        unsigned drain;
    } cases[] = {
        {"up", NULL, NULL, 100, 0},
        {"ready", NULL, NULL, 100, 0},
        {"UP 50%", NULL, NULL, 50, 0},
        {"75%", NULL, NULL, 75, 0},
        {"up,75%\tready", NULL, NULL, 75, 0},
        {"100%", NULL, NULL, 100, 0},
        {"250%", NULL, NULL, 100, 0},
        {"0%", NULL, NULL, 1, 1},
        {"drain", NULL, NULL, 100, 1},
        {"up drain 30% maxconn:10", NULL, NULL, 30, 1},
        {"up # 50% down", NULL, NULL, 100, 0},
        {"up#all well", NULL, NULL, 100, 0},
        {"down", "down", NULL, 100, 0},
        {"Maint", "maint", NULL, 100, 0},
        {"fail # disk full", "fail", NULL, 100, 0},
        {"failed", "failed", NULL, 100, 0},
        {"stopped 50%", "stopped", NULL, 50, 0},
        {"", NULL, "", 100, 0},
        {"# up", NULL, "", 100, 0},
        {"upp", NULL, "upp", 100, 0},
        {"up %", NULL, "%", 100, 0},
        {"up 50", NULL, "50", 100, 0},
        {"up -5%", NULL, "-5%", 100, 0},
        {"up 5%%", NULL, "5%%", 100, 0},
        {"up 9999999%", NULL, "9999999%", 100, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        health_agent_t agent;

        health_agent_read(&agent, cases[i].line, *state);
        assert_int_equal(agent.advice.weight, cases[i].weight);
        assert_int_equal(agent.advice.drain, cases[i].drain);
        assert_true((agent.down == NULL) == (cases[i].down == NULL));
        assert_true((agent.unknown == NULL) == (cases[i].unknown == NULL));
        if (cases[i].down)
            assert_string_equal(agent.down, cases[i].down);
        if (cases[i].unknown)
            assert_string_equal(agent.unknown, cases[i].unknown);
    }
}

static void answers(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"up 50%\n", "pass: the agent says \"up 50%\""},
        {"up\r\ndown\r\n", "pass: the agent says \"up\""},
        {"drain", "pass: the agent says \"drain\""},
        {"down # disk full\n", "down: the agent says \"down # disk full\""},
        {"maint\n", "maint: the agent says \"maint\""},
        {"hello\n", "malformed: the agent says \"hello\", which is none of its words"},
        {"\n", "malformed: the agent says nothing"},
        {"", "closed: the agent closed the connection without a word"},
    };
    health_check_t check;

    health_check_defaults(&check);
    assert_string_equal(health_agent_protocol.request(&check, "m", *state), "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_talk(&health_agent_protocol, &check, cases[i].text, cases[i].expected, *state);
    check.send = "state?";
    assert_string_equal(health_agent_protocol.request(&check, "m", *state), "state?\n");
}

static void advice_comes_with_a_line(void **state)
{
    health_check_t check;
    tier_result_t result;
    void *dialogue;

    health_check_defaults(&check);
    dialogue = health_agent_protocol.begin(&check, *state);
    assert_null(health_agent_protocol.advice(dialogue));
    assert_int_equal(health_agent_protocol.feed(dialogue, "down 20%\n", 9, &result, *state),
                     HEALTH_FAIL);
    assert_int_equal(health_agent_protocol.advice(dialogue)->weight, 20);
    dialogue = health_agent_protocol.begin(&check, *state);
    health_agent_protocol.feed(dialogue, "nonsense\n", 9, &result, *state);
    assert_null(health_agent_protocol.advice(dialogue));
}

static void endless_line(void **state)
{
    health_check_t check;
    char text[400];

    health_check_defaults(&check);
    memset(text, 'u', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    check_talk(&health_agent_protocol, &check, text,
               "malformed: the agent's line is longer than 256 bytes", *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(words),
        test_with_pool(answers),
        test_with_pool(advice_comes_with_a_line),
        test_with_pool(endless_line),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
