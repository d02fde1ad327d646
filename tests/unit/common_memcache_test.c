/* SPDX-License-Identifier: Apache-2.0 */
/* The client against real memcached processes: what it stores, and what it costs when they die,
 * hang and come back. */
#include "common_memcached.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <apr_strings.h>
#include <libmemcached/memcached.h>

#define DAY (24 * apr_time_from_sec(3600))

static void assert_value(rig_t *rig, const char *key, const char *expected,
                         apr_size_t expected_size)
{
    const char *value;
    apr_size_t size;

    assert_int_equal(get(rig, key, &value, &size), APR_SUCCESS);
    assert_int_equal(size, expected_size);
    assert_memory_equal(value, expected, size);
}

static apr_status_t lookup(rig_t *rig, const char *key)
{
    const char *value;
    apr_size_t size;

    return get(rig, key, &value, &size);
}

static void values_are_set_got_added_and_deleted(void **state)
{
    memcached_t memcached;
    apr_uint32_t flags = 0;
    apr_size_t size;
    char *value;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    assert_int_equal(lookup(&rig, "k"), APR_NOTFOUND);
    assert_int_equal(tier_memcache_set(rig.memcache, "k", 1, "one", 3, 0, 4294967295u),
                     APR_SUCCESS);
    assert_int_equal(tier_memcache_get(rig.memcache, "k", 1, &value, &size, &flags, rig.pool),
                     APR_SUCCESS);
    assert_int_equal(flags, 4294967295u);
    assert_value(&rig, "k", "one", 3);
    assert_int_equal(tier_memcache_add(rig.memcache, "k", 1, "two", 3, 0, 0), APR_EEXIST);
    assert_value(&rig, "k", "one", 3);
    assert_int_equal(tier_memcache_delete(rig.memcache, "k", 1), APR_SUCCESS);
    assert_int_equal(tier_memcache_delete(rig.memcache, "k", 1), APR_NOTFOUND);
    assert_int_equal(tier_memcache_add(rig.memcache, "k", 1, "two", 3, 0, 0), APR_SUCCESS);
    assert_value(&rig, "k", "two", 3);
    assert_int_equal(line_count(&rig), 0);
    memcached_kill(&memcached);
}

/* Sizes around those of the client's buffer, and bytes that mean something to the protocol. */
static void values_of_any_size_and_bytes_come_back_whole(void **state)
{
    static const apr_size_t sizes[] = {0,     1,     2,      7,       250,    512,
                                       16000, 16340, 16350,  16360,   16370,  16384,
                                       16385, 65536, 262144, 1000000, 1048000};
    static const char pattern[] = "\r\nEND\r\n\0VALUE k 0 1\r\n\xff";
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *value = apr_palloc(*state, sizes[i] + 1);
        for (apr_size_t at = 0; at < sizes[i]; at++)
            value[at] = pattern[at % (sizeof(pattern) - 1)];
        assert_int_equal(set(&rig, "k", value, sizes[i]), APR_SUCCESS);
        assert_value(&rig, "k", value, sizes[i]);
    }
    for (apr_size_t size = 16384 - 40; size < 16384 + 10; size++) {
        char *value = memset(apr_palloc(*state, size), (int)size, size);
        assert_int_equal(set(&rig, "k", value, size), APR_SUCCESS);
        assert_value(&rig, "k", value, size);
    }
    assert_int_equal(line_count(&rig), 0);
    memcached_kill(&memcached);
}

