/* SPDX-License-Identifier: Apache-2.0 */
/* What closes an open breaker: a server that answers "version" in time, and nothing else. */
#include "common_memcached.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <apr_strings.h>

#define INTERVAL apr_time_from_msec(20)

static int say_text(fake_t *fake, int fd, const char *question)
{
    assert_string_equal(question, "version\r\n");
    return send(fd, fake->text, fake->size, MSG_NOSIGNAL) < 0;
}

/* In two pieces, with a moment between. */
static int say_in_pieces(fake_t *fake, int fd, const char *question)
{
    size_t first = fake->size / 2;

    (void)question;
    if (send(fd, fake->text, first, MSG_NOSIGNAL) < 0)
        return 1;
    usleep(10 * 1000);
    return send(fd, fake->text + first, fake->size - first, MSG_NOSIGNAL) < 0;
}

static int say_late(fake_t *fake, int fd, const char *question)
{
    usleep(300 * 1000);
    return say_text(fake, fd, question);
}

static int hang_up(fake_t *fake, int fd, const char *question)
{
    (void)fake;
    (void)fd;
    (void)question;
    return 1;
}

static void open_breaker(tier_breaker_t *breaker)
{
    apr_time_t now = tier_clock_now();

    assert_int_equal(tier_breaker_failure(breaker, 1, now, now), 1);
}

/* An open breaker of a server that plays so, and the probing of it. */
static void meet(fake_t *fake, rig_t *rig, prober_thread_t *prober, apr_pool_t *pool,
                 int (*play)(fake_t *fake, int fd, const char *question), const char *text)
{
    const char *servers[2] = {NULL, NULL};

    memset(fake, 0, sizeof(*fake));
    fake->play = play;
    fake->text = text;
    fake->size = strlen(text);
    fake_start(fake);
    servers[0] = fake->server;
    rig_make(rig, pool, servers);
    rig->options.probe = INTERVAL;
    rig->options.deadline = DEADLINE;
    open_breaker(&rig->breakers[0]);
    probe_start(prober, rig);
}

static void part(fake_t *fake, rig_t *rig, prober_thread_t *prober)
{
    probe_stop(prober);
    fake_stop(fake);
    apr_pool_destroy(rig->pool);
}

static void a_version_closes_the_breaker_and_is_told_when_it_was(void **state)
{
    static int (*const plays[])(fake_t *, int, const char *) = {say_text, say_in_pieces};
    prober_thread_t prober;
    apr_uint64_t untold;
    fake_t fake;
    rig_t rig;

    for (size_t i = 0; i < 2; i++) {
        meet(&fake, &rig, &prober, *state, plays[i], "VERSION 1.6.18\r\n");
        assert_int_equal(tier_breaker_news(&rig.breakers[0], tier_clock_now(), &untold),
                         TIER_BREAKER_HAS_OPENED);
        assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(5)));
        assert_true(wait_until(count_lines(rig.log, "WT0102") == 1, apr_time_from_sec(5)));
        assert_int_equal(line_count(&rig), 1);
        assert_int_equal(rig.log->lines[0].level, TIER_LOG_NOTICE);
        assert_non_null(strstr(rig.log->lines[0].text, fake.server));
        part(&fake, &rig, &prober);
    }
}

/* Each is asked more than once, and stays out. */
static void anything_else_leaves_it_open(void **state)
{
    static const struct {
        int (*play)(fake_t *fake, int fd, const char *question);
        const char *text;
    } answers[] = {{say_text, "ERROR\r\n"},
                   {say_text, "VERSION"},
                   {say_text, "VERSION 1.6.18"},
                   {say_text, "version 1.6.18\r\n"},
                   {say_text, "HTTP/1.1 400 Bad Request\r\n\r\n"},
                   {say_text, "END\r\n"},
                   {say_text, ""},
                   {say_late, "VERSION 1.6.18\r\n"},
                   {hang_up, ""}};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        prober_thread_t prober;
        fake_t fake;
        rig_t rig;

        meet(&fake, &rig, &prober, *state, answers[i].play, answers[i].text);
        assert_true(wait_until(seen(&fake.connections) >= 3, apr_time_from_sec(10)));
        assert_true(is_open(&rig.breakers[0]));
        part(&fake, &rig, &prober);
    }
}

static void an_endless_answer_leaves_it_open(void **state)
{
    char *text = memset(apr_palloc(*state, 70000), 'V', 70000);
    prober_thread_t prober;
    fake_t fake;
    rig_t rig;

    text[69999] = '\0';
    meet(&fake, &rig, &prober, *state, say_text, text);
    assert_true(wait_until(seen(&fake.connections) >= 3, apr_time_from_sec(10)));
    assert_true(is_open(&rig.breakers[0]));
    part(&fake, &rig, &prober);
}

static void a_closed_breaker_is_not_probed(void **state)
{
    prober_thread_t prober;
    fake_t fake;
    rig_t rig;
    int before;

    meet(&fake, &rig, &prober, *state, say_text, "VERSION 1.6.18\r\n");
    assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(5)));
    usleep(50 * 1000); /* what was on its way */
    before = seen(&fake.connections);
    usleep(10 * (useconds_t)INTERVAL);
    assert_int_equal(seen(&fake.connections), before);
    part(&fake, &rig, &prober);
}

