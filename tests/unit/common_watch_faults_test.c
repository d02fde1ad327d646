/* SPDX-License-Identifier: Apache-2.0 */
/* A watch whose lead, lock or pollset fails. */
#include "common_watch_scene.h"

#include <errno.h>

/* Fault: lead fails once in a child of two. What it armed is disarmed, and a child leads a second
 * later. */
static void a_lead_that_fails_is_logged_and_tried_again(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool, *other_pool;
    actor_t one, other;
    stopwatch_t began = stopwatch_start();

    scene->failing = 1;
    apr_pool_create(&pool, *state);
    apr_pool_create(&other_pool, *state);
    assert_int_equal(start(&one, scene, pool), APR_SUCCESS);
    assert_true(wait_until(get(one.log.count) == 2, LONG));
    assert_int_equal(start(&other, scene, other_pool), APR_SUCCESS);
    assert_int_equal(count_lines(&one.log, "WT0003: tier-test"), 1);
    assert_int_equal(one.log.lines[1].level, TIER_LOG_ERR);
    assert_int_equal(one.log.lines[1].status, APR_EMISMATCH);
    usleep(100000);
    assert_int_equal(get(scene->ticks), 0);
    assert_true(wait_until(get(scene->elected), LONG));
    assert_true(get(scene->elected) - began.began >= MS(1000));
    assert_true(stopwatch_took(&began, get(scene->elected)) < MS(1500));
    assert_int_equal(get(scene->loses), 0);
    assert_true(wait_until(get(scene->ticks) >= 1, LONG));
    apr_pool_destroy(pool);
    apr_pool_destroy(other_pool);
    /* Each term's pool went, the failed one's too. The other may lead for a moment when the first
     * ends. */
    assert_in_range(get(scene->loses), 1, 2);
    assert_int_equal(get(scene->gone), get(scene->loses) + 1);
}

static void one_that_pauses_ends_quickly(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool;
    actor_t actor;

    scene->failing = 1;
    apr_pool_create(&pool, *state);
    assert_int_equal(start(&actor, scene, pool), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    assert_true(destroy(pool) < QUICK);
    assert_int_equal(get(scene->loses), 0);
    assert_int_equal(get(scene->leader.pid), 0);
}

static void lose_may_be_left_out(void **state)
{
    scene_t *scene = make_scene(*state);
    tier_watch_spec_t spec = {0};
    actor_t actor = {0};
    tier_watch_t *watch;
    apr_pool_t *pool;

    actor.scene = scene;
    spec.name = "a name longer than a thread's may be";
    spec.leader = &scene->leader;
    spec.baton = &actor;
    spec.lead = lead;
    apr_pool_create(&pool, *state);
    assert_int_equal(tier_watch_start(&watch, &spec, pool), APR_SUCCESS);
    assert_true(wait_until(get(scene->ticks), LONG));
    apr_pool_destroy(pool);
    assert_int_equal(get(scene->gone), 1);
}

static void an_unusable_lock_is_logged_once(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool;
    actor_t actor;
    pid_t child = fork();

    if (child == 0) {
        pthread_mutex_lock(&scene->leader.mutex);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(pthread_mutex_lock(&scene->leader.mutex), EOWNERDEAD);
    pthread_mutex_unlock(&scene->leader.mutex); /* without repair */

    apr_pool_create(&pool, *state);
    assert_int_equal(start(&actor, scene, pool), APR_SUCCESS);
    usleep(300000);
    apr_pool_destroy(pool);
    assert_int_equal(actor.log.count, 1);
    assert_int_equal(count_lines(&actor.log, "WT0004: tier-test"), 1);
    assert_int_equal(actor.log.lines[0].level, TIER_LOG_ERR);
    assert_int_equal(actor.log.lines[0].status, ENOTRECOVERABLE);
}

static void a_pollset_that_fails_ends_the_watch(void **state)
{
    scene_t *scene = make_scene(*state);
    apr_pool_t *pool;
    actor_t actor;

    apr_pool_create(&pool, *state);
    assert_int_equal(start(&actor, scene, pool), APR_SUCCESS);
    assert_true(wait_until(get(scene->leads), LONG));
    set(poll_fails, EBADF);
    assert_true(wait_until(count_lines(&actor.log, "WT0005: tier-test"), LONG));
    assert_true(wait_until(count_lines(&actor.log, "WT0002: tier-test"), LONG));
    assert_int_equal(get(scene->loses), 1);
    apr_pool_destroy(pool);
}

static void a_watch_that_cannot_start_is_an_error(void **state)
{
    scene_t *scene = make_scene(*state);
    actor_t actor;

    create_fails = EMFILE;
    assert_int_equal(start(&actor, scene, *state), EMFILE);
    create_fails = APR_SUCCESS;
    assert_int_equal(get(scene->leader.terms), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_lead_that_fails_is_logged_and_tried_again),
        test_with_pool(one_that_pauses_ends_quickly),
        test_with_pool(lose_may_be_left_out),
        test_with_pool(an_unusable_lock_is_logged_once),
        test_with_pool(a_pollset_that_fails_ends_the_watch),
        test_with_pool(a_watch_that_cannot_start_is_an_error),
    };
    return cmocka_run_group_tests_name("common_watch_faults", tests, set_up, stop_apr);
}
