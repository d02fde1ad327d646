/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdlib.h>

#include "health_address.h"

/* What the resolver of these tests does: it answers once it may. */
static int lookup_code;        /* what getaddrinfo returns */
static const char *answers[4]; /* numeric addresses */
static sem_t may_answer;
static int begun, freed; /* atomic */
static char last_name[64];
static int create_fails;

int __wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
void __wrap_freeaddrinfo(struct addrinfo *list);
void __real_freeaddrinfo(struct addrinfo *list);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static void make_answer(struct addrinfo **end)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

    for (int i = 0; i < 4 && answers[i]; i++) {
        assert_int_equal(__real_getaddrinfo(answers[i], NULL, &hints, end), 0);
        end = &(*end)->ai_next;
    }
}

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    assert_null(service);
    assert_int_equal(hints->ai_socktype, SOCK_STREAM);
    snprintf(last_name, sizeof(last_name), "%s", name);
    __atomic_fetch_add(&begun, 1, __ATOMIC_RELEASE);
    sem_wait(&may_answer);
    if (lookup_code == 0)
        make_answer(list);
    return lookup_code;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELEASE);
    __real_freeaddrinfo(list);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *data)
{
    return create_fails ? create_fails : __real_pthread_create(thread, attributes, run, data);
}

static health_lookups_t lookups;

static int set_up(void **state)
{
    lookup_code = begun = freed = create_fails = lookups.under_way = 0;
    sem_init(&may_answer, 0, 0);
    memset(answers, 0, sizeof(answers));
    answers[0] = "192.0.2.1";
    return make_pool(state);
}

static health_address_t *make(const char *host, apr_pool_t *pool)
{
    health_address_t *address;

    assert_int_equal(health_address_create(&address, NULL, host, 8080, &lookups, pool),
                     APR_SUCCESS);
    return address;
}

/* Polls until the lookup under way has ended and was taken in; returns what that poll said. */
static int take_answer(health_address_t *address, apr_time_t at, tier_result_t *problem,
                       apr_pool_t *pool)
{
    apr_time_t give_up = tier_clock_now() + MS(5000);
    int changed = 0;

    sem_post(&may_answer);
    while (lookups.under_way && tier_clock_now() < give_up) {
        changed = health_address_poll(address, at, problem, pool);
        usleep(500);
    }
    assert_int_equal(lookups.under_way, 0);
    return changed;
}

/* The same for a lookup that is due then. */
static int poll_whole(health_address_t *address, apr_time_t at, tier_result_t *problem,
                      apr_pool_t *pool)
{
    assert_int_equal(health_address_poll(address, at, problem, pool), 0);
    assert_int_equal(lookups.under_way, 1);
    return take_answer(address, at, problem, pool);
}

static void assert_address(const apr_sockaddr_t *address, const char *text, apr_pool_t *pool)
{
    char *ip;

    assert_non_null(address);
    assert_int_equal(apr_sockaddr_ip_get(&ip, (apr_sockaddr_t *)address), APR_SUCCESS);
    assert_string_equal(ip, text);
    assert_int_equal(address->port, 8080);
    (void)pool;
}

static void numeric_addresses_need_no_resolver(void **state)
{
    tier_result_t problem;
    health_address_t *four = make("127.0.0.1", *state), *six = make("::1", *state);

    assert_address(health_address_get(four), "127.0.0.1", *state);
    assert_address(health_address_get(six), "::1", *state);
    assert_int_equal(health_address_poll(four, 1, &problem, *state), 0);
    assert_int_equal(begun, 0);
    assert_false(health_address_unresolved(four));
}

static void unix_socket(void **state)
{
    tier_result_t problem;
    health_address_t *address;

    assert_int_equal(
        health_address_create(&address, "/run/app.sock", "localhost", 80, &lookups, *state),
        APR_SUCCESS);
    assert_int_equal(health_address_get(address)->family, APR_UNIX);
    assert_int_equal(health_address_poll(address, 1, &problem, *state), 0);
}

static void name_is_looked_up_beside_the_loop(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    assert_null(health_address_get(address));
    answers[1] = "2001:db8::1";
    assert_int_equal(health_address_poll(address, 1, &problem, *state), 0);
    assert_int_equal(health_address_poll(address, 2, &problem, *state), 0);
    assert_true(wait_until(__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == 1, MS(2000)));
    assert_string_equal(last_name, "app.example");
    assert_false(health_address_unresolved(address));
    assert_int_equal(take_answer(address, 3, &problem, *state), 1);
    assert_int_equal(problem.status, APR_SUCCESS);
    assert_address(health_address_get(address), "192.0.2.1", *state);
    assert_address(health_address_get(address)->next, "2001:db8::1", *state);
    assert_int_equal(begun, 1);
    assert_int_equal(freed, 1);
}

