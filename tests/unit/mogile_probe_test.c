/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers, in which pieces, let a tracker back that is left out. */
#include "mogile_testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "memcache_wire.h"
#include "mogile_probe.h"

#define MS(n)    apr_time_from_msec(n)
#define LIMIT    apr_time_from_sec(30)
#define INTERVAL MS(10)
#define TRACKERS 2
#define PIECES   3

/* One that says the same pieces to each question, a moment between them. */
typedef struct peer_t {
    const char *pieces[PIECES]; /* NULL: no more; atomic, as what follows */
    int closes;                 /* after the last one */
    int asked;
    int listener, port;
    char question[100];
    pthread_t thread;
} peer_t;

static peer_t peers[TRACKERS];
static tier_breaker_t breakers[TRACKERS];
static mogile_counts_t counts[TRACKERS];
static mogile_server_t servers[TRACKERS];
static tier_memcache_server_t spelled[TRACKERS];
static tier_memcache_resolver_t *resolver;
static kept_log_t log_of_test;

/* How often the name is unknown, and no socket to be had. */
static int is_unknown, has_no_socket;

void __real_tier_memcache_resolver_get(tier_memcache_resolver_t *, int,
                                       tier_memcache_addresses_t *);
void __wrap_tier_memcache_resolver_get(tier_memcache_resolver_t *, int,
                                       tier_memcache_addresses_t *);
apr_status_t __real_tier_memcache_wire_begin(int *, const struct sockaddr *, socklen_t);
apr_status_t __wrap_tier_memcache_wire_begin(int *, const struct sockaddr *, socklen_t);

void __wrap_tier_memcache_resolver_get(tier_memcache_resolver_t *of, int server,
                                       tier_memcache_addresses_t *addresses)
{
    __real_tier_memcache_resolver_get(of, server, addresses);
    if (is_unknown > 0) {
        is_unknown--;
        addresses->count = 0;
    }
}

apr_status_t __wrap_tier_memcache_wire_begin(int *fd, const struct sockaddr *name, socklen_t size)
{
    if (has_no_socket > 0) {
        has_no_socket--;
        *fd = -1;
        return EMFILE;
    }
    return __real_tier_memcache_wire_begin(fd, name, size);
}

/* From now on it says so, and keeps the connection or not. */
static void say(int i, const char *const pieces[PIECES], int closes)
{
    for (int piece = 0; piece < PIECES; piece++)
        __atomic_store_n(&peers[i].pieces[piece], pieces[piece], __ATOMIC_RELEASE);
    __atomic_store_n(&peers[i].closes, closes, __ATOMIC_RELEASE);
    __atomic_store_n(&peers[i].asked, 0, __ATOMIC_RELEASE);
}

static void say_one(int i, const char *text)
{
    const char *const pieces[PIECES] = {text};

    say(i, pieces, 0);
}

static void talk(peer_t *peer, int connection)
{
    const char *piece;
    char rest[100];
    ssize_t got = recv(connection, peer->question, sizeof(peer->question) - 1, 0);

    if (got <= 0)
        return;
    peer->question[got] = '\0';
    __atomic_add_fetch(&peer->asked, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < PIECES; i++) {
        piece = __atomic_load_n(&peer->pieces[i], __ATOMIC_ACQUIRE);
        if (!piece)
            break;
        if (i > 0)
            usleep(2000);
        send(connection, piece, strlen(piece), MSG_NOSIGNAL);
    }
    /* Until the probe hangs up. */
    while (!__atomic_load_n(&peer->closes, __ATOMIC_ACQUIRE) &&
           recv(connection, rest, sizeof(rest), 0) > 0)
        continue;
}

static void *serve(void *data)
{
    peer_t *peer = data;
    int connection;

    while ((connection = accept(peer->listener, NULL, NULL)) >= 0) {
        talk(peer, connection);
        close(connection);
    }
    return NULL;
}

