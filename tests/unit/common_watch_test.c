/* SPDX-License-Identifier: Apache-2.0 */
/* Who leads, and who leads next. */
#include "common_watch_scene.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CHILDREN        4
#define TAKE_OVER_LIMIT MS(100)

/* Returns how long it took from since on until one was elected. */
static apr_interval_time_t wait_for_leader(scene_t *scene, const stopwatch_t *since)
{
    assert_true(wait_until(get(scene->elected) >= since->began, LONG));
    return stopwatch_took(since, get(scene->elected));
}

static void it_leads_works_and_ends_with_its_pool(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool;
    actor_t actor;

    apr_pool_create(&pool, *state);
    assert_int_equal(start(&actor, scene, pool), APR_SUCCESS);
    assert_true(wait_until(get(scene->ticks) >= 3, LONG));
    assert_int_equal(get(scene->leader.pid), getpid());
    assert_true(destroy(pool) < QUICK);
    assert_int_equal(get(scene->leads), 1);
    assert_int_equal(get(scene->loses), 1);
    assert_int_equal(get(scene->gone), 1);
    assert_int_equal(get(scene->wrong), 0);
    assert_int_equal(get(scene->leader.pid), 0);
    assert_int_equal(count_lines(&actor.log, "WT0001: tier-test: this child leads now, term 1"), 1);
    assert_int_equal(count_lines(&actor.log, "WT0002: tier-test"), 1);
    assert_int_equal(actor.log.count, 2);
    assert_int_equal(actor.log.lines[0].level, TIER_LOG_INFO);
}