/* Values over 1 MiB are not from the pool's own memory: they go with the pool all the same. */
static void values_over_the_item_limit_are_refused_and_nothing_else_suffers(void **state)
{
    apr_size_t size = 3 * 1024 * 1024;
    char *value = memset(apr_palloc(*state, size), 'v', size);
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    assert_int_equal(set(&rig, "k", "old", 3), APR_SUCCESS);
    assert_int_equal(set(&rig, "k", value, size), APR_ENOSPC);
    assert_int_equal(lookup(&rig, "k"), APR_NOTFOUND);
    assert_int_equal(set(&rig, "k", value, TIER_MEMCACHE_MAX_VALUE + 1), APR_ENOSPC);
    assert_int_equal(set(&rig, "k", "new", 3), APR_SUCCESS);
    assert_value(&rig, "k", "new", 3);
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 0);
    assert_int_equal(line_count(&rig), 0);
    memcached_kill(&memcached);
}

/* What memcached itself says is left of the life of key. */
static long life_left(const memcached_t *memcached, const char *key)
{
    char command[64], answer[128];

    snprintf(command, sizeof(command), "mg %s t\r\n", key);
    memcached_ask(memcached, command, answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "HD t", 4), 0);
    return atol(answer + 4);
}

static void a_life_is_as_long_as_it_was_asked_for(void **state)
{
    static const struct {
        apr_interval_time_t ttl;
        long seconds;
    } lives[] = {{0, -1},
                 {1, 1},
                 {apr_time_from_sec(7) + 1, 8},
                 {30 * DAY, 30 * 86400L},
                 {30 * DAY + 1, 30 * 86400L + 1},
                 {365 * DAY, 365 * 86400L}};
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        assert_int_equal(tier_memcache_set(rig.memcache, "k", 1, "v", 1, lives[i].ttl, 0),
                         APR_SUCCESS);
        /* memcached's clock lags where it does not get the CPU */
        assert_in_range(life_left(&memcached, "k") - lives[i].seconds + 5, 0, 10);
    }
    assert_int_equal(tier_memcache_set(rig.memcache, "k", 1, "v", 1, 1000 * 365 * DAY, 0),
                     APR_SUCCESS);
    assert_int_equal(life_left(&memcached, "k"), -1);
    assert_int_equal(tier_memcache_set(rig.memcache, "k", 1, "v", 1, -1, 0), APR_EINVAL);
    assert_int_equal(tier_memcache_set(rig.memcache, "k", 1, NULL, 0, 0, 0), APR_SUCCESS);
    assert_value(&rig, "k", "", 0);
    memcached_kill(&memcached);
}

static void keys_that_the_protocol_does_not_allow_are_refused(void **state)
{
    static const char *const bad[] = {"a b", "a\r\n", "a\nget b", "a\tb", "\x01", "\x7f", " "};
    char longest[TIER_MEMCACHE_MAX_KEY + 2];
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(lookup(&rig, bad[i]), APR_EINVAL);
        assert_int_equal(set(&rig, bad[i], "v", 1), APR_EINVAL);
        assert_int_equal(tier_memcache_add(rig.memcache, bad[i], strlen(bad[i]), "v", 1, 0, 0),
                         APR_EINVAL);
        assert_int_equal(tier_memcache_delete(rig.memcache, bad[i], strlen(bad[i])), APR_EINVAL);
    }
    assert_int_equal(lookup(&rig, ""), APR_EINVAL);
    assert_int_equal(tier_memcache_delete(rig.memcache, "a\0b", 3), APR_EINVAL);
    memset(longest, 'k', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(set(&rig, longest, "v", 1), APR_EINVAL);
    longest[TIER_MEMCACHE_MAX_KEY] = '\0';
    assert_int_equal(set(&rig, longest, "v", 1), APR_SUCCESS);
    assert_value(&rig, longest, "v", 1);
    assert_int_equal(set(&rig, "\xc3\xa4", "v", 1), APR_SUCCESS);
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 0);
    memcached_kill(&memcached);
}

static void a_socket_serves_as_well(void **state)
{
    char path[128];
    memcached_t memcached;
    rig_t rig;

    temporary_path(path, sizeof(path), "socket");
    memcached_start(&memcached, 0, path);
    rig_one(&rig, *state, memcached.server);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_value(&rig, "k", "v", 1);
    memcached_kill(&memcached);
    assert_int_equal(lookup(&rig, "k"), APR_EGENERAL);
    assert_int_equal(lookup(&rig, "k"), APR_EAGAIN);
    unlink(path);
}