static void a_refusing_server_is_found_when_it_is_there(void **state)
{
    memcached_t memcached;
    prober_thread_t prober;
    const char *servers[2] = {NULL, NULL};
    rig_t rig;

    memcached_start(&memcached, 0, NULL);
    servers[0] = memcached.server;
    rig_make(&rig, *state, servers);
    memcached_kill(&memcached);
    open_breaker(&rig.breakers[0]);
    probe_start(&prober, &rig);
    usleep(600 * 1000);
    assert_true(is_open(&rig.breakers[0]));
    memcached_start(&memcached, memcached.port, NULL);
    assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(1)));
    probe_stop(&prober);
    memcached_kill(&memcached);
}

static void a_socket_is_probed_too(void **state)
{
    char path[128];
    memcached_t memcached;
    prober_thread_t prober;
    const char *servers[2] = {NULL, NULL};
    rig_t rig;

    temporary_path(path, sizeof(path), "probed");
    servers[0] = path;
    rig_make(&rig, *state, servers);
    open_breaker(&rig.breakers[0]);
    probe_start(&prober, &rig);
    usleep(300 * 1000);
    assert_true(is_open(&rig.breakers[0]));
    memcached_start(&memcached, 0, path);
    assert_true(wait_until(!is_open(&rig.breakers[0]), apr_time_from_sec(1)));
    probe_stop(&prober);
    memcached_kill(&memcached);
    unlink(path);
}

static void end_round(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    (void)timer;
    tier_loop_stop(loop);
}

/* The pool goes in the middle of a probe; the loop lives on, and no descriptor is left. */
static void a_probe_goes_with_its_pool(void **state)
{
    tier_loop_timer_t end = {.fire = end_round};
    prober_thread_t prober;
    apr_pool_t *lead;
    tier_loop_t *loop;
    fake_t fake;
    rig_t rig;
    int before;

    meet(&fake, &rig, &prober, *state, say_text, "");
    probe_stop(&prober);
    assert_int_equal(tier_loop_create(&loop, 2, rig.pool), APR_SUCCESS);
    before = seen(&fake.questions);
    for (int i = 0; i < 20; i++) {
        int open = count_descriptors();
        apr_pool_create(&lead, rig.pool);
        assert_int_equal(tier_memcache_probe_on(loop, &rig.options, lead), APR_SUCCESS);
        tier_loop_timer_set(loop, &end, tier_clock_now() + 2 * INTERVAL);
        assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
        apr_pool_destroy(lead);
        /* The fake has one connection open at most, which it closes in a moment. */
        assert_true(wait_until(count_descriptors() <= open, apr_time_from_sec(1)));
        tier_loop_timer_set(loop, &end, tier_clock_now() + INTERVAL);
        assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    }
    assert_true(seen(&fake.questions) - before >= 10);
    assert_true(is_open(&rig.breakers[0]));
    fake_stop(&fake);
    apr_pool_destroy(rig.pool);
}

/* The second server waits until there is room. */
static void a_loop_without_room_delays_a_probe(void **state)
{
    memcached_t memcached[2];
    const char *servers[3] = {NULL, NULL, NULL};
    tier_loop_timer_t end = {.fire = end_round};
    tier_loop_t *loop;
    rig_t rig;

    for (int i = 0; i < 2; i++) {
        memcached_start(&memcached[i], 0, NULL);
        servers[i] = memcached[i].server;
    }
    rig_make(&rig, *state, servers);
    rig.options.probe = INTERVAL;
    assert_int_equal(tier_loop_create(&loop, 1, rig.pool), APR_SUCCESS);
    assert_int_equal(tier_memcache_probe_on(loop, &rig.options, rig.pool), APR_SUCCESS);
    open_breaker(&rig.breakers[0]);
    open_breaker(&rig.breakers[1]);
    for (int i = 0; i < 100 && (is_open(&rig.breakers[0]) || is_open(&rig.breakers[1])); i++) {
        tier_loop_timer_set(loop, &end, tier_clock_now() + INTERVAL);
        assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    }
    for (int i = 0; i < 2; i++) {
        assert_false(is_open(&rig.breakers[i]));
        memcached_kill(&memcached[i]);
    }
}

/* Opened by a process that was told to be quiet, and open still when a minute has passed. */
static void what_was_held_back_is_told_by_the_probing(void **state)
{
    apr_time_t now = tier_clock_now();
    prober_thread_t prober;
    fake_t fake;
    rig_t rig;

    meet(&fake, &rig, &prober, *state, say_text, "");
    probe_stop(&prober);
    rig.breakers[0] = (tier_breaker_t){.state = TIER_BREAKER_OPEN,
                                       .flapping = 1,
                                       .since = now - apr_time_from_sec(3),
                                       .told_at = now - TIER_BREAKER_QUIET,
                                       .opened = {7},
                                       .told_of = {4}};
    probe_start(&prober, &rig);
    assert_true(wait_until(line_count(&rig) == 1, apr_time_from_sec(5)));
    usleep(100 * 1000);
    assert_int_equal(line_count(&rig), 1);
    assert_int_equal(count_lines(rig.log, "WT0103"), 1);
    assert_non_null(strstr(rig.log->lines[0].text, " 2 failures"));
    part(&fake, &rig, &prober);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(a_version_closes_the_breaker_and_is_told_when_it_was),
        test_with_pool(anything_else_leaves_it_open),
        test_with_pool(an_endless_answer_leaves_it_open),
        test_with_pool(a_closed_breaker_is_not_probed),
        test_with_pool(a_refusing_server_is_found_when_it_is_there),
        test_with_pool(a_socket_is_probed_too),
        test_with_pool(a_probe_goes_with_its_pool),
        test_with_pool(a_loop_without_room_delays_a_probe),
        test_with_pool(what_was_held_back_is_told_by_the_probing),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
