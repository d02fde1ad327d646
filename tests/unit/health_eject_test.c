/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>

#include "health_eject.h"

#define SECOND APR_INT64_C(1000000)

static const health_eject_settings_t plain = {
    .errors = 3, .time = 10 * SECOND, .max = 25 * SECOND, .share = 50};

static apr_time_t eject_at(health_eject_t *eject, apr_time_t now)
{
    apr_time_t until = health_eject_claim(eject, &plain, now);

    if (until)
        health_eject_confirm(eject, HEALTH_ATTEMPT_STATUS, 500);
    return until;
}

static void test_defaults(void **state)
{
    health_eject_settings_t settings;

    (void)state;
    health_eject_defaults(&settings);
    assert_int_equal(settings.errors, 5);
    assert_int_equal(settings.time, 10 * SECOND);
    assert_int_equal(settings.max, 300 * SECOND);
    assert_int_equal(settings.share, 50);
}

static void test_what_is_a_failure(void **state)
{
    (void)state;
    assert_false(health_eject_is_failure(HEALTH_ATTEMPT_PASSED, 0));
    assert_false(health_eject_is_failure(HEALTH_ATTEMPT_STATUS, 404));
    assert_true(health_eject_is_failure(HEALTH_ATTEMPT_STATUS, 500));
    assert_true(health_eject_is_failure(HEALTH_ATTEMPT_TRUNCATED, 200));
    assert_true(health_eject_is_failure(HEALTH_ATTEMPT_CONNECT, 0));
}

static void test_only_consecutive_failures_count(void **state)
{
    health_eject_t eject = {0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_false(health_eject_failed(&eject, &plain));
        assert_false(health_eject_failed(&eject, &plain));
        health_eject_passed(&eject);
    }
    assert_false(health_eject_failed(&eject, &plain));
    assert_false(health_eject_failed(&eject, &plain));
    assert_true(health_eject_failed(&eject, &plain));
    assert_true(health_eject_failed(&eject, &plain)); /* until somebody ejects it */
    assert_int_not_equal(eject_at(&eject, SECOND), 0);
    assert_false(health_eject_failed(&eject, &plain));
}

static void test_room(void **state)
{
    (void)state;
    assert_int_equal(health_eject_room(0, 50), 0);
    assert_int_equal(health_eject_room(1, 100), 0);
    assert_int_equal(health_eject_room(2, 1), 1);
    assert_int_equal(health_eject_room(3, 50), 1);
    assert_int_equal(health_eject_room(4, 50), 2);
    assert_int_equal(health_eject_room(4, 100), 3);
    assert_int_equal(health_eject_room(1000, 33), 330);
}

static void test_time_grows_to_its_limit(void **state)
{
    health_eject_t eject = {0};
    apr_time_t now = SECOND;
    static const int seconds[] = {10, 20, 25, 25};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(eject_at(&eject, now), now + seconds[i] * SECOND);
        assert_int_equal(eject_at(&eject, now), 0);
        now += seconds[i] * SECOND;
        assert_false(health_eject_is_over(&eject, now - 1));
        assert_true(health_eject_is_over(&eject, now));
        health_eject_end(&eject, now);
        assert_false(health_eject_is_out(&eject));
        assert_false(health_eject_is_over(&eject, now));
    }
    assert_int_equal(tier_counter_get(&eject.ejections), 4);
}

static void test_huge_count_does_not_overflow(void **state)
{
    const health_eject_settings_t huge = {3, 3600 * SECOND, 86400 * SECOND, 50};
    health_eject_t eject = {.count = 0xffffffff};

    (void)state;
    assert_int_equal(health_eject_claim(&eject, &huge, SECOND), 86401 * SECOND);
}

static void test_cancelled_ejection_leaves_no_trace(void **state)
{
    health_eject_t eject = {0};
    apr_time_t until;

    (void)state;
    until = health_eject_claim(&eject, &plain, SECOND);
    health_eject_cancel(&eject, until);
    assert_false(health_eject_is_out(&eject));
    assert_int_equal(tier_counter_get(&eject.ejections), 0);
    assert_int_equal(eject_at(&eject, SECOND), 11 * SECOND);
    /* Not another one's. */
    health_eject_cancel(&eject, until + 1);
    assert_true(health_eject_is_out(&eject));
}

static void test_count_decays_in_service(void **state)
{
    health_eject_t eject = {0};
    apr_time_t now = SECOND;

    (void)state;
    eject_at(&eject, now);
    health_eject_end(&eject, now += 10 * SECOND);
    eject_at(&eject, now);
    health_eject_decay(&eject, &plain, now + 15 * SECOND); /* not while it is out */
    assert_int_equal(eject.count, 2);
    health_eject_end(&eject, now += 20 * SECOND);
    health_eject_decay(&eject, &plain, now + 10 * SECOND - 1);
    assert_int_equal(eject.count, 2);
    health_eject_decay(&eject, &plain, now += 10 * SECOND);
    health_eject_decay(&eject, &plain, now + SECOND);
    assert_int_equal(eject.count, 1);
    health_eject_decay(&eject, &plain, now + 10 * SECOND);
    health_eject_decay(&eject, &plain, now + 30 * SECOND);
    assert_int_equal(eject.count, 0);
}