static void start_peer(peer_t *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(peer, 0, sizeof(*peer));
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(peer->listener, 16), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void stop_peer(peer_t *peer)
{
    if (peer->listener < 0)
        return;
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    peer->listener = -1;
}

static void leave_out(int i)
{
    apr_time_t now = tier_clock_now();

    assert_int_equal(tier_breaker_failure(&breakers[i], 1, now, now), 1);
}

static int start(void **state)
{
    int failed = make_pool(state);

    memset(breakers, 0, sizeof(breakers));
    memset(counts, 0, sizeof(counts));
    keep_log(&log_of_test);
    is_unknown = has_no_socket = 0;
    for (int i = 0; i < TRACKERS; i++) {
        start_peer(&peers[i]);
        servers[i] = (mogile_server_t){.kind = "tracker",
                                       .name = apr_psprintf(*state, "127.0.0.1:%d", peers[i].port),
                                       .breaker = &breakers[i],
                                       .counts = &counts[i],
                                       .log = &log_of_test.log};
        assert_null(tier_memcache_server_parse(&spelled[i], servers[i].name, *state));
    }
    assert_int_equal(tier_memcache_resolver_create(&resolver, spelled, breakers, TRACKERS, *state),
                     APR_SUCCESS);
    return failed;
}

static int stop(void **state)
{
    for (int i = 0; i < TRACKERS; i++)
        stop_peer(&peers[i]);
    return destroy_pool(state);
}

#define test_probe(function) cmocka_unit_test_setup_teardown(function, start, stop)

static int is_left_out(int i)
{
    return tier_atomic_load(&breakers[i].state) == TIER_BREAKER_OPEN;
}

static int asked(int i)
{
    return __atomic_load_n(&peers[i].asked, __ATOMIC_ACQUIRE);
}

static int all_are_back(void)
{
    return !is_left_out(0) && !is_left_out(1);
}

static int second_is_back(void)
{
    return !is_left_out(1);
}

static int first_was_asked_often(void)
{
    return asked(0) >= 4;
}

/* Stops the loop when what its baton asks for has come. */
typedef struct watch_t {
    int (*is_over)(void);
    apr_time_t give_up;
} watch_t;

static void look(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    const watch_t *watch = timer->baton;

    if (watch->is_over() || tier_loop_now(loop) > watch->give_up)
        tier_loop_stop(loop);
    else
        tier_loop_timer_set(loop, timer, tier_loop_now(loop) + MS(1));
}

/* Probes until is_over; room: for so many sockets. */
static void probe_until(int (*is_over)(void), apr_interval_time_t deadline, apr_uint32_t room,
                        apr_pool_t *pool)
{
    const mogile_probe_options_t options = {.servers = servers,
                                            .count = TRACKERS,
                                            .resolver = resolver,
                                            .question = "get_paths domain=web&key=x",
                                            .deadline = deadline,
                                            .interval = INTERVAL};
    watch_t watch = {is_over, tier_clock_now() + LIMIT};
    tier_loop_timer_t timer = {.fire = look, .baton = &watch};
    apr_pool_t *term;
    tier_loop_t *loop;

    apr_pool_create(&term, pool);
    assert_int_equal(tier_loop_create(&loop, room, term), APR_SUCCESS);
    assert_int_equal(mogile_probe_on(loop, &options, term), APR_SUCCESS);
    assert_int_equal(tier_loop_timer_set(loop, &timer, tier_clock_now()), APR_SUCCESS);
    assert_int_equal(tier_loop_run(loop), APR_SUCCESS);
    apr_pool_destroy(term);
    assert_true(is_over());
}

static void an_answer_may_come_in_pieces(void **state)
{
    static const char *const answers[][PIECES] = {
        {"OK pa", "ths=0", "\r\n"}, {"ERR unknown_key x\n"}, {"OK \r", "\n"}, {"OK \n more"}};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        say(0, answers[i], 0);
        leave_out(0);
        probe_until(all_are_back, LIMIT, TRACKERS, *state);
        assert_string_equal(peers[0].question, "get_paths domain=web&key=x\r\n");
        assert_int_equal(tier_counter_get(&counts[0].requests), i + 1);
    }
    assert_int_equal(asked(1), 0); /* nobody asks one that is well */
}

