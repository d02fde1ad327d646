/* SPDX-License-Identifier: Apache-2.0 */
#include "health_probing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/un.h>

#include "health_socket.h"

/* Local resources that have run out. */
static apr_status_t create_fails, watch_fails;
/* The next call fails so. */
static apr_status_t send_fails, recv_fails;
static int wait_before_send; /* until the member has said something */

apr_status_t __wrap_health_socket_open(int *, int);
apr_status_t __real_health_socket_open(int *, int);
apr_status_t __wrap_tier_loop_socket_watch(tier_loop_t *, tier_loop_socket_t *, apr_int16_t);
apr_status_t __real_tier_loop_socket_watch(tier_loop_t *, tier_loop_socket_t *, apr_int16_t);

apr_status_t __wrap_health_socket_open(int *made, int family)
{
    return create_fails ? create_fails : __real_health_socket_open(made, family);
}

apr_status_t __wrap_tier_loop_socket_watch(tier_loop_t *loop, tier_loop_socket_t *watched,
                                           apr_int16_t events)
{
    return watch_fails ? watch_fails : __real_tier_loop_socket_watch(loop, watched, events);
}

apr_status_t __wrap_health_socket_send(int, const char *, apr_size_t *);
apr_status_t __real_health_socket_send(int, const char *, apr_size_t *);
apr_status_t __wrap_health_socket_receive(int, char *, apr_size_t *);
apr_status_t __real_health_socket_receive(int, char *, apr_size_t *);

static apr_status_t take_fault(apr_status_t *fault, apr_size_t *size)
{
    apr_status_t status = *fault;

    *fault = APR_SUCCESS;
    if (status != APR_SUCCESS)
        *size = 0;
    return status;
}

apr_status_t __wrap_health_socket_send(int socket, const char *bytes, apr_size_t *size)
{
    apr_status_t status = take_fault(&send_fails, size);

    if (wait_before_send)
        assert_int_equal(poll(&(struct pollfd){socket, POLLIN, 0}, 1, 20000), 1);
    return status ? status : __real_health_socket_send(socket, bytes, size);
}

apr_status_t __wrap_health_socket_receive(int socket, char *bytes, apr_size_t *size)
{
    apr_status_t status = take_fault(&recv_fails, size);

    return status ? status : __real_health_socket_receive(socket, bytes, size);
}

static run_t *begin(health_kind_e kind, apr_pool_t *pool)
{
    run_t *run = new_run(kind, pool);

    create_fails = watch_fails = send_fails = recv_fails = APR_SUCCESS;
    begin_probing(run);
    return run;
}

static run_t *probe_text(const char *text, apr_pool_t *pool)
{
    run_t *run = begin(HEALTH_KIND_HTTP, pool);
    member_server_t member;

    open_member(&member, text);
    probe(run, address_of("127.0.0.1", member.port, pool));
    close_member(&member);
    return run;
}

static void http_answers(void **state)
{
    run_t *run;

    run = probe_text("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", *state);
    assert_int_equal(run->verdict, HEALTH_PASS);
    assert_string_equal(run->result, "status 200 OK");
    assert_true(run->latency > 0 && run->latency < run->check.timeout);
    run = probe_text("HTTP/1.1 500 No\r\n\r\n", *state);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "bad_status: status 500 No");
    run = probe_text("junk\n", *state);
    assert_non_null(strstr(run->result, "malformed: "));
    run = probe_text("HTTP/1.1 200 OK\r\n", *state);
    assert_string_equal(
        run->result,
        "closed: the connection was closed after 17 bytes, before the end of the headers");
    run = probe_text("", *state);
    assert_non_null(strstr(run->result, "closed: "));
}

static void one_probe_after_the_other(void **state)
{
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        probe(run, address_of("127.0.0.1", member.port, *state));
        assert_int_equal(run->verdict, HEALTH_PASS);
    }
    close_member(&member);
    assert_int_equal(member.served, 20);
}

static void tcp_needs_no_answer(void **state)
{
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_TCP, *state);
    open_member(&member, NULL);
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_int_equal(run->verdict, HEALTH_PASS);
    assert_string_equal(run->result, "connected");
    close_member(&member);
}

static void refused(void **state)
{
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    open_member(&member, NULL);
    close_member(&member);
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "refused: could not connect (Connection refused)");
}

static void hung(void **state)
{
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    run->check.timeout = MS(100);
    open_member(&member, NULL);
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_string_equal(run->result, "timeout: no whole answer within 100ms");
    assert_true(run->latency >= MS(100));
    close_member(&member);
    assert_int_equal(member.ended, ECONNRESET); /* nothing of it is left to the member */
}

