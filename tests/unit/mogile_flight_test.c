/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include <pthread.h>

#include "clock.h"
#include "mogile_flight.h"

#define NOW       apr_time_from_sec(1000)
#define LONG      apr_time_from_sec(20)
#define KEY       APR_UINT64_C(0x1234567)
#define SAME_SPOT (KEY + MOGILE_FLIGHT_PLACES)

static mogile_flights_t *make_flights(apr_pool_t *pool)
{
    return apr_pcalloc(pool, sizeof(mogile_flights_t));
}

static void the_first_leads_and_lands(void **state)
{
    mogile_flights_t *flights = make_flights(*state);
    apr_int64_t lease, other;

    assert_int_equal(mogile_flight_join(flights, KEY, NOW, LONG, &lease), MOGILE_FLIGHT_LEADS);
    assert_int_equal(mogile_flight_join(flights, KEY + 1, NOW, LONG, &other), MOGILE_FLIGHT_LEADS);
    assert_int_equal(mogile_flight_join(flights, SAME_SPOT, NOW, LONG, &other),
                     MOGILE_FLIGHT_ALONE);
    mogile_flight_land(flights, KEY, lease);
    assert_int_equal(mogile_flight_join(flights, SAME_SPOT, NOW, LONG, &other),
                     MOGILE_FLIGHT_LEADS);
}

static void a_leader_that_does_not_land_holds_nobody_up(void **state)
{
    mogile_flights_t *flights = make_flights(*state);
    apr_int64_t lease, later;
    apr_time_t now = tier_clock_now();

    mogile_flight_join(flights, KEY, now, apr_time_from_msec(20), &lease);
    assert_int_equal(mogile_flight_join(flights, KEY, now, LONG, &later), MOGILE_FLIGHT_WAITED);
    assert_true(tier_clock_now() - now >= apr_time_from_msec(15));
    now += apr_time_from_msec(20);
    assert_int_equal(mogile_flight_join(flights, KEY, now, LONG, &later), MOGILE_FLIGHT_LEADS);
    /* That it lands after all is not the landing of the one that leads now. */
    mogile_flight_land(flights, KEY, lease);
    assert_int_equal(mogile_flight_join(flights, SAME_SPOT, now, LONG, &lease),
                     MOGILE_FLIGHT_ALONE);
}

static void *wait_for_it(void *flights)
{
    apr_int64_t lease;
    apr_time_t now = tier_clock_now();
    int role = mogile_flight_join(flights, KEY, now, LONG, &lease);

    return (void *)(size_t)(role == MOGILE_FLIGHT_WAITED && tier_clock_now() - now < LONG / 2);
}

static void those_who_wait_are_woken(void **state)
{
    mogile_flights_t *flights = make_flights(*state);
    pthread_t threads[10];
    apr_int64_t lease;

    mogile_flight_join(flights, KEY, tier_clock_now(), LONG, &lease);
    for (int i = 0; i < 10; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, flights), 0);
    while (tier_atomic_load(&flights->places[KEY % MOGILE_FLIGHT_PLACES].waiters) < 10)
        usleep(100);
    mogile_flight_land(flights, KEY, lease);
    for (int i = 0; i < 10; i++) {
        void *result;

        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
}

/* Threads that join and land as fast as they can. */
typedef struct crowd_t {
    mogile_flights_t *flights;
    int leading; /* how many lead now: atomic, as what follows */
    int together, led;
} crowd_t;

static void *come_again_and_again(void *data)
{
    enum { TIMES = 5000 };
    crowd_t *crowd = data;
    apr_int64_t lease;

    for (int i = 0; i < TIMES; i++) {
        if (mogile_flight_join(crowd->flights, KEY, tier_clock_now(), LONG, &lease) !=
            MOGILE_FLIGHT_LEADS)
            continue;
        if (__atomic_add_fetch(&crowd->leading, 1, __ATOMIC_SEQ_CST) > 1)
            __atomic_add_fetch(&crowd->together, 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&crowd->led, 1, __ATOMIC_SEQ_CST);
        __atomic_sub_fetch(&crowd->leading, 1, __ATOMIC_SEQ_CST);
        mogile_flight_land(crowd->flights, KEY, lease);
    }
    return NULL;
}

/* Nobody sleeps through a landing either, or this would take LONG. */
static void of_many_that_come_at_once_one_leads(void **state)
{
    enum { THREADS = 4 };
    crowd_t crowd = {.flights = make_flights(*state)};
    apr_time_t began = tier_clock_now();
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_again_and_again, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.together, 0);
    assert_true(crowd.led > 0);
    assert_true(tier_clock_now() - began < LONG);
    assert_int_equal(tier_atomic_load64(&crowd.flights->places[KEY % MOGILE_FLIGHT_PLACES].lease),
                     0);
}

static void a_landing_counts_once(void **state)
{
    mogile_flights_t *flights = make_flights(*state);
    const mogile_flight_t *place = &flights->places[KEY % MOGILE_FLIGHT_PLACES];
    apr_int64_t lease;

    mogile_flight_join(flights, KEY, NOW, LONG, &lease);
    mogile_flight_land(flights, KEY, lease);
    mogile_flight_land(flights, KEY, lease);
    assert_int_equal(tier_atomic_load(&place->landed), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(the_first_leads_and_lands),
        test_with_pool(a_leader_that_does_not_land_holds_nobody_up),
        test_with_pool(those_who_wait_are_woken),
        test_with_pool(of_many_that_come_at_once_one_leads),
        test_with_pool(a_landing_counts_once),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
