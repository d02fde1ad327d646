/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "breaker.h"

#define START    apr_time_from_sec(1000)
#define MSEC(n)  apr_time_from_msec(n)
#define INTERVAL MSEC(250)

static void a_fresh_breaker_lets_calls_through(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    assert_int_equal(tier_breaker_allows(&breaker), 1);
    assert_int_equal(tier_counter_get(&breaker.refused), 0);
}

static void one_failure_opens_at_threshold_one_and_one_caller_is_told(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    assert_int_equal(tier_breaker_failure(&breaker, 1, START - 1, START), 1);
    assert_int_equal(tier_breaker_failure(&breaker, 1, START - 1, START + 1), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 0);
    assert_int_equal(tier_counter_get(&breaker.refused), 2);
    assert_int_equal(tier_counter_get(&breaker.opened), 1);
    assert_int_equal(breaker.since, START);
}

static void only_consecutive_failures_count(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tier_breaker_failure(&breaker, 3, START, START), 0);
        assert_int_equal(tier_breaker_failure(&breaker, 3, START, START), 0);
        assert_int_equal(tier_breaker_success(&breaker, START, START), 0);
    }
    assert_int_equal(tier_breaker_failure(&breaker, 3, START, START), 0);
    assert_int_equal(tier_breaker_failure(&breaker, 3, START, START), 0);
    assert_int_equal(tier_breaker_failure(&breaker, 3, START, START), 1);
}

static void only_a_success_that_began_since_closes(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    tier_breaker_failure(&breaker, 1, START, START);
    assert_int_equal(tier_breaker_success(&breaker, START - 1, START + 10), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 0);
    assert_int_equal(tier_breaker_success(&breaker, START + 1, START + 10), 1);
    assert_int_equal(tier_breaker_success(&breaker, START + 1, START + 10), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 1);
    assert_int_equal(breaker.since, START + 10);
}

/* It hung before the server was back: that says nothing of the server as it is now. */
static void a_failure_that_began_before_the_closing_does_not_open(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    tier_breaker_failure(&breaker, 1, START, START);
    tier_breaker_success(&breaker, START + 1, START + 10);
    assert_int_equal(tier_breaker_failure(&breaker, 1, START - 5, START + 20), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 1);
    assert_int_equal(tier_breaker_failure(&breaker, 1, START + 11, START + 21), 1);
}

static void failures_of_before_the_closing_are_forgotten(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        tier_breaker_failure(&breaker, 3, START, START);
    tier_breaker_success(&breaker, START + 1, START + 2);
    assert_int_equal(tier_breaker_failure(&breaker, 3, START + 3, START + 4), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 1);
}

static void a_probe_is_due_once_an_interval_while_open(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START), 0);
    tier_breaker_failure(&breaker, 1, START, START);
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START + INTERVAL - 1), 0);
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START + INTERVAL), 1);
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START + INTERVAL), 0);
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START + 2 * INTERVAL), 1);
    tier_breaker_success(&breaker, START + 2 * INTERVAL, START + 2 * INTERVAL + 1);
    assert_int_equal(tier_breaker_probe_due(&breaker, INTERVAL, START + 9 * INTERVAL), 0);
}

static void a_change_is_news_once(void **state)
{
    tier_breaker_t breaker = {0};
    apr_uint64_t untold = 9;

    (void)state;
    assert_int_equal(tier_breaker_news(&breaker, START, &untold), TIER_BREAKER_NO_NEWS);
    tier_breaker_failure(&breaker, 1, START, START);
    assert_int_equal(tier_breaker_news(&breaker, START, &untold), TIER_BREAKER_HAS_OPENED);
    assert_int_equal(untold, 0);
    assert_int_equal(tier_breaker_news(&breaker, START, &untold), TIER_BREAKER_NO_NEWS);
    tier_breaker_success(&breaker, START + 1, START + 2);
    assert_int_equal(tier_breaker_news(&breaker, START + 2, &untold), TIER_BREAKER_HAS_CLOSED);
    assert_int_equal(tier_breaker_news(&breaker, START + 2, &untold), TIER_BREAKER_NO_NEWS);
}

