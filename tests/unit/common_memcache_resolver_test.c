/* SPDX-License-Identifier: Apache-2.0 */
/* Servers spelled as names: the linker gives every getaddrinfo() of the client to this file. */
#include "common_memcached.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <apr_strings.h>

#include "memcache_resolver.h"

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);

/* What the names are at present, and how the resolver treats whoever asks. Set and read by several
 * threads. */
static struct {
    int delay_ms;             /* atomic, as all here */
    int asked;                /* how many look-ups of names have begun */
    int answered;             /* how many have ended */
    const char *addresses[2]; /* of every name; NULL: there is no such name */
} resolver;

static void set_addresses(const char *first, const char *second)
{
    __atomic_store_n(&resolver.addresses[1], second, __ATOMIC_RELEASE);
    __atomic_store_n(&resolver.addresses[0], first, __ATOMIC_RELEASE);
}

static int answer(const char *port, const struct addrinfo *asked, struct addrinfo **list)
{
    struct addrinfo hints = *asked;
    struct addrinfo **end = list;
    int error = EAI_NONAME;

    hints.ai_flags |= AI_NUMERICHOST;
    *list = NULL;
    for (int i = 0; i < 2; i++) {
        const char *address = __atomic_load_n(&resolver.addresses[i], __ATOMIC_ACQUIRE);
        if (!address || __real_getaddrinfo(address, port, &hints, end) != 0)
            break;
        error = 0;
        end = &(*end)->ai_next;
    }
    return error;
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    int delay = seen(&resolver.delay_ms), error;

    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, list);
    __atomic_add_fetch(&resolver.asked, 1, __ATOMIC_ACQ_REL);
    usleep((useconds_t)delay * 1000);
    error = answer(port, hints, list);
    __atomic_add_fetch(&resolver.answered, 1, __ATOMIC_ACQ_REL);
    return error;
}

static void reset(void)
{
    memset(&resolver, 0, sizeof(resolver));
}

/* A memcached on 127.0.0.1, and a rig that calls it cache.test. */
static void name_it(memcached_t *memcached, rig_t *rig, apr_pool_t *pool)
{
    const char *servers[2] = {NULL, NULL};

    memcached_start(memcached, 0, NULL);
    servers[0] = apr_psprintf(pool, "cache.test:%d", memcached->port);
    rig_make(rig, pool, servers);
}

static void numeric_addresses_ask_nobody(void **state)
{
    const char *const servers[] = {"127.0.0.1:1", "[::1]:2", "/no/such/socket", NULL};
    apr_time_t began = tier_clock_now();
    rig_t rig;

    reset();
    rig_make(&rig, *state, servers);
    rig_connect(&rig);
    assert_true(tier_clock_now() - began < TIER_MEMCACHE_RESOLVE_WAIT / 2);
    assert_int_equal(seen(&resolver.asked), 0);
    assert_int_equal(line_count(&rig), 0);
}

static void a_name_is_known_before_the_first_call(void **state)
{
    memcached_t memcached;
    rig_t rig;

    reset();
    set_addresses("127.0.0.1", NULL);
    resolver.delay_ms = 50;
    name_it(&memcached, &rig, *state);
    rig_connect(&rig);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(seen(&resolver.asked), 1);
    memcached_kill(&memcached);
}

static void a_name_that_does_not_resolve_is_left_out_until_it_does(void **state)
{
    prober_thread_t prober;
    memcached_t memcached;
    apr_time_t began;
    rig_t rig;

    reset();
    name_it(&memcached, &rig, *state);
    began = tier_clock_now();
    rig_connect(&rig);
    probe_start(&prober, &rig);
    for (int i = 0; i < 100; i++)
        assert_int_equal(set(&rig, "k", "v", 1), APR_EAGAIN);
    assert_true(tier_clock_now() - began < TIER_MEMCACHE_RESOLVE_WAIT);
    assert_int_equal(line_count(&rig), 1);
    assert_int_equal(count_lines(rig.log, "WT0101"), 1);
    assert_non_null(strstr(rig.log->lines[0].text, "cannot be resolved"));
    set_addresses("127.0.0.1", NULL);
    assert_true(wait_until(set(&rig, "k", "v", 1) == APR_SUCCESS,
                           2 * TIER_MEMCACHE_RESOLVE_AGAIN + apr_time_from_sec(1)));
    assert_int_equal(count_lines(rig.log, "WT0102"), 1);
    assert_int_equal(line_count(&rig), 2);
    probe_stop(&prober);
    memcached_kill(&memcached);
}