/* A listener whose queue is full drops what comes: no connection. */
static void no_connection_in_time(void **state)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(place);
    int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4];
    run_t *run;

    assert_int_equal(bind(listener, (struct sockaddr *)&place, size), 0);
    getsockname(listener, (struct sockaddr *)&place, &size);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(fillers[i], F_SETFL, O_NONBLOCK);
        if (connect(fillers[i], (struct sockaddr *)&place, size) != 0)
            assert_int_equal(errno, EINPROGRESS);
    }
    usleep(10000);
    run = begin(HEALTH_KIND_TCP, *state);
    run->check.timeout = MS(100);
    probe(run, address_of("127.0.0.1", ntohs(place.sin_port), *state));
    assert_string_equal(run->result, "timeout: no connection within 100ms");
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
}

static void reset_by_the_member(void **state)
{
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    open_member(&member, "");
    member.linger_reset = 1;
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "reset: could not read the answer (Connection reset by peer)");
    close_member(&member);
}

static void next_address_is_tried(void **state)
{
    apr_sockaddr_t *first, *second;
    member_server_t dead, member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    open_member(&dead, NULL);
    close_member(&dead);
    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    first = address_of("127.0.0.1", dead.port, *state);
    second = address_of("127.0.0.1", member.port, *state);
    first->next = second;
    probe(run, first);
    assert_int_equal(run->verdict, HEALTH_PASS);
    close_member(&member);
    /* Now the second one hangs: what the first one said is no verdict on it. */
    open_member(&member, NULL);
    second->sa.sin.sin_port = htons((unsigned short)member.port);
    run->check.timeout = MS(100);
    probe(run, first);
    assert_string_equal(run->result, "timeout: no whole answer within 100ms");
    close_member(&member);
    second->sa.sin.sin_port = htons((unsigned short)dead.port);
    probe(run, first);
    assert_string_equal(run->result, "refused: could not connect (Connection refused)");
}

static void unix_sockets(void **state)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/webtier-probe-XXXXXX";
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    apr_sockaddr_t *address;
    run_t *run;

    assert_non_null(mkdtemp(folder));
    snprintf(place.sun_path, sizeof(place.sun_path), "%s/s", folder);
    assert_int_equal(apr_sockaddr_info_get(&address, place.sun_path, APR_UNIX, 0, 0, *state),
                     APR_SUCCESS);
    run = begin(HEALTH_KIND_TCP, *state);
    probe(run, address);
    assert_string_equal(run->result, "refused: could not connect (No such file or directory)");
    assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof(place)), 0);
    assert_int_equal(listen(listener, 4), 0);
    probe(run, address);
    assert_int_equal(run->verdict, HEALTH_PASS);
    close(listener);
    unlink(place.sun_path);
    rmdir(folder);
}

/* A fault of this host says nothing about the member. */
static void own_faults(void **state)
{
    static const apr_status_t faults[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL};
    apr_sockaddr_t *address;
    member_server_t member;
    run_t *run;

    run = begin(HEALTH_KIND_HTTP, *state);
    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    address = address_of("127.0.0.1", member.port, *state);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        create_fails = faults[i];
        probe(run, address);
        assert_int_equal(run->verdict, HEALTH_VOID);
        assert_non_null(strstr(run->result, "local: this host could not connect"));
    }
    create_fails = APR_SUCCESS;
    watch_fails = APR_ENOMEM;
    probe(run, address);
    assert_int_equal(run->verdict, HEALTH_VOID);
    assert_non_null(strstr(run->result, "local: this host could not watch a socket"));
    watch_fails = APR_SUCCESS;
    create_fails = EHOSTUNREACH;
    probe(run, address);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "unreachable: could not connect"));
    create_fails = ETIMEDOUT;
    probe(run, address);
    assert_non_null(strstr(run->result, "timeout: could not connect"));
    create_fails = EACCES;
    probe(run, address);
    assert_non_null(strstr(run->result, "failed: could not connect"));
    close_member(&member);
}

static void cancelled(void **state)
{
    member_server_t member;
    apr_pool_t *pool;
    run_t *run;

    apr_pool_create(&pool, *state);
    open_member(&member, NULL);
    run = begin(HEALTH_KIND_HTTP, *state);
    health_probe_cancel(&run->probe);
    assert_int_equal(health_probe_start(&run->probe, address_of("127.0.0.1", member.port, *state)),
                     APR_SUCCESS);
    health_probe_cancel(&run->probe);
    assert_false(health_probe_active(&run->probe));
    run_for(run->loop, MS(150));
    assert_int_equal(run->done, 0);
    apr_pool_destroy(pool);
    close_member(&member);
}

