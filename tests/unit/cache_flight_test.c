/* SPDX-License-Identifier: Apache-2.0 */
/* Flights and the roster, between threads and between processes. */
#include "cache_flight.h"
#include "common_support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define LONG apr_time_from_sec(20)

typedef struct shared_t {
    cache_roster_t roster;
    cache_flights_t flights;
    cache_member_t child;
    int is_ready;
} shared_t;

static shared_t *shared;
static cache_member_t self;

static int make_shared(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || cache_roster_init(&shared->roster) != APR_SUCCESS ||
        cache_flight_init(&shared->flights) != APR_SUCCESS)
        return -1;
    cache_roster_enter(&shared->roster, &self);
    return 0;
}

static int free_shared(void **state)
{
    (void)state;
    cache_roster_leave(&shared->roster, &self);
    return munmap(shared, sizeof(*shared));
}

static cache_flight_role_e enter(const char *key, const cache_member_t *who,
                                 apr_interval_time_t patience, cache_ticket_t *ticket)
{
    apr_time_t now = tier_clock_now();
    cache_id_t id;

    cache_key_id(&id, key);
    return cache_flight_enter(&shared->flights, &shared->roster, &id, who, now, now + patience,
                              ticket);
}

static cache_flight_state_e await(const cache_ticket_t *ticket, apr_interval_time_t patience)
{
    return cache_flight_wait(&shared->flights, &shared->roster, ticket,
                             tier_clock_now() + patience);
}

static void test_one_leads(void **state)
{
    cache_ticket_t one, two, other;

    (void)state;
    assert_int_equal(enter("a", &self, LONG, &one), CACHE_FLIGHT_LEADS);
    assert_int_equal(one.is_again, 0);
    assert_int_equal(enter("a", &self, LONG, &two), CACHE_FLIGHT_WAITS);
    assert_int_equal(enter("b", &self, LONG, &other), CACHE_FLIGHT_LEADS);
    assert_int_equal(await(&two, 1000), CACHE_FLIGHT_FLYING);
    assert_int_equal(cache_flight_land(&shared->flights, &one, CACHE_FLIGHT_STORED), 1);
    assert_int_equal(await(&two, LONG), CACHE_FLIGHT_STORED);
    assert_int_equal(enter("a", &self, LONG, &one), CACHE_FLIGHT_LEADS);
    assert_int_equal(one.is_again, 1);
    assert_int_equal(await(&two, LONG), CACHE_FLIGHT_LOST);
}

static void test_a_late_leader_is_replaced(void **state)
{
    cache_ticket_t one, two, three;

    (void)state;
    assert_int_equal(enter("a", &self, apr_time_from_msec(10), &one), CACHE_FLIGHT_LEADS);
    assert_int_equal(enter("a", &self, LONG, &two), CACHE_FLIGHT_WAITS);
    assert_int_equal(await(&two, LONG), CACHE_FLIGHT_LOST);
    assert_int_equal(enter("a", &self, LONG, &two), CACHE_FLIGHT_LEADS);
    assert_int_equal(enter("a", &self, LONG, &three), CACHE_FLIGHT_WAITS);
    assert_int_equal(cache_flight_land(&shared->flights, &one, CACHE_FLIGHT_FAILED), 0);
    assert_int_equal(await(&three, 1000), CACHE_FLIGHT_FLYING);
    assert_int_equal(cache_flight_land(&shared->flights, &two, CACHE_FLIGHT_STORED), 1);
    assert_int_equal(await(&three, LONG), CACHE_FLIGHT_STORED);
}