static void a_killed_server_costs_one_refused_call_and_one_line(void **state)
{
    memcached_t memcached;
    apr_time_t began;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    memcached_kill(&memcached);
    began = tier_clock_now();
    assert_int_equal(lookup(&rig, "k"), APR_EGENERAL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(lookup(&rig, "k"), APR_EAGAIN);
    assert_true(tier_clock_now() - began < PATIENCE / 2);
    assert_int_equal(line_count(&rig), 1);
    assert_int_equal(rig.log->lines[0].level, TIER_LOG_WARNING);
    assert_int_equal(rig.log->lines[0].status, ECONNREFUSED);
    assert_non_null(strstr(rig.log->lines[0].text, memcached.server));
    assert_int_equal(count_lines(rig.log, "WT0101"), 1);
    assert_int_equal(tier_counter_get(&rig.breakers[0].refused), 100);
}

static void a_stopped_server_costs_one_deadline_and_is_back_within_a_second(void **state)
{
    prober_thread_t prober;
    memcached_t memcached;
    apr_time_t began, first, others;
    const char *servers[2] = {NULL, NULL};
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    servers[0] = memcached.server;
    rig_make(&rig, *state, servers);
    rig.options.deadline = DEADLINE;
    rig_connect(&rig);
    probe_start(&prober, &rig);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    memcached_stop(&memcached);
    began = tier_clock_now();
    assert_int_equal(lookup(&rig, "k"), APR_TIMEUP);
    first = tier_clock_now() - began;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(lookup(&rig, "k"), APR_EAGAIN);
    others = tier_clock_now() - began - first;
    usleep(900 * 1000);
    assert_true(is_open(&rig.breakers[0]));
    memcached_cont(&memcached);
    began = tier_clock_now();
    assert_true(wait_until(lookup(&rig, "k") == APR_SUCCESS, apr_time_from_sec(1)));
    print_message("first call %ld us, each further one %ld ns, back after %ld us\n", (long)first,
                  (long)others, (long)(tier_clock_now() - began));
    assert_in_range(first, DEADLINE, DEADLINE + STALL);
    assert_true(others < STALL);
    probe_stop(&prober);
    assert_int_equal(count_lines(rig.log, "WT0101"), 1);
    assert_int_equal(count_lines(rig.log, "WT0102"), 1);
    assert_int_equal(line_count(&rig), 2);
    memcached_kill(&memcached);
}

/* What one process saw while the server hung. */
typedef struct witness_t {
    int ready;       /* atomic */
    int slow;        /* calls that took a whole deadline */
    int calls;       /* all of them */
    int hits_at_end; /* 1: the last call was a hit */
    apr_time_t worst;
} witness_t;

/* In a child: no assertion of cmocka, which would run the remaining tests there. */
static void witness(rig_t *rig, witness_t *seen_here, const int *over)
{
    apr_time_t began, took;
    apr_status_t status;

    if (tier_memcache_create(&rig->memcache, &rig->options, rig->pool) != APR_SUCCESS ||
        lookup(rig, "k") != APR_SUCCESS)
        _exit(1);
    __atomic_store_n(&seen_here->ready, 1, __ATOMIC_RELEASE);
    while (!seen(over)) {
        began = tier_clock_now();
        status = lookup(rig, "k");
        took = tier_clock_now() - began;
        seen_here->hits_at_end = status == APR_SUCCESS;
        seen_here->slow += status == APR_TIMEUP;
        seen_here->worst = took > seen_here->worst ? took : seen_here->worst;
        seen_here->calls++;
        usleep(1000);
    }
    apr_pool_destroy(rig->pool);
    _exit(0);
}

#define PROCESSES 4

/* One line, and one slow call a process at most: that which was under way when the server hung. */
static void a_breaker_opened_by_one_process_protects_all(void **state)
{
    struct {
        int over;
        witness_t seen[PROCESSES];
    } *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *servers[2] = {NULL, NULL};
    pid_t children[PROCESSES];
    memcached_t memcached;
    prober_thread_t prober;
    rig_t rig;
    char answer[32];
    int slow = 0, status;

    assert_ptr_not_equal(shared, MAP_FAILED);
    memcached_start(&memcached, 0, NULL);
    servers[0] = memcached.server;
    rig_make(&rig, *state, servers);
    rig.options.deadline = 2 * DEADLINE;
    memcached_ask(&memcached, "set k 0 0 1\r\nv\r\n", answer, sizeof(answer));
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            witness(&rig, &shared->seen[i], &shared->over);
    }
    for (int i = 0; i < PROCESSES; i++)
        assert_true(wait_until(seen(&shared->seen[i].ready), apr_time_from_sec(10)));
    probe_start(&prober, &rig);
    memcached_stop(&memcached);
    usleep(1500 * 1000);
    memcached_cont(&memcached);
    assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(1)));
    usleep(100 * 1000);
    __atomic_store_n(&shared->over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        assert_int_equal(shared->seen[i].hits_at_end, 1);
        assert_true(shared->seen[i].slow <= 1);
        assert_true(shared->seen[i].calls > 200);
        assert_true(shared->seen[i].worst < rig.options.deadline + STALL);
        slow += shared->seen[i].slow;
    }
    assert_in_range(slow, 1, PROCESSES);
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 1);
    probe_stop(&prober);
    assert_int_equal(count_lines(rig.log, "WT0101"), 1);
    assert_int_equal(count_lines(rig.log, "WT0102"), 1);
    memcached_kill(&memcached);
    munmap(shared, sizeof(*shared));
}