/* Begins a probe that never ends, and destroys its pool. Returns 0 when the deadline was sooner. */
static int destroy_under_way(tier_loop_t *loop, int port, run_t *seen)
{
    apr_pool_t *pool;
    run_t *run;

    apr_pool_create(&pool, seen->pool);
    run = apr_pcalloc(pool, sizeof(*run));
    health_check_defaults(&run->check);
    run->check.timeout = MS(100);
    run->probe =
        (health_probe_t){.check = &run->check, .authority = "m", .done = note, .baton = seen};
    assert_int_equal(health_probe_init(&run->probe, loop, pool), APR_SUCCESS);
    health_probe_start(&run->probe, address_of("127.0.0.1", port, pool));
    run_for(loop, MS(20));
    apr_pool_destroy(pool);
    return seen->done == 0;
}

/* The pool goes while a probe is under way: as when a child stops to lead. */
static void pool_goes_first(void **state)
{
    run_t seen = {.pool = *state};
    member_server_t member;
    tier_loop_t *loop;

    assert_int_equal(tier_loop_create(&loop, 4, *state), APR_SUCCESS);
    open_member(&member, NULL);
    for (int i = 0; i < 100 && !destroy_under_way(loop, member.port, &seen); i++)
        seen.done = 0;
    run_for(loop, MS(150));
    assert_int_equal(seen.done, 0);
    close_member(&member);
}

static void answer_in_pieces(void **state)
{
    member_server_t member;
    run_t *run = begin(HEALTH_KIND_HTTP, *state);

    open_member(&member, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
    member.piece = 7;
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_string_equal(run->result, "status 200 OK");
    recv_fails = EINTR; /* once */
    probe(run, address_of("127.0.0.1", member.port, *state));
    assert_string_equal(run->result, "status 200 OK");
    close_member(&member);
}

static void request_that_cannot_be_sent(void **state)
{
    member_server_t member;
    run_t *run = begin(HEALTH_KIND_HTTP, *state);
    apr_sockaddr_t *address;

    open_member(&member, "HTTP/1.1 200 OK\r\n\r\n");
    address = address_of("127.0.0.1", member.port, *state);
    send_fails = EPIPE;
    probe(run, address);
    assert_string_equal(run->result, "reset: could not send the request (Broken pipe)");
    send_fails = EAGAIN; /* once */
    probe(run, address);
    assert_string_equal(run->result, "status 200 OK");
    close_member(&member);
    /* A member that answers at once and closes: what it said counts. */
    open_member(&member, "HTTP/1.1 503 Busy\r\n\r\n");
    member.speaks_first = 1;
    address = address_of("127.0.0.1", member.port, *state);
    send_fails = EPIPE;
    wait_before_send = 1;
    probe(run, address);
    assert_string_equal(run->result, "bad_status: status 503 Busy");
    __atomic_store_n(&member.text, "HTTP/1.1 200 OK\r\n\r\n", __ATOMIC_RELEASE);
    send_fails = EPIPE;
    probe(run, address);
    assert_string_equal(run->result, "status 200 OK");
    wait_before_send = 0;
    close_member(&member);
}

/* Its owner ends it as the deadline would, and no sooner. */
static void probe_that_is_nearly_over(void **state)
{
    run_t *run = new_run(HEALTH_KIND_HTTP, *state);
    member_server_t member;

    open_member(&member, NULL);
    begin_probing(run);
    assert_false(health_probe_expire(&run->probe, tier_clock_now() + MS(60000)));
    assert_int_equal(health_probe_start(&run->probe, address_of("127.0.0.1", member.port, *state)),
                     APR_SUCCESS);
    assert_false(health_probe_expire(&run->probe, run->probe.began + run->check.timeout - 1));
    assert_true(health_probe_active(&run->probe));
    assert_int_equal(run->done, 0);
    assert_true(health_probe_expire(&run->probe, run->probe.began + run->check.timeout + MS(1)));
    assert_false(health_probe_active(&run->probe));
    assert_int_equal(run->done, 1);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "timeout: no "));
    assert_false(health_probe_expire(&run->probe, tier_clock_now() + MS(60000)));
    close_member(&member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(http_answers),
        test_with_pool(one_probe_after_the_other),
        test_with_pool(tcp_needs_no_answer),
        test_with_pool(refused),
        test_with_pool(hung),
        test_with_pool(no_connection_in_time),
        test_with_pool(reset_by_the_member),
        test_with_pool(next_address_is_tried),
        test_with_pool(unix_sockets),
        test_with_pool(own_faults),
        test_with_pool(cancelled),
        test_with_pool(pool_goes_first),
        test_with_pool(answer_in_pieces),
        test_with_pool(request_that_cannot_be_sent),
        test_with_pool(probe_that_is_nearly_over),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