/* Neither the start nor the calls nor the end of a child wait for a resolver that hangs. */
static void a_resolver_that_hangs_holds_up_nothing(void **state)
{
    memcached_t memcached;
    const char *value;
    apr_size_t size;
    apr_time_t began;
    rig_t rig;

    reset();
    set_addresses("127.0.0.1", NULL);
    resolver.delay_ms = 2000;
    name_it(&memcached, &rig, *state);
    began = tier_clock_now();
    rig_connect(&rig);
    assert_in_range(tier_clock_now() - began, TIER_MEMCACHE_RESOLVE_WAIT,
                    TIER_MEMCACHE_RESOLVE_WAIT + STALL);
    began = tier_clock_now();
    for (int i = 0; i < 100; i++)
        assert_int_equal(get(&rig, "k", &value, &size), APR_EAGAIN);
    assert_true(tier_clock_now() - began < STALL);
    began = tier_clock_now();
    apr_pool_destroy(rig.pool);
    assert_true(tier_clock_now() - began < apr_time_from_msec(200) + STALL);
    assert_int_equal(seen(&resolver.answered), 0);
    assert_true(wait_until(seen(&resolver.answered) == 1, apr_time_from_sec(5)));
    usleep(50 * 1000); /* it frees what was left to it */
    assert_int_equal(seen(&resolver.asked), 1);
    memcached_kill(&memcached);
}

static void a_server_that_moved_is_found(void **state)
{
    prober_thread_t prober;
    memcached_t memcached;
    rig_t rig;

    reset();
    set_addresses("127.0.0.9", NULL);
    name_it(&memcached, &rig, *state);
    rig_connect(&rig);
    probe_start(&prober, &rig);
    assert_int_equal(set(&rig, "k", "v", 1), APR_EGENERAL);
    set_addresses("127.0.0.1", NULL);
    assert_true(wait_until(set(&rig, "k", "v", 1) == APR_SUCCESS,
                           2 * TIER_MEMCACHE_RESOLVE_AGAIN + apr_time_from_sec(1)));
    probe_stop(&prober);
    memcached_kill(&memcached);
}

static void a_name_is_not_looked_up_while_all_is_well(void **state)
{
    memcached_t memcached;
    rig_t rig;

    reset();
    set_addresses("127.0.0.1", NULL);
    name_it(&memcached, &rig, *state);
    rig_connect(&rig);
    usleep((useconds_t)(TIER_MEMCACHE_RESOLVE_AGAIN + 300 * 1000));
    assert_int_equal(seen(&resolver.asked), 1);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    memcached_kill(&memcached);
}

static void the_second_address_is_used_when_the_first_refuses(void **state)
{
    memcached_t memcached;
    rig_t rig;

    reset();
    set_addresses("127.0.0.9", "127.0.0.1");
    name_it(&memcached, &rig, *state);
    rig_connect(&rig);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 0);
    memcached_kill(&memcached);
}

#define WAITING 4

/* Makes address:port a place that lets no connection through and refuses none: its queue is full.
 */
static void block_address(const char *address, int port, int *listener, int *waiting)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(*listener, 0), 0);
    for (int i = 0; i < WAITING; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(waiting[i], (struct sockaddr *)&name, sizeof(name));
    }
    usleep(50 * 1000);
}

static apr_time_t time_of_call(rig_t *rig, const char *key)
{
    apr_time_t began = tier_clock_now();

    assert_int_equal(set(rig, key, "v", 1), APR_SUCCESS);
    return tier_clock_now() - began;
}

/* It costs half of a deadline, once. */
static void the_second_address_is_used_when_the_first_is_silent(void **state)
{
    int listener, waiting[WAITING];
    prober_thread_t prober;
    memcached_t memcached;
    apr_time_t now;
    rig_t rig;

    reset();
    set_addresses("127.0.0.9", "127.0.0.1");
    name_it(&memcached, &rig, *state);
    block_address("127.0.0.9", memcached.port, &listener, waiting);
    rig.options.deadline = apr_time_from_sec(1);
    rig_connect(&rig);
    assert_in_range(time_of_call(&rig, "k"), rig.options.deadline / 2, rig.options.deadline);
    memcached_restart(&memcached);
    assert_true(time_of_call(&rig, "k") < rig.options.deadline / 2);
    now = tier_clock_now();
    assert_int_equal(tier_breaker_failure(&rig.breakers[0], 1, now, now), 1);
    probe_start(&prober, &rig);
    assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(10)));
    probe_stop(&prober);
    memcached_kill(&memcached);
    for (int i = 0; i < WAITING; i++)
        close(waiting[i]);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(numeric_addresses_ask_nobody),
        test_with_pool(a_name_is_known_before_the_first_call),
        test_with_pool(a_name_that_does_not_resolve_is_left_out_until_it_does),
        test_with_pool(a_resolver_that_hangs_holds_up_nothing),
        test_with_pool(a_server_that_moved_is_found),
        test_with_pool(a_name_is_not_looked_up_while_all_is_well),
        test_with_pool(the_second_address_is_used_when_the_first_refuses),
        test_with_pool(the_second_address_is_used_when_the_first_is_silent),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