#define KEYS 2000

static int count_hits(rig_t *rig)
{
    char key[16];
    int hits = 0;

    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        hits += lookup(rig, key) == APR_SUCCESS;
    }
    return hits;
}

/* What each server has is what is said to be there. */
static void check_places(rig_t *rig, const memcached_t *memcached)
{
    char command[32];
    char answer[64];

    for (int i = 0; i < 50; i++) {
        int size = snprintf(command, sizeof(command), "get key-%d\r\n", i);
        int place = tier_memcache_server_of(rig->memcache, command + 4, (apr_size_t)size - 6);
        assert_in_range(place, 0, 3);
        memcached_ask(&memcached[place], command, answer, sizeof(answer));
        assert_int_equal(strncmp(answer, "VALUE", 5), 0);
    }
}

/* Modulo distribution would move 75 %; 25 % lived on the lost server. */
static void of_four_servers_one_lost_moves_a_quarter_of_the_keys(void **state)
{
    memcached_t memcached[4];
    const char *servers[5] = {NULL};
    rig_t four, three;
    char key[16];
    int hits;

    for (int i = 0; i < 4; i++) {
        memcached_start(&memcached[i], 0, NULL);
        servers[i] = memcached[i].server;
    }
    rig_make(&four, *state, servers);
    rig_connect(&four);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_int_equal(set(&four, key, "v", 1), APR_SUCCESS);
    }
    assert_int_equal(count_hits(&four), KEYS);
    check_places(&four, memcached);
    servers[1] = servers[2];
    servers[2] = servers[3];
    servers[3] = NULL;
    rig_make(&three, *state, servers);
    rig_connect(&three);
    hits = count_hits(&three);
    print_message("%d of %d keys moved\n", KEYS - hits, KEYS);
    assert_in_range(KEYS - hits, KEYS * 15 / 100, KEYS * 35 / 100);
    for (int i = 0; i < 4; i++)
        memcached_kill(&memcached[i]);
}

