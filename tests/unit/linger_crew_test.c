/* SPDX-License-Identifier: Apache-2.0 */
#include "linger_testing.h"

#include <pthread.h>
#include <sched.h>

#include "linger_crew.h"

#define NOW     apr_time_from_sec(1000)
#define WORKERS 64

static linger_crew_t crew_with(apr_uint32_t connections, apr_uint32_t attached)
{
    linger_crew_t crew;

    linger_crew_init(&crew, WORKERS, WORKERS / 2);
    while (connections-- > 0) {
        linger_crew_opened(&crew);
    }
    while (attached-- > 0) {
        linger_crew_attach(&crew, 0);
    }
    crew.busy_until = 0;
    return crew;
}

static void the_reserve_is_kept(void **state)
{
    linger_crew_t crew;

    (void)state;
    linger_crew_init(&crew, 64, 64);
    assert_int_equal(crew.max_lingering, 56);
    linger_crew_init(&crew, 64, 32);
    assert_int_equal(crew.max_lingering, 32);
    linger_crew_init(&crew, 2, 2);
    assert_int_equal(crew.max_lingering, 1);
    linger_crew_init(&crew, 1, 1);
    assert_int_equal(crew.max_lingering, 0);
    linger_crew_init(&crew, 0, 0);
    assert_int_equal(crew.max_lingering, 0);
}

static void few_connections_linger_up_to_the_limit(void **state)
{
    linger_crew_t crew = crew_with(40, 40);
    int i;

    (void)state;
    for (i = 0; i < 32; i++) {
        assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_ADMITTED);
    }
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_REFUSED_FULL);
    assert_int_equal(crew.lingering, 32);
    linger_crew_leave(&crew);
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_ADMITTED);
}

static void a_crew_of_one_never_lingers(void **state)
{
    linger_crew_t crew;

    (void)state;
    linger_crew_init(&crew, 1, 1);
    linger_crew_opened(&crew);
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_REFUSED_FULL);
}

static void many_connections_need_idle_workers(void **state)
{
    linger_crew_t quiet = crew_with(10000, WORKERS / 2);
    linger_crew_t loaded = crew_with(10000, WORKERS / 2 + 1);

    (void)state;
    assert_int_equal(linger_crew_enter(&quiet, NOW, 1), LINGER_ADMITTED);
    assert_int_equal(linger_crew_enter(&loaded, NOW, 1), LINGER_REFUSED_BUSY);
    linger_crew_detach(&loaded);
    assert_int_equal(linger_crew_enter(&loaded, NOW, 1), LINGER_ADMITTED);
}

static void room_comes_back_as_connections_close(void **state)
{
    linger_crew_t crew = crew_with(WORKERS - WORKERS / 8 + 1, 40);

    (void)state;
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_REFUSED_BUSY);
    linger_crew_closed(&crew);
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_ADMITTED);
}

static void the_last_workers_make_the_child_short(void **state)
{
    linger_crew_t crew = crew_with(WORKERS, 0);
    int i;

    (void)state;
    for (i = 0; i < WORKERS - WORKERS / 8; i++) {
        linger_crew_attach(&crew, NOW);
        assert_int_equal(linger_crew_wanted(&crew, NOW), 0);
    }
    linger_crew_attach(&crew, NOW);
    assert_int_equal(linger_crew_wanted(&crew, NOW), 1);
}

static void a_starved_child_is_left_in_peace_for_a_while(void **state)
{
    linger_crew_t crew = crew_with(3, 2);
    apr_time_t again = NOW + LINGER_CREW_LONG_CALM;

    (void)state;
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_ADMITTED);
    linger_crew_starved(&crew, NOW);
    assert_int_equal(linger_crew_wanted(&crew, NOW), 1);
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_REFUSED_BUSY);
    assert_int_equal(linger_crew_enter(&crew, again - 1, 1), LINGER_REFUSED_BUSY);
    assert_int_equal(linger_crew_enter(&crew, again, 1), LINGER_ADMITTED);
}

static void a_short_calm_does_not_end_a_long_one(void **state)
{
    linger_crew_t crew = crew_with(3, 2);

    (void)state;
    linger_crew_starved(&crew, NOW);
    assert_int_equal(linger_crew_enter(&crew, NOW + 1, 0), LINGER_REFUSED_BUSY);
    assert_int_equal(crew.busy_until, NOW + LINGER_CREW_LONG_CALM);
}