static void test_a_leader_that_waits_for_its_client_is_replaced(void **state)
{
    cache_ticket_t one, two, three;
    apr_time_t now = tier_clock_now();

    (void)state;
    enter("a", &self, LONG, &one);
    assert_int_equal(enter("a", &self, LONG, &two), CACHE_FLIGHT_WAITS);
    cache_flight_send(&shared->flights, &one, now - CACHE_FLIGHT_SENDS);
    cache_flight_send(&shared->flights, &one, 0);
    assert_int_equal(await(&two, 1000), CACHE_FLIGHT_FLYING);
    cache_flight_send(&shared->flights, &one, now - CACHE_FLIGHT_SENDS);
    assert_int_equal(await(&two, LONG), CACHE_FLIGHT_LOST);
    assert_int_equal(enter("a", &self, LONG, &two), CACHE_FLIGHT_LEADS);
    assert_int_equal(enter("a", &self, LONG, &three), CACHE_FLIGHT_WAITS);
    cache_flight_send(&shared->flights, &one, now - CACHE_FLIGHT_SENDS); /* it leads nobody */
    assert_int_equal(await(&three, 1000), CACHE_FLIGHT_FLYING);
}

static void *land_soon(void *ticket)
{
    usleep(50000);
    cache_flight_land(&shared->flights, ticket, CACHE_FLIGHT_UNCACHEABLE);
    return NULL;
}

static void test_waiters_are_woken_at_once(void **state)
{
    cache_ticket_t one, two;
    pthread_t thread;
    apr_time_t began;

    (void)state;
    enter("a", &self, LONG, &one);
    enter("a", &self, LONG, &two);
    began = tier_clock_now();
    pthread_create(&thread, NULL, land_soon, &one);
    assert_int_equal(await(&two, LONG), CACHE_FLIGHT_UNCACHEABLE);
    assert_true(tier_clock_now() - began < apr_time_from_sec(2));
    pthread_join(thread, NULL);
}

/* Leads in a child until it is killed. */
static pid_t start_leader(const char *key)
{
    pid_t pid = fork();

    if (pid == 0) {
        cache_ticket_t ticket;

        cache_roster_enter(&shared->roster, &shared->child);
        enter(key, &shared->child, LONG, &ticket);
        __atomic_store_n(&shared->is_ready, 1, __ATOMIC_RELEASE);
        for (;;)
            pause();
    }
    while (!__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE))
        usleep(1000);
    return pid;
}

static void test_a_killed_leader_is_noticed_before_it_is_reaped(void **state)
{
    cache_ticket_t ticket;
    pid_t pid = start_leader("a");

    (void)state;
    assert_int_equal(cache_roster_is_alive(&shared->roster, &shared->child), 1);
    assert_int_equal(enter("a", &self, LONG, &ticket), CACHE_FLIGHT_WAITS);
    assert_int_equal(await(&ticket, 1000), CACHE_FLIGHT_FLYING);
    kill(pid, SIGKILL);
    assert_int_equal(await(&ticket, LONG), CACHE_FLIGHT_LOST);
    assert_int_equal(enter("a", &self, LONG, &ticket), CACHE_FLIGHT_LEADS);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &shared->child), 0);
    waitpid(pid, NULL, 0);
}

static void test_places_are_used_again(void **state)
{
    cache_member_t one, two;

    (void)state;
    cache_roster_enter(&shared->roster, &one);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &one), 1);
    cache_roster_leave(&shared->roster, &one);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &one), 0);
    cache_roster_enter(&shared->roster, &two);
    assert_int_equal(two.place, one.place);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &one), 0);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &two), 1);
    cache_roster_leave(&shared->roster, &two);
}

static void test_who_waits_is_counted_while_it_lives(void **state)
{
    cache_roster_t *roster = &shared->roster;
    cache_member_t one, two, none = {CACHE_ROSTER_NONE, 0};

    (void)state;
    cache_roster_enter(roster, &one);
    cache_roster_enter(roster, &two);
    *cache_roster_waiting(roster, &one) = 3;
    *cache_roster_waiting(roster, &two) = 4;
    assert_int_equal(cache_roster_all_waiting(roster), 7);
    cache_roster_leave(roster, &one);
    assert_int_equal(cache_roster_all_waiting(roster), 4);
    cache_roster_enter(roster, &one);
    assert_int_equal(cache_roster_all_waiting(roster), 4);
    cache_roster_leave(roster, &two);
    cache_roster_leave(roster, &one);
    assert_null(cache_roster_waiting(roster, &none));
}

