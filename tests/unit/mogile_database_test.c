/* SPDX-License-Identifier: Apache-2.0 */
/* Databases that are none. What a real one says is in the integration tests. */
#include "common_stopwatch.h"
#include "mogile_testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "mogile_database.h"

#define DEADLINE apr_time_from_msec(100)

/* Says text to whoever connects; NULL: nothing, and keeps the connection. */
typedef struct impostor_t {
    int listener, port, accepted;
    const char *text;
    size_t size;
    int connections[16];
    pthread_t thread;
} impostor_t;

static impostor_t impostor;
static mogile_database_t *database;
static tier_breaker_t breaker;
static mogile_counts_t counts;
static kept_log_t log_of_test;
static mogile_server_t server;

/* What the resolver knows instead of where the impostor is; NULL: that. */
static const tier_memcache_addresses_t *known;

void __real_tier_memcache_resolver_get(tier_memcache_resolver_t *, int,
                                       tier_memcache_addresses_t *);
void __wrap_tier_memcache_resolver_get(tier_memcache_resolver_t *, int,
                                       tier_memcache_addresses_t *);

void __wrap_tier_memcache_resolver_get(tier_memcache_resolver_t *of, int number,
                                       tier_memcache_addresses_t *addresses)
{
    __real_tier_memcache_resolver_get(of, number, addresses);
    if (known)
        *addresses = *known;
}

static void *serve(void *data)
{
    int connection;

    (void)data;
    while ((connection = accept(impostor.listener, NULL, NULL)) >= 0) {
        impostor.connections[__atomic_fetch_add(&impostor.accepted, 1, __ATOMIC_ACQ_REL)] =
            connection;
        if (impostor.text) {
            send(connection, impostor.text, impostor.size, MSG_NOSIGNAL);
            shutdown(connection, SHUT_WR);
        }
    }
    return NULL;
}

static void start_impostor(const char *text, size_t size, apr_pool_t *pool)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    tier_memcache_server_t *spelled = apr_pcalloc(pool, sizeof(*spelled));
    mogile_database_options_t options = {.host = "127.0.0.1", .name = "mogilefs", .user = "u"};

    memset(&impostor, 0, sizeof(impostor));
    memset(&breaker, 0, sizeof(breaker));
    memset(&counts, 0, sizeof(counts));
    impostor.text = text;
    impostor.size = size;
    impostor.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(impostor.listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(impostor.listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(impostor.listener, 16), 0);
    impostor.port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&impostor.thread, NULL, serve, NULL), 0);
    server = (mogile_server_t){.kind = "database",
                               .name = "test",
                               .breaker = &breaker,
                               .counts = &counts,
                               .log = keep_log(&log_of_test)};
    assert_null(tier_memcache_server_parse(
        spelled, apr_psprintf(pool, "127.0.0.1:%d", impostor.port), pool));
    assert_int_equal(tier_memcache_resolver_create(&options.resolver, spelled, &breaker, 1, pool),
                     APR_SUCCESS);
    options.port = (unsigned)impostor.port;
    options.deadline = DEADLINE;
    options.connections = 2;
    options.server = &server;
    options.retry = apr_time_from_msec(50);
    assert_int_equal(mogile_database_create(&database, &options, pool), APR_SUCCESS);
}

static void stop_impostor(void)
{
    shutdown(impostor.listener, SHUT_RDWR);
    pthread_join(impostor.thread, NULL);
    close(impostor.listener);
    for (int i = 0; i < impostor.accepted; i++)
        close(impostor.connections[i]);
}

static apr_status_t find(apr_pool_t *pool)
{
    mogile_file_t *file;
    apr_status_t status = mogile_database_find(database, &file, "web", "k'\\ey", 0, pool);

    assert_null(file);
    return status;
}

/* It fails in time, is left alone, and asked again after a while. */
static void meet_it(mogile_error_e error, apr_pool_t *pool)
{
    stopwatch_t began = stopwatch_start();

    assert_int_not_equal(find(pool), APR_SUCCESS);
    assert_true(stopwatch_took(&began, tier_clock_now()) < 10 * DEADLINE);
    assert_int_equal(tier_counter_get(&counts.errors[error]), 1);
    assert_int_equal(find(pool), APR_EAGAIN);
    assert_int_equal(tier_counter_get(&counts.connections), 1);
    usleep(60000);
    assert_int_not_equal(find(pool), APR_EAGAIN);
    assert_int_equal(tier_counter_get(&counts.connections), 2);
    assert_int_equal(count_lines(&log_of_test, "WT3501"), 1);
}