static void signals_stay_with_the_main_thread(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool;
    sigset_t mask;
    actor_t actor;

    apr_pool_create(&pool, *state);
    assert_int_equal(start(&actor, scene, pool), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    apr_pool_destroy(pool);
    assert_int_equal(actor.blocked, 1);
    assert_int_equal(actor.faults, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void a_follower_ends_quickly_too(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *first, *second;
    actor_t leader, follower;

    apr_pool_create(&first, *state);
    apr_pool_create(&second, *state);
    assert_int_equal(start(&leader, scene, first), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    assert_int_equal(start(&follower, scene, second), APR_SUCCESS);
    usleep(120000);
    assert_true(destroy(second) < QUICK);
    assert_int_equal(get(scene->leads), 1);
    assert_int_equal(follower.log.count, 0);
    apr_pool_destroy(first);
}

static void the_next_one_follows_at_once(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *first, *second;
    actor_t leader, follower;
    stopwatch_t ended;

    apr_pool_create(&first, *state);
    apr_pool_create(&second, *state);
    assert_int_equal(start(&leader, scene, first), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    assert_int_equal(start(&follower, scene, second), APR_SUCCESS);
    ended = stopwatch_start();
    apr_pool_destroy(first);
    assert_true(wait_for_leader(scene, &ended) < TAKE_OVER_LIMIT);
    assert_int_equal(count_lines(&follower.log, "WT0001: tier-test: this child leads now, term 2"),
                     1);
    apr_pool_destroy(second);
    assert_null(strstr(follower.log.lines[0].text, "died"));
}

static void one_that_retires_never_leads_again(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *first, *second;
    actor_t old, young;

    apr_pool_create(&first, *state);
    apr_pool_create(&second, *state);
    assert_int_equal(start(&old, scene, first), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    assert_int_equal(start(&young, scene, second), APR_SUCCESS);
    set(old.retired, 1);
    assert_true(wait_until(get(scene->leads) == 2, LONG));
    assert_int_equal(get(scene->loses), 1);
    apr_pool_destroy(second);
    assert_int_equal(get(scene->loses), 2);
    usleep(150000);
    assert_int_equal(get(scene->leads), 2);
    assert_true(destroy(first) < QUICK); /* its thread has ended already */
    assert_int_equal(count_lines(&old.log, "WT0001"), 1);
}

static void one_that_retires_leads_until_it_is_relieved(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *first, *second;
    actor_t old, young;
    apr_uint32_t ticks;

    apr_pool_create(&first, *state);
    apr_pool_create(&second, *state);
    assert_int_equal(start(&old, scene, first), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    set(old.retired, 1);
    usleep(200000);
    assert_int_equal(get(scene->loses), 0);
    ticks = get(scene->ticks);
    assert_true(wait_until(get(scene->ticks) > ticks + 2, LONG));
    assert_int_equal(start(&young, scene, second), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads) == 2, LONG));
    assert_int_equal(get(scene->loses), 1);
    apr_pool_destroy(second);
    apr_pool_destroy(first);
}

/* Children of one server, each with a watch, as httpd's. */

static pid_t start_child(scene_t *scene)
{
    apr_pool_t *pool;
    actor_t actor;
    sigset_t terminate, before;
    int signal_number;
    pid_t child;

    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, &before); /* so that the child never dies of it */
    child = fork();
    assert_true(child >= 0);
    if (child) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a check below fails */
    apr_pool_create(&pool, NULL);
    if (start(&actor, scene, pool) != APR_SUCCESS) {
        _exit(1);
    }
    sigwait(&terminate, &signal_number);
    apr_pool_destroy(pool);
    _exit(0);
}

static int end_child(pid_t child, int signal_number)
{
    int status = 0;

    kill(child, signal_number);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int find(const pid_t *children, pid_t child)
{
    int i = 0;

    while (children[i] != child) {
        assert_true(++i < CHILDREN);
    }
    return i;
}

static int by_size(const void *one, const void *other)
{
    const apr_interval_time_t *a = one, *b = other;

    return *a < *b ? -1 : *a > *b;
}

#define KILLS 10

/* Fault: kill -9 of the child that leads, ten times. Load: four children with a watch each. */
static void a_killed_child_is_followed_within_100_ms(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_interval_time_t took[KILLS];
    pid_t children[CHILDREN];
    int i;

    for (i = 0; i < CHILDREN; i++) {
        children[i] = start_child(scene);
    }
    assert_true(wait_until(get(scene->elected), LONG));
    for (i = 0; i < KILLS; i++) {
        int leading = find(children, get(scene->leader.pid));
        stopwatch_t killed;

        usleep(50000 + (useconds_t)i * 7000 % 50000); /* at any time between two polls */
        killed = stopwatch_start();
        assert_int_equal(end_child(children[leading], SIGKILL), -SIGKILL);
        took[i] = wait_for_leader(scene, &killed);
        children[leading] = start_child(scene);
    }
    qsort(took, KILLS, sizeof(took[0]), by_size);
    print_message(
        "take-over after kill -9, less what the machine was late, ms: median %.1f, longest %.1f\n",
        (double)took[KILLS / 2] / 1000, (double)took[KILLS - 1] / 1000);
    assert_true(took[KILLS - 1] < TAKE_OVER_LIMIT);
    assert_int_equal(get(scene->leads), KILLS + 1);
    for (i = 0; i < CHILDREN; i++) {
        assert_int_equal(end_child(children[i], SIGTERM), 0);
    }
    assert_int_equal(get(scene->wrong), 0);
}

/* A graceful restart: the leading child is told that it is of an old generation. */
static void a_retired_child_hands_over(void **state)
{
    scene_t *scene = make_scene(*state);
    pid_t children[CHILDREN];
    pid_t old;
    stopwatch_t told;
    int i;

    for (i = 0; i < CHILDREN; i++) {
        children[i] = start_child(scene);
    }
    assert_true(wait_until(get(scene->elected), LONG));
    old = get(scene->leader.pid);
    told = stopwatch_start();
    set(scene->retired, old);
    assert_true(wait_for_leader(scene, &told) < 2 * TAKE_OVER_LIMIT);
    assert_int_not_equal(get(scene->leader.pid), old);
    assert_int_equal(get(scene->loses), 1);
    for (i = 0; i < CHILDREN; i++) {
        if (children[i] != old) {
            assert_int_equal(end_child(children[i], SIGTERM), 0);
        }
    }
    usleep(150000);
    assert_int_equal(get(scene->leader.pid), 0);
    assert_int_equal(end_child(old, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_killed_child_is_followed_within_100_ms),
        test_with_pool(a_retired_child_hands_over),
        test_with_pool(it_leads_works_and_ends_with_its_pool),
        test_with_pool(signals_stay_with_the_main_thread),
        test_with_pool(a_follower_ends_quickly_too),
        test_with_pool(the_next_one_follows_at_once),
        test_with_pool(one_that_retires_never_leads_again),
        test_with_pool(one_that_retires_leads_until_it_is_relieved),
    };
    return cmocka_run_group_tests_name("common_watch", tests, set_up, stop_apr);
}