static void name_is_looked_up_again(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    assert_int_equal(poll_whole(address, 1, &problem, *state), 1);
    assert_int_equal(health_address_poll(address, MS(9999), &problem, *state), 0);
    assert_int_equal(lookups.under_way, 0);
    /* The same answer changes nothing. */
    assert_int_equal(poll_whole(address, MS(10001), &problem, *state), 0);
    answers[0] = "192.0.2.2";
    assert_int_equal(poll_whole(address, MS(30000), &problem, *state), 1);
    assert_address(health_address_get(address), "192.0.2.2", *state);
    answers[1] = "192.0.2.3";
    assert_int_equal(poll_whole(address, MS(50000), &problem, *state), 1);
    answers[1] = NULL;
    assert_int_equal(poll_whole(address, MS(70000), &problem, *state), 1);
    assert_null(health_address_get(address)->next);
    assert_int_equal(begun, 5);
}

static void failure_is_told_once(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    lookup_code = EAI_NONAME;
    assert_int_equal(poll_whole(address, 1, &problem, *state), 1);
    assert_string_equal(problem.problem, "unresolved");
    assert_non_null(strstr(problem.detail, "app.example: "));
    assert_true(health_address_unresolved(address));
    assert_int_equal(health_address_poll(address, MS(900), &problem, *state), 0);
    assert_int_equal(lookups.under_way, 0);
    assert_int_equal(poll_whole(address, MS(1100), &problem, *state), 0);
    lookup_code = 0;
    assert_int_equal(poll_whole(address, MS(2200), &problem, *state), 1);
    assert_int_equal(problem.status, APR_SUCCESS);
    assert_false(health_address_unresolved(address));
}

static void last_answer_is_kept_when_the_resolver_fails(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    assert_int_equal(poll_whole(address, 1, &problem, *state), 1);
    lookup_code = EAI_AGAIN;
    assert_int_equal(poll_whole(address, MS(20000), &problem, *state), 0);
    assert_address(health_address_get(address), "192.0.2.1", *state);
    assert_false(health_address_unresolved(address));
}

static void answer_without_addresses(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    answers[0] = NULL;
    assert_int_equal(poll_whole(address, 1, &problem, *state), 0);
    assert_null(health_address_get(address));
}

static void no_thread_to_be_had(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    create_fails = EAGAIN;
    assert_int_equal(health_address_poll(address, 1, &problem, *state), 1);
    assert_true(health_address_unresolved(address));
    create_fails = 0;
    assert_int_equal(poll_whole(address, MS(2000), &problem, *state), 1);
    assert_non_null(health_address_get(address));
}

static void lookups_are_limited(void **state)
{
    health_address_t *address = make("app.example", *state);
    tier_result_t problem;

    lookups.under_way = HEALTH_LOOKUPS;
    assert_int_equal(health_address_poll(address, 1, &problem, *state), 0);
    assert_int_equal(lookups.under_way, HEALTH_LOOKUPS);
    lookups.under_way = 0;
    assert_int_equal(poll_whole(address, 2, &problem, *state), 1);
}

static void lookup_that_outlives_its_owner(void **state)
{
    apr_pool_t *pool;
    tier_result_t problem;

    apr_pool_create(&pool, *state);
    health_address_poll(make("app.example", pool), 1, &problem, pool);
    apr_pool_destroy(pool);
    assert_int_equal(lookups.under_way, 0);
    sem_post(&may_answer);
    assert_true(wait_until(__atomic_load_n(&freed, __ATOMIC_ACQUIRE) == 1, MS(2000)));
}

static void lookup_that_ended_unseen(void **state)
{
    apr_pool_t *pool;
    tier_result_t problem;

    apr_pool_create(&pool, *state);
    health_address_poll(make("app.example", pool), 1, &problem, pool);
    sem_post(&may_answer);
    usleep(20000);
    apr_pool_destroy(pool);
    assert_true(wait_until(__atomic_load_n(&freed, __ATOMIC_ACQUIRE) == 1, MS(2000)));
    assert_int_equal(lookups.under_way, 0);
}

static void too_long_a_name(void **state)
{
    char host[300];
    health_address_t *address;

    memset(host, 'a', sizeof(host));
    host[256] = '\0';
    assert_int_equal(health_address_create(&address, NULL, host, 80, &lookups, *state), APR_EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, destroy_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numeric_addresses_need_no_resolver),
        TEST(unix_socket),
        TEST(name_is_looked_up_beside_the_loop),
        TEST(name_is_looked_up_again),
        TEST(failure_is_told_once),
        TEST(last_answer_is_kept_when_the_resolver_fails),
        TEST(answer_without_addresses),
        TEST(no_thread_to_be_had),
        TEST(lookups_are_limited),
        TEST(lookup_that_outlives_its_owner),
        TEST(lookup_that_ended_unseen),
        TEST(too_long_a_name),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