/* What another program stores, with a ring that it made server by server, is found. */
static void other_users_of_libmemcached_agree_where_a_key_is(void **state)
{
    memcached_st *other = memcached_create(NULL);
    memcached_t memcached[4];
    const char *servers[5] = {NULL};
    char key[16];
    rig_t rig;

    memcached_behavior_set(other, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    for (int i = 0; i < 4; i++) {
        memcached_start(&memcached[i], 0, NULL);
        servers[i] = memcached[i].server;
        memcached_server_add(other, "127.0.0.1", (in_port_t)memcached[i].port);
    }
    rig_make(&rig, *state, servers);
    rig_connect(&rig);
    for (int i = 0; i < KEYS; i++) {
        size_t size = (size_t)snprintf(key, sizeof(key), "key-%d", i);
        assert_int_equal(memcached_set(other, key, size, "v", 1, 0, 0), MEMCACHED_SUCCESS);
    }
    assert_int_equal(count_hits(&rig), KEYS);
    memcached_free(other);
    for (int i = 0; i < 4; i++)
        memcached_kill(&memcached[i]);
}

/* The other servers of the ring go on as if nothing was. */
static void a_lost_server_costs_only_its_own_keys(void **state)
{
    memcached_t memcached[2];
    const char *servers[3] = {NULL};
    char key[16];
    rig_t rig;
    int lost = 0, hits = 0;

    for (int i = 0; i < 2; i++) {
        memcached_start(&memcached[i], 0, NULL);
        servers[i] = memcached[i].server;
    }
    rig_make(&rig, *state, servers);
    rig_connect(&rig);
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_int_equal(set(&rig, key, "v", 1), APR_SUCCESS);
    }
    memcached_kill(&memcached[0]);
    for (int i = 0; i < 200; i++) {
        apr_status_t status;
        snprintf(key, sizeof(key), "key-%d", i);
        status = lookup(&rig, key);
        hits += status == APR_SUCCESS;
        lost += status == APR_EAGAIN || status == APR_EGENERAL;
    }
    assert_int_equal(hits + lost, 200);
    assert_in_range(lost, 40, 160);
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 1);
    assert_int_equal(tier_counter_get(&rig.breakers[1].opened), 0);
    memcached_kill(&memcached[1]);
}

#define THREADS 8
#define CALLS   400

typedef struct hammer_t {
    tier_memcache_t *memcache;
    apr_pool_t *pool;
    unsigned seed;
    int wrong; /* answers that were not of their key */
    int failed;
} hammer_t;

/* A value says its key in its first bytes and fills up with them. */
static apr_size_t make_value(char *value, unsigned key, apr_size_t size)
{
    for (apr_size_t at = 0; at + sizeof(key) <= size; at += sizeof(key))
        memcpy(value + at, &key, sizeof(key));
    return size / sizeof(key) * sizeof(key);
}

static int is_value_of(const char *value, apr_size_t size, unsigned key)
{
    for (apr_size_t at = 0; at + sizeof(key) <= size; at += sizeof(key)) {
        if (memcmp(value + at, &key, sizeof(key)) != 0)
            return 0;
    }
    return 1;
}

static void strike(hammer_t *hammer, char *room, apr_pool_t *pool)
{
    unsigned key = (unsigned)rand_r(&hammer->seed) % 50;
    char name[16];
    apr_size_t name_size = (apr_size_t)snprintf(name, sizeof(name), "k%u", key), size;
    apr_status_t status;
    apr_uint32_t flags = key;
    char *value;

    if (rand_r(&hammer->seed) % 3 == 0) {
        size = make_value(room, key, (apr_size_t)rand_r(&hammer->seed) % 40000);
        status = tier_memcache_set(hammer->memcache, name, name_size, room, size, 0, key);
    } else {
        status = tier_memcache_get(hammer->memcache, name, name_size, &value, &size, &flags, pool);
        if (status == APR_SUCCESS && (flags != key || !is_value_of(value, size, key)))
            hammer->wrong++;
    }
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        hammer->failed++;
}