/* Opens and closes at now and asks for news after both. Returns how many lines that makes. */
static int flap(tier_breaker_t *breaker, apr_time_t now, apr_uint64_t *untold)
{
    apr_uint64_t ignored;
    int lines;

    assert_int_equal(tier_breaker_failure(breaker, 1, now, now), 1);
    lines = tier_breaker_news(breaker, now, untold) != TIER_BREAKER_NO_NEWS;
    assert_int_equal(tier_breaker_success(breaker, now + 1, now + 1), 1);
    return lines + (tier_breaker_news(breaker, now + 1, &ignored) != TIER_BREAKER_NO_NEWS);
}

static void a_server_that_comes_and_goes_is_told_once_a_minute(void **state)
{
    tier_breaker_t breaker = {0};
    apr_uint64_t untold = 0;
    int lines = 0, i;

    (void)state;
    for (i = 0; i < 200; i++)
        lines += flap(&breaker, START + i * INTERVAL, &untold);
    assert_int_equal(lines, 2);
    assert_int_equal(flap(&breaker, START + TIER_BREAKER_QUIET + INTERVAL, &untold), 2);
    assert_int_equal(untold, 199);
}

static void a_fault_after_a_steady_time_is_told_at_once(void **state)
{
    tier_breaker_t breaker = {0};
    apr_uint64_t untold;

    (void)state;
    assert_int_equal(flap(&breaker, START, &untold), 2);
    assert_int_equal(flap(&breaker, START + TIER_BREAKER_STEADY + 2, &untold), 2);
    assert_int_equal(untold, 0);
}

static void what_was_held_back_is_told_when_it_lasts(void **state)
{
    tier_breaker_t breaker = {0};
    apr_uint64_t untold;
    apr_time_t again = START + MSEC(500);

    (void)state;
    flap(&breaker, START, &untold);
    assert_int_equal(tier_breaker_failure(&breaker, 1, again, again), 1);
    assert_int_equal(tier_breaker_news(&breaker, again, &untold), TIER_BREAKER_NO_NEWS);
    assert_int_equal(tier_breaker_news(&breaker, START + TIER_BREAKER_QUIET, &untold),
                     TIER_BREAKER_NO_NEWS);
    assert_int_equal(tier_breaker_news(&breaker, START + TIER_BREAKER_QUIET + 2, &untold),
                     TIER_BREAKER_HAS_OPENED);
}

typedef struct race_t {
    tier_breaker_t breaker;
    int go;      /* atomic, as all here */
    int ready;   /* how many runners wait for go */
    int opened;  /* how many were told that they opened it */
    int told;    /* how many got the news of it */
    int probing; /* how many were told to probe */
    int closed;  /* how many were told that they closed it */
} race_t;

#define RUNNERS 4
#define ROUNDS  2000

static void count(int *counter, int n)
{
    __atomic_add_fetch(counter, n, __ATOMIC_ACQ_REL);
}

static void await(const int *counter, int n)
{
    /* Awake for a while, so that the runners go on at the same moment where there are processors
     * for it. */
    for (int spins = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < n; spins++) {
        if (spins > 10000)
            sched_yield();
    }
}

/* Runs all rounds; each has three steps that every runner takes at the same time. */
static void *run(void *data)
{
    race_t *race = data;
    apr_uint64_t untold;

    for (int round = 0; round < ROUNDS; round++) {
        apr_time_t now = START + round * apr_time_from_sec(100);
        int step = round * 3 * RUNNERS;

        count(&race->ready, 1);
        await(&race->ready, step + RUNNERS);
        count(&race->opened, tier_breaker_failure(&race->breaker, 2, now, now));
        count(&race->ready, 1);
        await(&race->ready, step + 2 * RUNNERS);
        count(&race->told,
              tier_breaker_news(&race->breaker, now, &untold) == TIER_BREAKER_HAS_OPENED);
        count(&race->probing, tier_breaker_probe_due(&race->breaker, INTERVAL, now + INTERVAL));
        count(&race->ready, 1);
        await(&race->ready, step + 3 * RUNNERS);
        count(&race->closed, tier_breaker_success(&race->breaker, now + INTERVAL, now + MSEC(300)));
        tier_breaker_news(&race->breaker, now, &untold);
    }
    return NULL;
}

