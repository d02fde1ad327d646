/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>

#include "atomics.h"
#include "health_action.h"

#define MS(n) apr_time_from_msec(n)

static void test_names(void **state)
{
    (void)state;
    for (apr_uint32_t i = HEALTH_ACTION_DRAIN; i <= HEALTH_ACTION_RESTORE; i++)
        assert_int_equal(health_action_of(health_action_name(i)), i);
    assert_int_equal(health_action_of("none"), HEALTH_ACTION_NONE);
    assert_int_equal(health_action_of(""), HEALTH_ACTION_NONE);
    assert_string_equal(health_action_name(99), "none");
}

static void test_targets(void **state)
{
    static const char *const scopes[] = {"", "www.example.com:80"};
    health_key_t key, back;

    for (size_t i = 0; i < 2; i++) {
        assert_true(health_key_set(&key, scopes[i], "balancer://app", "unix:/a b|http://x"));
        assert_true(health_action_key(&back, health_action_target(&key, *state)));
        assert_memory_equal(&key, &back, sizeof(key));
    }
}

static void test_targets_that_are_none(void **state)
{
    static const char *const texts[] = {"", "-", "- b", "- b ", "  ", " b "};
    health_key_t key;
    char *text = apr_palloc(*state, 2000);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(health_action_key(&key, texts[i]));
    memset(text, 'x', 1999);
    text[1999] = '\0';
    for (int space = 90; space < 140; space++) {
        text[space] = ' ';
        assert_false(health_action_key(&key, text));
    }
    text[100] = 'x';
    assert_false(health_action_key(&key, text + 60));
}

static void test_words(void **state)
{
    health_member_t member = {.mode = HEALTH_MODE_NORMAL};

    assert_string_equal(health_action_words(&member, *state), "drain maintenance");
    member.ejects = 1;
    assert_string_equal(health_action_words(&member, *state), "drain maintenance eject");
    member.ejected_until = 1;
    member.mode = HEALTH_MODE_DRAIN;
    assert_string_equal(health_action_words(&member, *state), "maintenance normal restore");
    member.mode = HEALTH_MODE_MAINTENANCE;
    assert_string_equal(health_action_words(&member, *state), "drain normal restore");
}

static void *watch(void *data)
{
    health_entry_t *entry = data;

    while (tier_atomic_load(&entry->order) == HEALTH_ACTION_NONE)
        apr_sleep(MS(1));
    tier_atomic_store(&entry->acted, HEALTH_ACT_IS_DOWN);
    tier_atomic_store(&entry->order, HEALTH_ACTION_NONE);
    return NULL;
}

static void test_answer_of_the_watch(void **state)
{
    health_entry_t entry = {0};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, watch, &entry), 0);
    assert_int_equal(health_action_ask(&entry, HEALTH_ACTION_RESTORE, MS(5000)),
                     HEALTH_ACT_IS_DOWN);
    pthread_join(thread, NULL);
}

static void test_nobody_there(void **state)
{
    health_entry_t entry = {0};

    (void)state;
    assert_int_equal(health_action_ask(&entry, HEALTH_ACTION_DRAIN, MS(20)), HEALTH_ACT_NOBODY);
    /* A watch that comes later does not find it. */
    assert_int_equal(entry.order, HEALTH_ACTION_NONE);
    entry.order = HEALTH_ACTION_EJECT;
    assert_int_equal(health_action_ask(&entry, HEALTH_ACTION_DRAIN, MS(20)), HEALTH_ACT_BUSY);
    assert_int_equal(entry.order, HEALTH_ACTION_EJECT);
}

/* What an administrator reads; nothing that failed reads as done. */
static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(health_action_text(HEALTH_ACTED), "done");
    for (int i = HEALTH_ACT_NO_EJECT; i <= HEALTH_ACT_BUSY; i++) {
        for (int other = HEALTH_ACTED; other < i; other++)
            assert_string_not_equal(health_action_text((health_acted_e)i),
                                    health_action_text((health_acted_e)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {test_with_pool(test_names),
                                       test_with_pool(test_targets),
                                       test_with_pool(test_targets_that_are_none),
                                       test_with_pool(test_words),
                                       test_with_pool(test_answer_of_the_watch),
                                       test_with_pool(test_nobody_there),
                                       test_with_pool(test_texts)};

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