static void *run_hammer(void *data)
{
    hammer_t *hammer = data;
    char *room = malloc(40000);

    for (int i = 0; i < CALLS; i++) {
        strike(hammer, room, hammer->pool);
        apr_pool_clear(hammer->pool);
    }
    free(room);
    return NULL;
}

static void hammer_with(rig_t *rig, hammer_t *hammers)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        hammers[i] = (hammer_t){.memcache = rig->memcache, .seed = (unsigned)i};
        apr_pool_create_unmanaged_ex(&hammers[i].pool, NULL, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, run_hammer, &hammers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        apr_pool_destroy(hammers[i].pool);
    }
}

static void threads_never_get_each_others_answers(void **state)
{
    memcached_t memcached[2];
    const char *servers[3] = {NULL};
    hammer_t hammers[THREADS];
    rig_t rig;

    for (int i = 0; i < 2; i++) {
        memcached_start(&memcached[i], 0, NULL);
        servers[i] = memcached[i].server;
    }
    rig_make(&rig, *state, servers);
    rig_connect(&rig);
    hammer_with(&rig, hammers);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(hammers[i].wrong, 0);
        assert_int_equal(hammers[i].failed, 0);
    }
    for (int i = 0; i < 2; i++)
        memcached_kill(&memcached[i]);
}

/* Every thread's kept connection is dead after the restart, and none of them may cost a failed
 * call. */
static void a_restarted_server_is_used_at_once_without_a_failure(void **state)
{
    memcached_t memcached;
    hammer_t hammers[THREADS];
    const char *servers[2] = {NULL, NULL};
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    servers[0] = memcached.server;
    rig_make(&rig, *state, servers);
    rig_connect(&rig);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
        memcached_restart(&memcached);
        assert_int_equal(lookup(&rig, "k"), APR_NOTFOUND);
        hammer_with(&rig, hammers);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(hammers[i].failed + hammers[i].wrong, 0);
    }
    assert_int_equal(tier_counter_get(&rig.breakers[0].opened), 0);
    assert_int_equal(rig.breakers[0].failures, 0);
    assert_int_equal(line_count(&rig), 0);
    memcached_kill(&memcached);
}

static void *trouble(void *data)
{
    memcached_t *memcached = data;

    for (int i = 0; i < 4; i++) {
        usleep(30 * 1000);
        memcached_stop(memcached);
        usleep(30 * 1000);
        memcached_cont(memcached);
    }
    return NULL;
}

/* Deadlines pass in the middle of calls all the time: a late answer must never be read by the next
 * call. */
