/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <fcntl.h>
#include <poll.h>

#include "health_sockets.h"

static apr_sockaddr_t *address_of(int port, apr_pool_t *pool)
{
    apr_sockaddr_t *address;

    assert_int_equal(
        apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, (apr_port_t)port, 0, pool),
        APR_SUCCESS);
    return address;
}

/* Connects, and waits until it stands. */
static void join(int socket, const apr_sockaddr_t *address)
{
    struct pollfd connecting = {.fd = socket, .events = POLLOUT};
    apr_status_t status = health_socket_connect(socket, address, 0);

    assert_true(status == APR_SUCCESS || APR_STATUS_IS_EINPROGRESS(status));
    assert_int_equal(poll(&connecting, 1, 60000), 1);
    assert_int_equal(health_socket_error(socket), APR_SUCCESS);
}

static int is_open(int socket)
{
    return fcntl(socket, F_GETFD) >= 0;
}

/* The member sees the end of each connection, by a reset, and a new one after it. */
static void one_socket_for_one_connection_after_the_other(void **state)
{
    health_sockets_t sockets = {.count = 0};
    member_server_t member;
    apr_sockaddr_t *address;
    int first = -1, taken = -1;

    open_member(&member, NULL);
    address = address_of(member.port, *state);
    assert_int_equal(health_sockets_take(&sockets, &first, AF_INET), APR_SUCCESS);
    for (int i = 1; i <= 3; i++) {
        join(first, address);
        assert_true(wait_until(__atomic_load_n(&member.served, __ATOMIC_ACQUIRE) == i, MS(60000)));
        health_sockets_give(&sockets, first, AF_INET);
        assert_int_equal(sockets.count, 1);
        assert_true(
            wait_until(__atomic_load_n(&member.ended, __ATOMIC_ACQUIRE) == ECONNRESET, MS(60000)));
        __atomic_store_n(&member.ended, 0, __ATOMIC_RELEASE);
        assert_int_equal(health_sockets_take(&sockets, &taken, AF_INET), APR_SUCCESS);
        assert_int_equal(taken, first);
        assert_int_equal(sockets.count, 0);
    }
    health_socket_close(taken, 0);
    close_member(&member);
}

/* One that is still connecting, or was refused, is as good. */
static void connections_that_were_never_made(void **state)
{
    health_sockets_t sockets = {.count = 0};
    member_server_t member;
    apr_sockaddr_t *address;
    int taken = -1;

    open_member(&member, NULL);
    address = address_of(member.port, *state);
    close_member(&member);
    assert_int_equal(health_sockets_take(&sockets, &taken, AF_INET), APR_SUCCESS);
    (void)health_socket_connect(taken, address, 0);
    health_sockets_give(&sockets, taken, AF_INET);
    open_member(&member, NULL);
    assert_int_equal(health_sockets_take(&sockets, &taken, AF_INET), APR_SUCCESS);
    join(taken, address_of(member.port, *state));
    health_socket_close(taken, 0);
    close_member(&member);
}

static void families_are_kept_apart(void **state)
{
    health_sockets_t sockets = {.count = 0};
    int four = -1, six = -1, other = -1, local = -1;

    (void)state;
    assert_int_equal(health_sockets_take(&sockets, &four, AF_INET), APR_SUCCESS);
    health_sockets_give(&sockets, four, AF_INET);
    if (health_sockets_take(&sockets, &six, AF_INET6) == APR_SUCCESS) {
        assert_int_not_equal(six, four);
        health_sockets_give(&sockets, six, AF_INET6);
    }
    assert_int_equal(health_sockets_take(&sockets, &other, AF_INET), APR_SUCCESS);
    assert_int_equal(other, four);
    health_sockets_give(&sockets, four, AF_INET);
    assert_int_equal(health_sockets_take(&sockets, &local, AF_UNIX), APR_SUCCESS);
    health_sockets_give(&sockets, local, AF_UNIX);
    assert_false(is_open(local));
    health_sockets_end(&sockets);
    assert_false(is_open(four));
}

static void few_are_kept(void **state)
{
    health_sockets_t sockets = {.count = 0};
    int taken[HEALTH_SOCKETS + 1];

    (void)state;
    for (int i = 0; i <= HEALTH_SOCKETS; i++)
        assert_int_equal(health_sockets_take(&sockets, &taken[i], AF_INET), APR_SUCCESS);
    for (int i = 0; i <= HEALTH_SOCKETS; i++)
        health_sockets_give(&sockets, taken[i], AF_INET);
    assert_int_equal(sockets.count, HEALTH_SOCKETS);
    assert_false(is_open(taken[HEALTH_SOCKETS]));
    health_sockets_end(&sockets);
    assert_int_equal(sockets.count, 0);
    assert_false(is_open(taken[0]));
}

static void nobody_to_keep_them(void **state)
{
    int taken = -1;

    (void)state;
    assert_int_equal(health_sockets_take(NULL, &taken, AF_INET), APR_SUCCESS);
    health_sockets_give(NULL, taken, AF_INET);
    assert_false(is_open(taken));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(one_socket_for_one_connection_after_the_other),
        test_with_pool(connections_that_were_never_made),
        test_with_pool(families_are_kept_apart),
        test_with_pool(few_are_kept),
        test_with_pool(nobody_to_keep_them),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