static void what_is_no_answer_is_asked_again(void **state)
{
    static char endless[5000];
    static const char *const answers[] = {
        "\n", "\r\n", "HTTP/1.1 400 Bad Request\r\n", endless, "ERR failure x\r\n", "ERR db x\r\n"};

    memset(endless, 'x', sizeof(endless) - 1);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        say_one(0, answers[i]);
        if (!is_left_out(0))
            leave_out(0);
        probe_until(first_was_asked_often, LIMIT, TRACKERS, *state);
        assert_true(is_left_out(0));
    }
    assert_int_equal(tier_counter_get(&counts[0].requests), 0);
}

static void one_that_is_silent_or_hangs_up_is_asked_again(void **state)
{
    static const char *const nothing[PIECES];

    leave_out(0);
    probe_until(first_was_asked_often, MS(5), TRACKERS, *state);
    assert_true(is_left_out(0));
    say(0, nothing, 1);
    probe_until(first_was_asked_often, LIMIT, TRACKERS, *state);
    assert_true(is_left_out(0));
}

static void one_whose_place_is_not_known_is_looked_for_again(void **state)
{
    say_one(0, "OK \r\n");
    leave_out(0);
    is_unknown = has_no_socket = 3;
    probe_until(all_are_back, LIMIT, TRACKERS, *state);
    assert_int_equal(is_unknown + has_no_socket, 0);
    assert_int_equal(asked(0), 1);
}

static void one_that_refuses_does_not_hold_up_the_other(void **state)
{
    stop_peer(&peers[0]);
    say_one(1, "OK \r\n");
    leave_out(0);
    leave_out(1);
    probe_until(second_is_back, LIMIT, TRACKERS, *state);
    assert_true(is_left_out(0));
}

static void without_room_they_are_asked_one_after_the_other(void **state)
{
    say_one(0, "OK \r\n");
    say_one(1, "OK \r\n");
    leave_out(0);
    leave_out(1);
    probe_until(all_are_back, MS(200), 1, *state);
    assert_int_equal(count_lines(&log_of_test, "WT3503"), 0); /* that it was left out is untold */
}

/* Whoever opened the breaker tells it, unless it was killed before. */
static int is_told(void)
{
    return count_lines(&log_of_test, "WT3501") > 0;
}

static void what_nobody_has_told_is_told_by_the_prober(void **state)
{
    leave_out(0);
    tier_atomic_store64(&breakers[0].since, tier_clock_now() - apr_time_from_sec(2));
    probe_until(is_told, LIMIT, TRACKERS, *state);
    assert_int_equal(count_lines(&log_of_test, "WT3501"), 1);
}

/* One that comes and goes: it is left out again as soon as a probe has let it back. */
static apr_time_t let_back[3];
static int times_back;

static int has_come_back_thrice(void)
{
    if (times_back < 3 && !is_left_out(0)) {
        let_back[times_back++] = tier_clock_now();
        leave_out(0);
    }
    return times_back == 3;
}

static void one_that_comes_and_goes_is_asked_less(void **state)
{
    say_one(0, "OK \r\n");
    times_back = 0;
    leave_out(0);
    probe_until(has_come_back_thrice, LIMIT, TRACKERS, *state);
    assert_true(let_back[2] - let_back[1] >= 2 * INTERVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_probe(an_answer_may_come_in_pieces),
        test_probe(what_is_no_answer_is_asked_again),
        test_probe(one_that_is_silent_or_hangs_up_is_asked_again),
        test_probe(one_whose_place_is_not_known_is_looked_for_again),
        test_probe(one_that_refuses_does_not_hold_up_the_other),
        test_probe(without_room_they_are_asked_one_after_the_other),
        test_probe(what_nobody_has_told_is_told_by_the_prober),
        test_probe(one_that_comes_and_goes_is_asked_less),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
