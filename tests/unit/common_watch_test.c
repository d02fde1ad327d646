/* SPDX-License-Identifier: Apache-2.0 */
#include "common_support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common_stopwatch.h"
#include "segment.h"
#include "watch.h"

#define MS(n)           apr_time_from_msec(n)
#define CHILDREN        4
#define TAKE_OVER_LIMIT MS(100)
#define QUICK           MS(400)   /* no stop of httpd is held up; a pause is a second */
#define LONG            MS(30000) /* only a fault makes a test wait for so long */

/* The pollset's failures are made here: see common.cmake. */
static apr_status_t poll_fails;
static apr_status_t create_fails;

apr_status_t __real_apr_pollset_poll(apr_pollset_t *, apr_interval_time_t, apr_int32_t *,
                                     const apr_pollfd_t **);
apr_status_t __wrap_apr_pollset_poll(apr_pollset_t *, apr_interval_time_t, apr_int32_t *,
                                     const apr_pollfd_t **);
apr_status_t __real_apr_pollset_create(apr_pollset_t **, apr_uint32_t, apr_pool_t *, apr_uint32_t);
apr_status_t __wrap_apr_pollset_create(apr_pollset_t **, apr_uint32_t, apr_pool_t *, apr_uint32_t);

apr_status_t __wrap_apr_pollset_poll(apr_pollset_t *pollset, apr_interval_time_t timeout,
                                     apr_int32_t *count, const apr_pollfd_t **events)
{
    apr_status_t fails = __atomic_load_n(&poll_fails, __ATOMIC_RELAXED);

    return fails ? fails : __real_apr_pollset_poll(pollset, timeout, count, events);
}

apr_status_t __wrap_apr_pollset_create(apr_pollset_t **pollset, apr_uint32_t size, apr_pool_t *pool,
                                       apr_uint32_t flags)
{
    return create_fails ? create_fails : __real_apr_pollset_create(pollset, size, pool, flags);
}

/* In shared memory: what all watches do to one another. All fields but leader are atomic. */
typedef struct scene_t {
    tier_leader_t leader;
    apr_int64_t elected;  /* when lead was called last */
    apr_uint32_t leads;   /* calls of lead */
    apr_uint32_t loses;   /* calls of lose */
    apr_uint32_t ticks;   /* of the leader's own timer */
    apr_uint32_t gone;    /* pools of terms destroyed */
    apr_uint32_t failing; /* lead is to fail so often */
    apr_uint32_t failed;  /* lead has failed so often */
    apr_uint32_t wrong;   /* callbacks in the wrong order */
    apr_int32_t retired;  /* the pid that is told to retire */
} scene_t;

#define get(field)        __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define set(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)
#define increment(field)  __atomic_add_fetch(&(field), 1, __ATOMIC_ACQ_REL)

/* One watch's side of it. */
typedef struct actor_t {
    scene_t *scene;
    tier_loop_timer_t *timer;
    int blocked; /* SIGTERM in the watch's thread */
    int faults;  /* SIGSEGV there */
    int retired;
    kept_log_t log;
} actor_t;

static scene_t *make_scene(apr_pool_t *pool)
{
    tier_segment_t segment;
    scene_t *scene;

    poll_fails = create_fails = APR_SUCCESS;
    assert_int_equal(tier_segment_obtain(&segment, "tier-test", 1, sizeof(scene_t), pool),
                     APR_SUCCESS);
    scene = segment.base;
    assert_int_equal(tier_leader_init(&scene->leader), APR_SUCCESS);
    return scene;
}

static void tick(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    actor_t *actor = timer->baton;

    increment(actor->scene->ticks);
    tier_loop_timer_set(loop, timer, tier_loop_now(loop) + MS(5));
}

static apr_status_t term_gone(void *data)
{
    scene_t *scene = data;

    if (increment(scene->gone) > get(scene->loses) + get(scene->failed)) {
        increment(scene->wrong);
    }
    return APR_SUCCESS;
}

static apr_status_t lead(tier_loop_t *loop, void *baton, apr_pool_t *pool)
{
    actor_t *actor = baton;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    actor->blocked = sigismember(&mask, SIGTERM);
    actor->faults = sigismember(&mask, SIGSEGV);
    actor->timer = apr_pcalloc(pool, sizeof(*actor->timer)); /* gone with the term */
    actor->timer->fire = tick;
    actor->timer->baton = actor;
    apr_pool_cleanup_register(pool, actor->scene, term_gone, apr_pool_cleanup_null);
    tier_loop_timer_set(loop, actor->timer, tier_loop_now(loop) + MS(5));
    increment(actor->scene->leads);
    if (get(actor->scene->failing)) {
        __atomic_sub_fetch(&actor->scene->failing, 1, __ATOMIC_ACQ_REL);
        increment(actor->scene->failed);
        return APR_EMISMATCH;
    }
    set(actor->scene->elected, tier_clock_now());
    return APR_SUCCESS;
}

static void lose(void *baton)
{
    actor_t *actor = baton;

    if (!actor->timer->slot) {
        increment(actor->scene->wrong); /* the term's memory and timers are still there */
    }
    increment(actor->scene->loses);
}

static int is_retired(void *baton)
{
    actor_t *actor = baton;

    return get(actor->retired) || get(actor->scene->retired) == getpid();
}

static apr_status_t start(actor_t *actor, scene_t *scene, apr_pool_t *pool)
{
    tier_watch_spec_t spec = {0};
    tier_watch_t *watch = NULL;

    memset(actor, 0, sizeof(*actor));
    actor->scene = scene;
    spec.name = "tier-test";
    spec.leader = &scene->leader;
    spec.max_sockets = 4;
    spec.log = keep_log(&actor->log);
    spec.baton = actor;
    spec.lead = lead;
    spec.lose = lose;
    spec.retired = is_retired;
    return tier_watch_start(&watch, &spec, pool);
}

static apr_interval_time_t destroy(apr_pool_t *pool)
{
    stopwatch_t watch = stopwatch_start();

    apr_pool_destroy(pool);
    return stopwatch_took(&watch, tier_clock_now());
}

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

static int set_up(void **state)
{
    return start_apr(state) || stopwatch_init();
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
        test_with_pool(a_lead_that_fails_is_logged_and_tried_again),
        test_with_pool(one_that_pauses_ends_quickly),
        test_with_pool(lose_may_be_left_out),
        test_with_pool(an_unusable_lock_is_logged_once),
        test_with_pool(a_pollset_that_fails_ends_the_watch),
        test_with_pool(a_watch_that_cannot_start_is_an_error),
    };
    return cmocka_run_group_tests_name("common_watch", tests, set_up, stop_apr);
}