static void a_child_that_accepts_nothing_is_short(void **state)
{
    linger_crew_t crew = crew_with(3, 2);

    (void)state;
    assert_int_equal(linger_crew_enter(&crew, NOW, 0), LINGER_REFUSED_BUSY);
    assert_int_equal(linger_crew_wanted(&crew, NOW), 1);
}

static void there_is_room_where_all_may_linger_or_most_are_idle(void **state)
{
    linger_crew_t crew = crew_with(WORKERS / 2, WORKERS / 2);

    (void)state;
    assert_int_equal(linger_crew_is_roomy(&crew), 1);
    crew = crew_with(WORKERS / 2 + 1, WORKERS / 2);
    assert_int_equal(linger_crew_is_roomy(&crew), 0);
    crew = crew_with(10000, WORKERS / 4 + 1);
    assert_int_equal(linger_crew_is_roomy(&crew), 0);
    linger_crew_detach(&crew);
    assert_int_equal(linger_crew_is_roomy(&crew), 1);
}

static void a_stopping_child_lingers_no_more(void **state)
{
    linger_crew_t crew = crew_with(3, 2);

    (void)state;
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_ADMITTED);
    linger_crew_stop(&crew);
    assert_int_equal(linger_crew_wanted(&crew, NOW), 1);
    assert_int_equal(linger_crew_enter(&crew, NOW, 1), LINGER_REFUSED_STOPPING);
}

/* What a thread has left of a connection, and that it may be taken. */
typedef struct handed_t {
    linger_crew_t crew;
    int left;
    int is_free; /* atomic, of no order: as httpd's own */
} handed_t;

static void *let_go(void *baton)
{
    handed_t *handed = baton;

    handed->left = 7;
    linger_crew_detach(&handed->crew);
    __atomic_store_n(&handed->is_free, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void who_takes_over_sees_what_was_left(void **state)
{
    handed_t handed = {.crew = crew_with(1, 1)};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, let_go, &handed), 0);
    while (!__atomic_load_n(&handed.is_free, __ATOMIC_RELAXED))
        sched_yield();
    linger_crew_take_over(&handed.crew);
    assert_int_equal(handed.left, 7);
    pthread_join(thread, NULL);
}

#define THREADS 8
#define ROUNDS  20000

static void *come_and_go(void *baton)
{
    linger_crew_t *crew = baton;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        linger_crew_opened(crew);
        linger_crew_attach(crew, NOW);
        if (linger_crew_enter(crew, NOW + LINGER_CREW_CALM, 1) == LINGER_ADMITTED) {
            assert_true(tier_atomic_load(&crew->lingering) <= crew->max_lingering + THREADS);
            linger_crew_leave(crew);
        }
        linger_crew_detach(crew);
        linger_crew_closed(crew);
    }
    return NULL;
}

static void threads_leave_no_trace(void **state)
{
    pthread_t threads[THREADS];
    linger_crew_t crew;
    int i;

    (void)state;
    linger_crew_init(&crew, 8, 3);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crew), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(crew.connections, 0);
    assert_int_equal(crew.attached, 0);
    assert_int_equal(crew.lingering, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reserve_is_kept),
        cmocka_unit_test(few_connections_linger_up_to_the_limit),
        cmocka_unit_test(a_crew_of_one_never_lingers),
        cmocka_unit_test(many_connections_need_idle_workers),
        cmocka_unit_test(room_comes_back_as_connections_close),
        cmocka_unit_test(the_last_workers_make_the_child_short),
        cmocka_unit_test(a_starved_child_is_left_in_peace_for_a_while),
        cmocka_unit_test(a_short_calm_does_not_end_a_long_one),
        cmocka_unit_test(a_child_that_accepts_nothing_is_short),
        cmocka_unit_test(there_is_room_where_all_may_linger_or_most_are_idle),
        cmocka_unit_test(a_stopping_child_lingers_no_more),
        cmocka_unit_test(who_takes_over_sees_what_was_left),
        cmocka_unit_test(threads_leave_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
