/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_trackers.h"

#include "mogile_service.h"

#define PATHS "OK paths=1&path1=http://10.0.0.1:7500/dev1/0/000/000/0000000004.fid&callid=%s\r\n"

static mogile_settings_t settings;
static mogile_shared_t *shared;
static mogile_service_t *service;
static kept_log_t log_of_test;

static int start(void **state)
{
    int failed = make_pool(state);

    mogile_settings_init(&settings);
    shared = apr_pcalloc(*state, sizeof(*shared));
    service = NULL;
    keep_log(&log_of_test);
    return failed;
}

#define test_service(function) cmocka_unit_test_setup_teardown(function, start, destroy_pool)

static apr_array_header_t *names(apr_pool_t *pool, const char *first, const char *second)
{
    apr_array_header_t *array = apr_array_make(pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(array, const char *) = first;
    if (second)
        APR_ARRAY_PUSH(array, const char *) = second;
    return array;
}

static apr_status_t create(apr_pool_t *pool)
{
    return mogile_service_create(&service, &settings, shared, NULL, &log_of_test.log, pool);
}

/* A port on which nobody listens, as one who has it does not. */
static int silent_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port); /* fd stays open, so that nobody else gets it */
}

static mogile_found_e find(apr_pool_t *pool)
{
    const mogile_key_t key = {.domain = "web", .key = "k"};
    mogile_file_t *file;
    mogile_from_e from;

    return mogile_lookup_find(&service->lookup, &key, 0, &file, &from, pool);
}

static void what_no_directive_says(void **state)
{
    (void)state;
    assert_int_equal(settings.timeout, MS(400));
    assert_int_equal(settings.timeout_write, MS(10000));
    assert_int_equal(settings.cache_size, 4 * 1024 * 1024);
    assert_string_equal(settings.database_name, "mogilefs");
    assert_int_equal(settings.database_connections, 4);
    assert_null(settings.trackers);
    assert_null(settings.database);
}