static void test_a_full_roster(void **state)
{
    cache_member_t members[CACHE_ROSTER_SIZE];

    (void)state;
    for (int i = 1; i < CACHE_ROSTER_SIZE; i++)
        cache_roster_enter(&shared->roster, &members[i]);
    cache_roster_enter(&shared->roster, &members[0]);
    assert_int_equal(members[0].place, CACHE_ROSTER_NONE);
    assert_int_equal(cache_roster_is_alive(&shared->roster, &members[0]), 1);
    cache_roster_leave(&shared->roster, &members[0]);
    for (int i = 1; i < CACHE_ROSTER_SIZE; i++)
        cache_roster_leave(&shared->roster, &members[i]);
}

/* Ids of one stripe: as many as it has slots, and one more. */
static void test_no_room(void **state)
{
    cache_ticket_t tickets[CACHE_FLIGHT_DEPTH + 1];
    apr_time_t now = tier_clock_now();
    cache_id_t id = {{7}};

    (void)state;
    for (int i = 0; i <= CACHE_FLIGHT_DEPTH; i++) {
        id.bytes[1] = (unsigned char)i;
        assert_int_equal(cache_flight_enter(&shared->flights, &shared->roster, &id, &self, now,
                                            now + LONG, &tickets[i]),
                         i < CACHE_FLIGHT_DEPTH ? CACHE_FLIGHT_LEADS : CACHE_FLIGHT_FULL);
    }
    cache_flight_land(&shared->flights, &tickets[3], CACHE_FLIGHT_STORED);
    assert_int_equal(cache_flight_enter(&shared->flights, &shared->roster, &id, &self, now,
                                        now + LONG, &tickets[CACHE_FLIGHT_DEPTH]),
                     CACHE_FLIGHT_LEADS);
    assert_int_equal(tickets[CACHE_FLIGHT_DEPTH].slot, tickets[3].slot);
}

/* Who waits for what has just landed is to see it, whatever takes off after that. */
static void test_the_slot_that_was_used_first_is_used_next(void **state)
{
    cache_ticket_t tickets[CACHE_FLIGHT_DEPTH], next;
    apr_time_t now = tier_clock_now();
    cache_id_t id = {{7}};

    (void)state;
    for (int i = 0; i < CACHE_FLIGHT_DEPTH; i++) {
        id.bytes[1] = (unsigned char)i;
        cache_flight_enter(&shared->flights, &shared->roster, &id, &self, now, now + LONG,
                           &tickets[i]);
        if (i != 1)
            cache_flight_land(&shared->flights, &tickets[i], CACHE_FLIGHT_STORED);
    }
    for (int i = 0; i < 2; i++) {
        id.bytes[1] = (unsigned char)(100 + i);
        assert_int_equal(cache_flight_enter(&shared->flights, &shared->roster, &id, &self, now,
                                            now + LONG, &next),
                         CACHE_FLIGHT_LEADS);
        assert_int_equal(next.is_again, 0);
        assert_int_equal(next.slot, tickets[2 * i].slot); /* the second is under way */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_leads, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_a_late_leader_is_replaced, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_a_leader_that_waits_for_its_client_is_replaced,
                                        make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_waiters_are_woken_at_once, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_a_killed_leader_is_noticed_before_it_is_reaped,
                                        make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_places_are_used_again, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_who_waits_is_counted_while_it_lives, make_shared,
                                        free_shared),
        cmocka_unit_test_setup_teardown(test_a_full_roster, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_no_room, make_shared, free_shared),
        cmocka_unit_test_setup_teardown(test_the_slot_that_was_used_first_is_used_next, make_shared,
                                        free_shared),
    };
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