static void test_reasons(void **state)
{
    health_eject_settings_t once = plain;
    health_eject_t eject = {0};
    char text[112];

    (void)state;
    once.errors = 1;
    health_eject_confirm(&eject, HEALTH_ATTEMPT_STATUS, 503);
    health_eject_reason(&eject, &plain, text, sizeof(text));
    assert_string_equal(text, "3 consecutive requests failed, the last one with status 503");
    health_eject_confirm(&eject, HEALTH_ATTEMPT_TRUNCATED, 200);
    health_eject_reason(&eject, &once, text, sizeof(text));
    assert_string_equal(text, "1 request failed, the last one: truncated");
    health_eject_reason(&eject, &once, text, 10);
    assert_string_equal(text, "1 request");
}

static void test_reasons_of_who_looked_at_all(void **state)
{
    static const struct {
        int why;
        const char *text;
    } reasons[] = {
        {HEALTH_OUTLIER_NONE, "asked for on the status page"},
        {HEALTH_OUTLIER_SUCCESS, "only 7% of its requests succeed, fewer than of the others"},
        {HEALTH_OUTLIER_FAILURES, "7% of its requests fail"},
        {HEALTH_OUTLIER_LATENCY, "its answers take 7 ms, much longer than those of the others"}};
    health_eject_t eject = {0};
    char text[112];

    (void)state;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        health_eject_confirm(&eject, HEALTH_ATTEMPT_KINDS + reasons[i].why, 7);
        health_eject_reason(&eject, &plain, text, sizeof(text));
        assert_string_equal(text, reasons[i].text);
    }
}

/* It goes on after a full restart, and the next one is as long as if there had been none. */
static void test_resumed_ejection(void **state)
{
    health_eject_t eject = {0};

    (void)state;
    health_eject_resume(&eject, 7 * SECOND, 1);
    assert_true(health_eject_is_out(&eject));
    assert_int_equal(eject_at(&eject, SECOND), 0);
    assert_false(health_eject_is_over(&eject, 7 * SECOND - 1));
    assert_true(health_eject_is_over(&eject, 7 * SECOND));
    assert_int_equal(tier_counter_get(&eject.ejections), 0); /* it is no new one */
    health_eject_end(&eject, 7 * SECOND);
    assert_int_equal(eject_at(&eject, 8 * SECOND), 28 * SECOND);
}

/* Four threads eject four members; the balancer has room for two. */
typedef struct race_t {
    health_eject_t members[4];
    pthread_barrier_t start;
} race_t;

typedef struct runner_t {
    race_t *race;
    int mine;
} runner_t;

static apr_uint32_t count_out(const race_t *race)
{
    apr_uint32_t out = 0;

    for (int i = 0; i < 4; i++)
        out += (apr_uint32_t)health_eject_is_out(&race->members[i]);
    return out;
}

static void *eject_one(void *data)
{
    const runner_t *runner = data;
    health_eject_t *eject = &runner->race->members[runner->mine];
    apr_time_t until;

    pthread_barrier_wait(&runner->race->start);
    until = health_eject_claim(eject, &plain, SECOND);
    if (count_out(runner->race) > health_eject_room(4, 50))
        health_eject_cancel(eject, until);
    return NULL;
}

static void test_threads_never_eject_too_many(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        race_t race = {0};
        runner_t runners[4];
        pthread_t threads[4];

        pthread_barrier_init(&race.start, NULL, 4);
        for (int i = 0; i < 4; i++) {
            runners[i] = (runner_t){&race, i};
            assert_int_equal(pthread_create(&threads[i], NULL, eject_one, &runners[i]), 0);
        }
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        assert_true(count_out(&race) <= 2);
        pthread_barrier_destroy(&race.start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_what_is_a_failure),
                                       cmocka_unit_test(test_only_consecutive_failures_count),
                                       cmocka_unit_test(test_room),
                                       cmocka_unit_test(test_time_grows_to_its_limit),
                                       cmocka_unit_test(test_huge_count_does_not_overflow),
                                       cmocka_unit_test(test_cancelled_ejection_leaves_no_trace),
                                       cmocka_unit_test(test_count_decays_in_service),
                                       cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_reasons_of_who_looked_at_all),
                                       cmocka_unit_test(test_resumed_ejection),
                                       cmocka_unit_test(test_threads_never_eject_too_many)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
