/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "robust.h"

/* A lock that children inherit. */
static int make_lock(void **state)
{
    pthread_mutex_t *lock =
        mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (lock == MAP_FAILED)
        return -1;
    *state = lock;
    return tier_robust_init(lock);
}

static int drop_lock(void **state)
{
    return munmap(*state, sizeof(pthread_mutex_t));
}

/* Runs function in a child, which may end with the lock held. Returns its exit status. */
static int in_child(int (*function)(pthread_mutex_t *lock), pthread_mutex_t *lock)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(function(lock));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int take_and_die(pthread_mutex_t *lock)
{
    return tier_robust_lock(lock, NULL);
}

static int try_it(pthread_mutex_t *lock)
{
    return tier_robust_try(lock, NULL) == APR_EBUSY ? EBUSY : 0;
}

static void test_another_process_is_kept_out(void **state)
{
    int died = 1;

    assert_int_equal(tier_robust_lock(*state, &died), APR_SUCCESS);
    assert_int_equal(died, 0);
    assert_int_equal(in_child(try_it, *state), EBUSY);
    tier_robust_unlock(*state);
    assert_int_equal(in_child(try_it, *state), 0);
}

static void test_the_next_is_told_of_a_death(void **state)
{
    int died = 0;

    assert_int_equal(in_child(take_and_die, *state), APR_SUCCESS);
    assert_int_equal(tier_robust_lock(*state, &died), APR_SUCCESS);
    assert_int_equal(died, 1);
    tier_robust_unlock(*state);
    assert_int_equal(tier_robust_lock(*state, &died), APR_SUCCESS);
    assert_int_equal(died, 0);
    tier_robust_unlock(*state);
}

static void test_trying_tells_of_a_death_too(void **state)
{
    int died = 0;

    assert_int_equal(in_child(take_and_die, *state), APR_SUCCESS);
    assert_int_equal(tier_robust_try(*state, &died), APR_SUCCESS);
    assert_int_equal(died, 1);
    tier_robust_unlock(*state);
}

static void test_an_owner_that_asks_again_does_not_hang(void **state)
{
    assert_int_equal(tier_robust_lock(*state, NULL), APR_SUCCESS);
    assert_int_equal(tier_robust_lock(*state, NULL), EDEADLK);
    assert_int_equal(tier_robust_try(*state, NULL), EDEADLK);
    tier_robust_unlock(*state);
}

/* Who unlocks after a death without having made the state consistent leaves this behind. */
static void test_a_lock_beyond_repair_is_an_error(void **state)
{
    assert_int_equal(in_child(take_and_die, *state), APR_SUCCESS);
    assert_int_equal(pthread_mutex_lock(*state), EOWNERDEAD);
    pthread_mutex_unlock(*state);
    assert_int_equal(tier_robust_lock(*state, NULL), ENOTRECOVERABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_process_is_kept_out, make_lock, drop_lock),
        cmocka_unit_test_setup_teardown(test_the_next_is_told_of_a_death, make_lock, drop_lock),
        cmocka_unit_test_setup_teardown(test_trying_tells_of_a_death_too, make_lock, drop_lock),
        cmocka_unit_test_setup_teardown(test_an_owner_that_asks_again_does_not_hang, make_lock,
                                        drop_lock),
        cmocka_unit_test_setup_teardown(test_a_lock_beyond_repair_is_an_error, make_lock,
                                        drop_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