static void assert_one_each(const race_t *race)
{
    assert_int_equal(race->opened, ROUNDS);
    assert_int_equal(race->told, ROUNDS);
    assert_int_equal(race->probing, ROUNDS);
    assert_int_equal(race->closed, ROUNDS);
    assert_int_equal(tier_counter_get(&race->breaker.opened), ROUNDS);
}

static void of_many_threads_one_opens_tells_probes_and_closes(void **state)
{
    race_t race = {0};
    pthread_t threads[RUNNERS];

    (void)state;
    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
    for (int i = 0; i < RUNNERS; i++)
        pthread_join(threads[i], NULL);
    assert_one_each(&race);
}

static void of_many_processes_one_opens_tells_probes_and_closes(void **state)
{
    race_t *race =
        mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[RUNNERS];
    int status;

    (void)state;
    assert_ptr_not_equal(race, MAP_FAILED);
    for (int i = 0; i < RUNNERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            run(race);
            _exit(0);
        }
    }
    for (int i = 0; i < RUNNERS; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_one_each(race);
    munmap(race, sizeof(*race));
}

/* Half of the last sixteen; one slow call among fast ones is nothing. */
static void a_server_that_is_slow_is_given_up(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(tier_breaker_pace(&breaker, i % 3 == 0, START, START + i), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 1);
    breaker.pace = 0;
    for (int i = 0; i < TIER_BREAKER_PACE / 2 - 1; i++)
        assert_int_equal(tier_breaker_pace(&breaker, 1, START, START + i), 0);
    assert_int_equal(tier_breaker_pace(&breaker, 1, START, START + 300), 1);
    assert_int_equal(tier_breaker_pace(&breaker, 1, START, START + 301), 0);
    assert_int_equal(tier_breaker_allows(&breaker), 0);
    assert_int_equal(breaker.since, START + 300);
    assert_int_equal(tier_counter_get(&breaker.opened), 1);
}

/* Closed again, it begins anew: what was slow before is not held against it. */
static void slowness_of_before_is_forgotten(void **state)
{
    tier_breaker_t breaker = {0};

    (void)state;
    for (int i = 0; i < TIER_BREAKER_PACE / 2; i++)
        tier_breaker_pace(&breaker, 1, START, START + 10);
    assert_int_equal(tier_breaker_success(&breaker, START + 11, START + 12), 1);
    for (int i = 0; i < 3 * TIER_BREAKER_PACE; i++)
        assert_int_equal(tier_breaker_pace(&breaker, 1, START + 11, START + 20), 0);
    assert_int_equal(tier_breaker_pace(&breaker, 1, START + 12, START + 20), 0);
    assert_int_equal(breaker.pace, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_breaker_lets_calls_through),
        cmocka_unit_test(one_failure_opens_at_threshold_one_and_one_caller_is_told),
        cmocka_unit_test(only_consecutive_failures_count),
        cmocka_unit_test(only_a_success_that_began_since_closes),
        cmocka_unit_test(a_failure_that_began_before_the_closing_does_not_open),
        cmocka_unit_test(failures_of_before_the_closing_are_forgotten),
        cmocka_unit_test(a_server_that_is_slow_is_given_up),
        cmocka_unit_test(slowness_of_before_is_forgotten),
        cmocka_unit_test(a_probe_is_due_once_an_interval_while_open),
        cmocka_unit_test(a_change_is_news_once),
        cmocka_unit_test(a_server_that_comes_and_goes_is_told_once_a_minute),
        cmocka_unit_test(a_fault_after_a_steady_time_is_told_at_once),
        cmocka_unit_test(what_was_held_back_is_told_when_it_lasts),
        cmocka_unit_test(of_many_threads_one_opens_tells_probes_and_closes),
        cmocka_unit_test(of_many_processes_one_opens_tells_probes_and_closes),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
