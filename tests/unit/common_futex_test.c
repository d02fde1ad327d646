/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex.h"

#define FOR_EVER apr_time_from_sec(60)

typedef struct shared_t {
    apr_uint32_t word;
    apr_uint32_t waiters;
} shared_t;

static int make_shared(void **state)
{
    *state =
        mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return *state == MAP_FAILED ? -1 : 0;
}

static int drop_shared(void **state)
{
    return munmap(*state, sizeof(shared_t));
}

/* A process that sleeps while the word is 0; its exit status is the value it woke to. */
static pid_t start_sleeper(shared_t *shared)
{
    pid_t child = fork();

    if (child == 0) {
        while (__atomic_load_n(&shared->word, __ATOMIC_SEQ_CST) == 0)
            tier_futex_wait_counted(&shared->word, 0, FOR_EVER, &shared->waiters);
        _exit((int)shared->word);
    }
    return child;
}

static int end_of(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_changed_word_wakes_all_of_another_process(void **state)
{
    shared_t *shared = *state;
    apr_time_t begun = tier_clock_now();
    pid_t one = start_sleeper(shared);
    pid_t other = start_sleeper(shared);

    assert_true(wait_until(__atomic_load_n(&shared->waiters, __ATOMIC_SEQ_CST) == 2,
                           apr_time_from_sec(30)));
    __atomic_store_n(&shared->word, 7, __ATOMIC_SEQ_CST);
    tier_futex_wake_counted(&shared->word, &shared->waiters);
    assert_int_equal(end_of(one), 7);
    assert_int_equal(end_of(other), 7);
    assert_int_equal(shared->waiters, 0);
    assert_true(tier_clock_now() - begun < FOR_EVER);
}

static void test_as_many_are_woken_as_asked_for(void **state)
{
    shared_t *shared = *state;
    pid_t sleepers[] = {start_sleeper(shared), start_sleeper(shared)};

    assert_true(wait_until(__atomic_load_n(&shared->waiters, __ATOMIC_SEQ_CST) == 2,
                           apr_time_from_sec(30)));
    __atomic_store_n(&shared->word, 7, __ATOMIC_SEQ_CST);
    /* the kernel may not have put them to sleep yet: then they see the value */
    tier_futex_wake_some(&shared->word, 1);
    tier_futex_wake_some(&shared->word, 1);
    assert_int_equal(end_of(sleepers[0]), 7);
    assert_int_equal(end_of(sleepers[1]), 7);
}

static void test_nobody_sleeps_on_a_value_that_is_gone(void **state)
{
    shared_t *shared = *state;
    apr_time_t begun = tier_clock_now();

    shared->word = 1;
    assert_false(tier_futex_wait(&shared->word, 0, FOR_EVER));
    assert_true(tier_clock_now() - begun < FOR_EVER);
}

static void test_sleep_ends_by_itself(void **state)
{
    shared_t *shared = *state;
    apr_time_t begun = tier_clock_now();

    while (tier_clock_now() - begun < apr_time_from_msec(20))
        tier_futex_wait_counted(&shared->word, 0, apr_time_from_msec(20), &shared->waiters);
    assert_int_equal(shared->waiters, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_changed_word_wakes_all_of_another_process,
                                        make_shared, drop_shared),
        cmocka_unit_test_setup_teardown(test_as_many_are_woken_as_asked_for, make_shared,
                                        drop_shared),
        cmocka_unit_test_setup_teardown(test_nobody_sleeps_on_a_value_that_is_gone, make_shared,
                                        drop_shared),
        cmocka_unit_test_setup_teardown(test_sleep_ends_by_itself, make_shared, drop_shared),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
