/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

typedef struct seen_t {
    char file[100];
    int line;
    int level;
    apr_status_t status;
    char message[4096];
} seen_t;

static void see(void *baton, const char *file, int line, int level, apr_status_t status,
                const char *message)
{
    seen_t *seen = baton;

    snprintf(seen->file, sizeof(seen->file), "%s", file);
    seen->line = line;
    seen->level = level;
    seen->status = status;
    snprintf(seen->message, sizeof(seen->message), "%s", message);
}

static void a_line_arrives_with_all_it_was_given(void **state)
{
    seen_t seen = {{0}};
    tier_log_t log = {see, &seen};
    int line = __LINE__ + 2;

    tier_log(&log, TIER_LOG_MARK, TIER_LOG_WARNING, APR_ENOENT, WTNO(0999) "%s of %d", "two", 3);

    (void)state;
    assert_non_null(strstr(seen.file, "common_log_test.c"));
    assert_int_equal(seen.line, line);
    assert_int_equal(seen.level, TIER_LOG_WARNING);
    assert_int_equal(seen.status, APR_ENOENT);
    assert_string_equal(seen.message, "WT0999: two of 3");
}

static void a_long_line_is_cut(void **state)
{
    seen_t seen = {{0}};
    tier_log_t log = {see, &seen};
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    tier_log(&log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS, "%s", text);
    assert_int_equal(strlen(seen.message), 1023);
    assert_memory_equal(seen.message, text, 1023);
}

/* A wide character that the C locale cannot print makes the C library refuse the whole format. */
static void what_cannot_be_formatted_is_an_empty_line(void **state)
{
    seen_t seen = {"", 0, 0, 0, "before"};
    tier_log_t log = {see, &seen};

    (void)state;
    tier_log(&log, TIER_LOG_MARK, TIER_LOG_INFO, APR_SUCCESS, "%ls", L"\x20ac");
    assert_string_equal(seen.message, "");
}

static void no_log_swallows_the_line(void **state)
{
    (void)state;
    tier_log(NULL, TIER_LOG_MARK, TIER_LOG_ERR, APR_SUCCESS, "%s", "nobody reads this");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_arrives_with_all_it_was_given),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(what_cannot_be_formatted_is_an_empty_line),
        cmocka_unit_test(no_log_swallows_the_line),
    };
    return cmocka_run_group_tests_name("common_log", tests, NULL, NULL);
}