static void one_that_hangs_costs_its_deadline(void **state)
{
    start_impostor(NULL, 0, *state);
    meet_it(MOGILE_ERROR_TIMEOUT, *state);
    stop_impostor();
}

static void one_that_refuses_is_left_alone(void **state)
{
    start_impostor(NULL, 0, *state);
    stop_impostor();
    meet_it(MOGILE_ERROR_REFUSED, *state);
}

static void one_that_is_something_else_is_left_alone(void **state)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    static const char half[] = "\x4a\0\0\0\x0a"
                               "10.11.0-Maria";
    static const char error[] = "\x17\0\0\0\xff\x10\x04Too many connections";
    static const char longest[] = "\xff\xff\xff\0\x0a";

    start_impostor(http, sizeof(http) - 1, *state);
    meet_it(MOGILE_ERROR_REFUSED, *state);
    stop_impostor();
    start_impostor(half, sizeof(half) - 1, *state);
    meet_it(MOGILE_ERROR_REFUSED, *state);
    stop_impostor();
    start_impostor(error, sizeof(error) - 1, *state);
    meet_it(MOGILE_ERROR_REFUSED, *state);
    assert_true(count_lines(&log_of_test, "WT3504") > 0);
    stop_impostor();
    start_impostor(longest, sizeof(longest) - 1, *state);
    meet_it(MOGILE_ERROR_REFUSED, *state);
    stop_impostor();
}

static void one_whose_name_is_not_known_is_left_alone(void **state)
{
    static const tier_memcache_addresses_t none;

    start_impostor(NULL, 0, *state);
    known = &none;
    assert_int_not_equal(find(*state), APR_SUCCESS);
    assert_int_equal(find(*state), APR_EAGAIN);
    known = NULL;
    assert_int_equal(tier_counter_get(&counts.errors[MOGILE_ERROR_REFUSED]), 1);
    assert_int_equal(tier_counter_get(&counts.connections), 0);
    assert_int_equal(count_lines(&log_of_test, "WT3501"), 1);
    stop_impostor();
}

/* Of the other family, where nobody listens. */
static void one_with_a_long_address_is_asked_there(void **state)
{
    tier_memcache_addresses_t other = {.count = 1};
    struct sockaddr_in6 *name = (struct sockaddr_in6 *)&other.at[0].name;

    start_impostor(NULL, 0, *state);
    name->sin6_family = AF_INET6;
    name->sin6_addr = in6addr_loopback;
    other.at[0].size = sizeof(*name);
    known = &other;
    meet_it(MOGILE_ERROR_REFUSED, *state);
    known = NULL;
    assert_int_equal(__atomic_load_n(&impostor.accepted, __ATOMIC_ACQUIRE), 0);
    stop_impostor();
}

static void *find_in_thread(void *unused)
{
    apr_pool_t *pool;
    apr_status_t status;

    (void)unused;
    apr_pool_create(&pool, NULL);
    status = find(pool);
    apr_pool_destroy(pool);
    return (void *)(size_t)status;
}

static void there_are_never_more_connections_than_allowed(void **state)
{
    stopwatch_t began = stopwatch_start();
    pthread_t threads[8];
    void *status;

    start_impostor(NULL, 0, *state);
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, find_in_thread, NULL);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &status);
        assert_int_not_equal((size_t)status, APR_SUCCESS);
    }
    assert_true(stopwatch_took(&began, tier_clock_now()) < 10 * DEADLINE);
    assert_true(__atomic_load_n(&impostor.accepted, __ATOMIC_ACQUIRE) <= 8);
    stop_impostor();
}

static int set_up(void **state)
{
    return start_apr(state) || stopwatch_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(one_that_hangs_costs_its_deadline),
        test_with_pool(one_that_refuses_is_left_alone),
        test_with_pool(one_that_is_something_else_is_left_alone),
        test_with_pool(one_whose_name_is_not_known_is_left_alone),
        test_with_pool(one_with_a_long_address_is_asked_there),
        test_with_pool(there_are_never_more_connections_than_allowed),
    };

    return cmocka_run_group_tests(tests, set_up, stop_apr);
}