static void a_server_that_stutters_never_causes_a_wrong_answer(void **state)
{
    memcached_t memcached;
    hammer_t hammers[THREADS];
    const char *servers[2] = {NULL, NULL};
    pthread_t thread;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    servers[0] = memcached.server;
    rig_make(&rig, *state, servers);
    rig.options.deadline = apr_time_from_msec(5);
    rig.options.failures = 1000000;
    rig_connect(&rig);
    assert_int_equal(pthread_create(&thread, NULL, trouble, &memcached), 0);
    hammer_with(&rig, hammers);
    pthread_join(thread, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(hammers[i].wrong, 0);
    memcached_kill(&memcached);
}

static void connections_are_kept_and_closed_with_the_pool(void **state)
{
    memcached_t memcached;
    hammer_t hammers[THREADS];
    char answer[2048], *line;
    int before = count_descriptors();
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    for (int i = 0; i < 100; i++)
        assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(count_descriptors(), before + 1);
    hammer_with(&rig, hammers);
    assert_in_range(count_descriptors(), before + 1, before + THREADS);
    memcached_ask(&memcached, "stats\r\n", answer, sizeof(answer));
    line = strstr(answer, "total_connections");
    assert_non_null(line);
    /* A listener or two, our own question, those that proved that it listens. */
    assert_in_range(atoi(line + strlen("total_connections")), 1, THREADS + 8);
    apr_pool_destroy(rig.pool);
    assert_int_equal(count_descriptors(), before);
    memcached_kill(&memcached);
}

/* How far the clock of the client has been put forward. */
static apr_time_t ahead;

apr_time_t __real_tier_clock_now(void);
apr_time_t __wrap_tier_clock_now(void);

apr_time_t __wrap_tier_clock_now(void)
{
    return __real_tier_clock_now() + __atomic_load_n(&ahead, __ATOMIC_ACQUIRE);
}

/* One with each call: a rush leaves no crowd of connections behind. */
static void connections_that_nobody_needs_are_closed(void **state)
{
    int before = count_descriptors(), kept;
    hammer_t hammers[THREADS];
    memcached_t memcached;
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    rig_one(&rig, *state, memcached.server);
    hammer_with(&rig, hammers);
    kept = count_descriptors() - before;
    assert_true(kept > 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(count_descriptors() - before, kept);
    __atomic_store_n(&ahead, apr_time_from_sec(61), __ATOMIC_RELEASE);
    assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(count_descriptors() - before, kept - 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(set(&rig, "k", "v", 1), APR_SUCCESS);
    assert_int_equal(count_descriptors() - before, 1);
    memcached_kill(&memcached);
}

static void a_client_is_not_made_of_nonsense(void **state)
{
    const char *const none[] = {NULL}, *const wrong[] = {"127.0.0.1:0", NULL};
    const char *many[TIER_MEMCACHE_MAX_SERVERS + 2] = {NULL};
    tier_memcache_t *memcache;
    rig_t rig;

    rig_make(&rig, *state, none);
    assert_int_equal(tier_memcache_create(&memcache, &rig.options, rig.pool), APR_EINVAL);
    rig_make(&rig, *state, wrong);
    assert_int_equal(tier_memcache_create(&memcache, &rig.options, rig.pool), APR_EINVAL);
    assert_int_equal(tier_memcache_probe_on(NULL, &rig.options, rig.pool), APR_EINVAL);
    for (int i = 0; i <= TIER_MEMCACHE_MAX_SERVERS; i++)
        many[i] = apr_psprintf(*state, "127.0.0.1:%d", 20000 + i);
    rig_make(&rig, *state, many);
    assert_int_equal(tier_memcache_create(&memcache, &rig.options, rig.pool), APR_EINVAL);
    many[TIER_MEMCACHE_MAX_SERVERS] = NULL;
    rig_make(&rig, *state, many);
    assert_int_equal(tier_memcache_create(&memcache, &rig.options, rig.pool), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(values_are_set_got_added_and_deleted),
        test_with_pool(values_of_any_size_and_bytes_come_back_whole),
        test_with_pool(values_over_the_item_limit_are_refused_and_nothing_else_suffers),
        test_with_pool(a_life_is_as_long_as_it_was_asked_for),
        test_with_pool(keys_that_the_protocol_does_not_allow_are_refused),
        test_with_pool(a_socket_serves_as_well),
        test_with_pool(a_killed_server_costs_one_refused_call_and_one_line),
        test_with_pool(a_restarted_server_is_used_at_once_without_a_failure),
        test_with_pool(a_stopped_server_costs_one_deadline_and_is_back_within_a_second),
        test_with_pool(a_breaker_opened_by_one_process_protects_all),
        test_with_pool(of_four_servers_one_lost_moves_a_quarter_of_the_keys),
        test_with_pool(other_users_of_libmemcached_agree_where_a_key_is),
        test_with_pool(a_lost_server_costs_only_its_own_keys),
        test_with_pool(threads_never_get_each_others_answers),
        test_with_pool(a_server_that_stutters_never_causes_a_wrong_answer),
        test_with_pool(connections_are_kept_and_closed_with_the_pool),
        test_with_pool(connections_that_nobody_needs_are_closed),
        test_with_pool(a_client_is_not_made_of_nonsense),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