static void trackers_have_a_port(void **state)
{
    static const char *const good[] = {"tracker:7001", "10.0.0.1:7001", "[::1]:7001"};
    static const char *const bad[] = {"",       "tracker", "tracker:",  "tracker:99999",
                                      "[::1]",  "::1",     "/run/sock", "/run/a:7001",
                                      "a b:80", "a:80:80", "[::1:80"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(mogile_service_check_server(good[i], 1, *state));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(mogile_service_check_server(bad[i], 1, *state),
                            "allowed are host:port, address:port and [IPv6]:port");
}

static void a_database_may_be_a_socket(void **state)
{
    static const char *const good[] = {"db", "db:3307", "10.0.0.1", "[::1]", "/run/mysqld.sock"};
    static const char *const bad[] = {"", "db:", "db:0", "::1", "a b", "-db"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(mogile_service_check_server(good[i], 0, *state));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(
            mogile_service_check_server(bad[i], 0, *state),
            "allowed are host[:port], address[:port], [IPv6][:port] and the /path of a socket");
}

/* A graceful restart with other servers begins anew. */
static void other_servers_are_another_layout(void **state)
{
    apr_uint32_t none = mogile_service_layout(&settings, *state);
    apr_uint32_t layouts[5];

    settings.trackers = names(*state, "a:1", "b:1");
    layouts[0] = mogile_service_layout(&settings, *state);
    settings.trackers = names(*state, "b:1", "a:1");
    layouts[1] = mogile_service_layout(&settings, *state);
    settings.cache_servers = names(*state, "c:1", NULL);
    layouts[2] = mogile_service_layout(&settings, *state);
    settings.database = "c:1";
    layouts[3] = mogile_service_layout(&settings, *state);
    settings.cache_servers = NULL;
    settings.database = "c:2";
    layouts[4] = mogile_service_layout(&settings, *state);
    for (int i = 0; i < 5; i++) {
        assert_int_not_equal(layouts[i], none);
        for (int other = 0; other < i; other++)
            assert_int_not_equal(layouts[i], layouts[other]);
    }
    settings.timeout++; /* what is no server changes nothing */
    assert_int_equal(mogile_service_layout(&settings, *state), layouts[4]);
}

static void each_server_has_its_place_in_shared_memory(void **state)
{
    settings.trackers = names(*state, "127.0.0.1:7001", "127.0.0.1:7002");
    settings.database = "/run/no-such.sock";
    assert_int_equal(create(*state), APR_SUCCESS);
    assert_int_equal(service->tracker_count, 2);
    assert_string_equal(service->servers[1].name, "127.0.0.1:7002");
    assert_string_equal(service->servers[1].kind, "tracker");
    assert_string_equal(service->servers[2].name, "/run/no-such.sock");
    assert_string_equal(service->servers[2].kind, "database");
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(service->servers[i].breaker, &shared->breakers[i]);
        assert_ptr_equal(service->servers[i].counts, &shared->counts[i]);
    }
}

static void what_is_spelled_wrong_is_not_made(void **state)
{
    settings.trackers = names(*state, "127.0.0.1:7001", "a b");
    assert_int_equal(create(*state), APR_EINVAL);
    settings.trackers = NULL;
    settings.database = "a b";
    assert_int_equal(create(*state), APR_EINVAL);
    assert_null(service);
}

static void trackers_are_asked(void **state)
{
    trackers_t all;

    start_trackers(&all, PATHS, *state);
    settings.trackers = names(*state, all.servers[0].name, all.servers[1].name);
    settings.timeout = apr_time_from_sec(5);
    assert_int_equal(create(*state), APR_SUCCESS);
    assert_int_equal(find(*state), MOGILE_FOUND);
    assert_int_equal(tier_counter_get(&shared->totals.found[MOGILE_FROM_TRACKER]), 1);
    assert_int_equal(tier_counter_get(&shared->counts[0].requests) +
                         tier_counter_get(&shared->counts[1].requests),
                     1);
    stop_trackers(&all);
}

/* It comes after the trackers in shared memory, here the first place of all. */
static void a_database_alone_is_asked(void **state)
{
    settings.database = apr_psprintf(*state, "127.0.0.1:%d", silent_port());
    settings.timeout = apr_time_from_sec(5);
    assert_int_equal(create(*state), APR_SUCCESS);
    assert_int_equal(find(*state), MOGILE_NOWHERE);
    assert_int_equal(tier_counter_get(&shared->counts[0].errors[MOGILE_ERROR_REFUSED]), 1);
    assert_int_equal(shared->breakers[0].state, TIER_BREAKER_OPEN);
    assert_non_null(strstr(log_of_test.lines[0].text, settings.database));
}

static void look_again(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    if (tier_atomic_load(&shared->breakers[0].state) == TIER_BREAKER_CLOSED &&
        tier_atomic_load64(&shared->cache_breakers[0].probed) != 0)
        tier_loop_stop(loop);
    else if (tier_clock_now() < *(apr_time_t *)timer->baton)
        tier_loop_timer_set(loop, timer, tier_clock_now() + MS(1));
    else
        tier_loop_stop(loop);
}

/* What is left out comes back by the watch's probes alone; caches are probed too. */
static void the_watch_probes_what_is_left_out(void **state)
{
    apr_time_t until = tier_clock_now() + apr_time_from_sec(20);
    tier_loop_timer_t timer = {.fire = look_again, .baton = &until};
    tier_loop_t *loop;
    apr_pool_t *term;
    trackers_t all;

    start_trackers(&all, PATHS, *state);
    settings.trackers = names(*state, all.servers[0].name, NULL);
    settings.cache_servers = names(*state, "127.0.0.1:1", NULL);
    settings.probe_domain = "web";
    settings.timeout = apr_time_from_sec(5);
    assert_int_equal(create(*state), APR_SUCCESS);
    assert_non_null(service->lookup.memcache);
    shared->breakers[0].state = shared->cache_breakers[0].state = TIER_BREAKER_OPEN;
    apr_pool_create(&term, *state);
    assert_int_equal(tier_loop_create(&loop, 8, term), APR_SUCCESS);
    assert_int_equal(mogile_service_lead(loop, service, term), APR_SUCCESS);
    assert_int_equal(tier_loop_timer_set(loop, &timer, tier_clock_now()), APR_SUCCESS);
    assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    assert_int_equal(shared->breakers[0].state, TIER_BREAKER_CLOSED);
    assert_true(shared->cache_breakers[0].probed != 0);
    assert_memory_equal(all.fakes[0].last, "get_paths domain=web&", 21);
    apr_pool_destroy(term);
    stop_trackers(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_service(what_no_directive_says),
        test_service(trackers_have_a_port),
        test_service(a_database_may_be_a_socket),
        test_service(other_servers_are_another_layout),
        test_service(each_server_has_its_place_in_shared_memory),
        test_service(what_is_spelled_wrong_is_not_made),
        test_service(trackers_are_asked),
        test_service(a_database_alone_is_asked),
        test_service(the_watch_probes_what_is_left_out),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
