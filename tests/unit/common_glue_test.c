/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include "glue.h"

#include <ap_mpm.h>
#include <http_core.h>
#include <http_log.h>
#include <scoreboard.h>

/* What glue.c wants of httpd and none of these tests comes by. */

void ap_log_error_(const char *file, int line, int module_index, int level, apr_status_t status,
                   const server_rec *s, const char *fmt, ...)
{
    (void)file;
    (void)line;
    (void)module_index;
    (void)level;
    (void)status;
    (void)s;
    fail_msg("%s", fmt);
}

global_score *ap_get_scoreboard_global(void)
{
    return NULL;
}

apr_status_t ap_mpm_query(int query_code, int *result)
{
    (void)query_code;
    (void)result;
    return APR_ENOTIMPL;
}

int ap_state_query(int query_code)
{
    return query_code;
}

apr_status_t ap_timeout_parameter_parse(const char *timeout_parameter, apr_interval_time_t *timeout,
                                        const char *default_time_unit)
{
    (void)timeout_parameter;
    (void)timeout;
    (void)default_time_unit;
    return APR_ENOTIMPL;
}

#define ALLOWED "size= and text="

typedef struct settings_t {
    apr_int64_t size;
    const char *text;
} settings_t;

static const char *take(cmd_parms *cmd, void *data, const char *setting, const char *value)
{
    settings_t *settings = data;

    if (strcmp(setting, "size") == 0)
        return tier_glue_parse_number(cmd, value, 1, 9, &settings->size);
    if (strcmp(setting, "text") != 0)
        return tier_glue_no_setting;
    settings->text = value;
    return NULL;
}

/* Returns what is wrong with one argument. */
static const char *given(settings_t *settings, const char *argument, apr_pool_t *pool)
{
    const command_rec directive = {.name = "TierThing"};
    cmd_parms cmd = {.temp_pool = pool, .cmd = &directive};

    return tier_glue_take_setting(&cmd, argument, take, settings, ALLOWED);
}

static void settings_that_are_taken(void **state)
{
    settings_t settings = {0, NULL};

    assert_null(given(&settings, "size=5", *state));
    assert_int_equal(settings.size, 5);
    assert_null(given(&settings, "text=a=b", *state)); /* the first one parts the two */
    assert_string_equal(settings.text, "a=b");
    assert_null(given(&settings, "text=", *state));
    assert_string_equal(settings.text, "");
}

static void settings_that_are_wrong(void **state)
{
    static const struct {
        const char *argument, *problem;
    } cases[] = {
        {"size=10", "TierThing: size \"10\" is too large; give a whole number, from 1 to 9"},
        {"size=", "TierThing: size \"\" is not a number; give a whole number, from 1 to 9"},
        {"size", "TierThing: there is no setting \"size\"; allowed after on are " ALLOWED},
        {"sizes=5", "TierThing: there is no setting \"sizes\"; allowed after on are " ALLOWED},
        {"=5", "TierThing: there is no setting \"\"; allowed after on are " ALLOWED},
        {"", "TierThing: there is no setting \"\"; allowed after on are " ALLOWED},
    };
    settings_t settings = {7, NULL};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(given(&settings, cases[i].argument, *state), cases[i].problem);
    assert_int_equal(settings.size, 7);
}

static void on_or_off(void **state)
{
    static const struct {
        int argc;
        const char *argv[2];
        int is_on;
        const char *problem;
    } cases[] = {
        {1, {"on"}, 1, NULL},
        {2, {"ON", "size=5"}, 1, NULL},
        {1, {"Off"}, 0, NULL},
        {2,
         {"off", "size=5"},
         0,
         "TierThing: \"off\" is neither off nor on with settings " ALLOWED},
        {1, {"size=5"}, 0, "TierThing: \"size=5\" is neither off nor on with settings " ALLOWED},
        {0, {NULL}, 0, "TierThing: \"\" is neither off nor on with settings " ALLOWED},
    };
    const command_rec directive = {.name = "TierThing"};
    cmd_parms cmd = {.temp_pool = *state, .cmd = &directive};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int is_on = 7;
        const char *problem =
            tier_glue_parse_on(&cmd, cases[i].argc, (char *const *)cases[i].argv, ALLOWED, &is_on);

        assert_int_equal(is_on, cases[i].is_on);
        if (cases[i].problem)
            assert_string_equal(problem, cases[i].problem);
        else
            assert_null(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(settings_that_are_taken),
        test_with_pool(settings_that_are_wrong),
        test_with_pool(on_or_off),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
