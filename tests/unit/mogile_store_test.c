/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "mogile_store.h"

static int status;

static apr_status_t read_text(const char *text)
{
    return mogile_store_status(text, strlen(text), &status);
}

static void the_final_status_is_found(void **state)
{
    (void)state;
    assert_int_equal(read_text("HTTP/1.1 201 Created\r\nServer: x\r\n\r\n"), APR_SUCCESS);
    assert_int_equal(status, 201);
    assert_int_equal(read_text("HTTP/1.0 507 \r\n\r\nbody"), APR_SUCCESS);
    assert_int_equal(status, 507);
    assert_int_equal(read_text("HTTP/1.1 204\n\n"), APR_SUCCESS);
    assert_int_equal(status, 204);
    assert_int_equal(read_text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n"),
                     APR_SUCCESS);
    assert_int_equal(status, 204);
}

static void half_an_answer_is_waited_for(void **state)
{
    static const char whole[] =
        "HTTP/1.1 102 P\r\nA: b\r\n\r\nHTTP/1.1 201 Created\r\nA: b\r\n\r\n";

    (void)state;
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        assert_int_equal(mogile_store_status(whole, size, &status), APR_INCOMPLETE);
}

static void what_is_no_http_is_refused(void **state)
{
    static const char *const wrong[] = {
        "SSH-2.0-x\r\n\r\n",      "HTTP/2 200 OK\r\n\r\n",  "HTTP/1.1 2x1 OK\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",    "HTTP/1.1 99 x\r\n\r\n",  "HTTP/1.1 1234 x\r\n\r\n",
        "HTTP/1.1 600 x\r\n\r\n", "HTTP/1.9 200 x\r\n\r\n", "X",
        "HTTP/1.1 000 \r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(read_text(wrong[i]), APR_EGENERAL);
}

/* A node that takes one connection, reads what comes until it has seen `until`, and says text. */
typedef struct node_t {
    int listener, port;
    const char *until, *text;
    char request[8192];
    pthread_t thread;
} node_t;

static void *serve(void *data)
{
    node_t *node = data;
    int connection = accept(node->listener, NULL, NULL);
    size_t have = 0;
    ssize_t got;

    while (!strstr(node->request, node->until) &&
           (got = recv(connection, node->request + have, sizeof(node->request) - 1 - have, 0)) > 0)
        have += (size_t)got;
    send(connection, node->text, strlen(node->text), MSG_NOSIGNAL);
    close(connection);
    return NULL;
}

static void start_node(node_t *node, const char *until, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(node, 0, sizeof(*node));
    node->until = until;
    node->text = text;
    node->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(node->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(node->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(node->listener, 1), 0);
    node->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&node->thread, NULL, serve, node), 0);
}

static void stop_node(node_t *node)
{
    pthread_join(node->thread, NULL);
    close(node->listener);
}

static mogile_copy_t copy_on(int port, apr_pool_t *pool)
{
    mogile_copy_t copy;
    apr_int64_t fid;

    assert_true(mogile_file_read_url(
        &copy, &fid, apr_psprintf(pool, "http://127.0.0.1:%d/dev1/0/000/000/0000000004.fid", port),
        pool));
    return copy;
}

static void a_file_is_put_as_its_bytes_come(void **state)
{
    node_t node;
    mogile_store_t *store;
    mogile_copy_t copy;

    start_node(&node, "hello", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    copy = copy_on(node.port, *state);
    assert_int_equal(mogile_store_open(&store, "PUT", &copy, 5, apr_time_from_sec(5), *state),
                     APR_SUCCESS);
    assert_int_equal(mogile_store_write(store, "he", 2, apr_time_from_sec(5)), APR_SUCCESS);
    assert_int_equal(mogile_store_write(store, "", 0, apr_time_from_sec(5)), APR_SUCCESS);
    assert_int_equal(mogile_store_write(store, "llo", 3, apr_time_from_sec(5)), APR_SUCCESS);
    assert_int_equal(mogile_store_finish(store, &status, apr_time_from_sec(5)), APR_SUCCESS);
    assert_int_equal(status, 201);
    mogile_store_close(store);
    assert_int_equal(mogile_store_write(store, "x", 1, apr_time_from_sec(5)), APR_EOF);
    assert_int_equal(mogile_store_finish(store, &status, apr_time_from_sec(5)), APR_EOF);
    stop_node(&node);
    assert_memory_equal(node.request, "PUT /dev1/0/000/000/0000000004.fid HTTP/1.1\r\n", 45);
    assert_non_null(strstr(node.request, "\r\nContent-Length: 5\r\n"));
}

static void an_answer_that_breaks_off_or_never_comes_is_none(void **state)
{
    node_t node;
    mogile_store_t *store;
    mogile_copy_t copy;

    start_node(&node, "\r\n\r\n", "HTTP/1.1 2");
    copy = copy_on(node.port, *state);
    assert_int_equal(mogile_store_open(&store, "DELETE", &copy, 0, apr_time_from_sec(5), *state),
                     APR_SUCCESS);
    assert_int_equal(mogile_store_finish(store, &status, apr_time_from_sec(5)), APR_EOF);
    mogile_store_close(store);
    stop_node(&node);
    start_node(&node, "never", "");
    copy = copy_on(node.port, *state);
    assert_int_equal(mogile_store_open(&store, "PUT", &copy, 5, apr_time_from_sec(5), *state),
                     APR_SUCCESS);
    assert_int_equal(mogile_store_finish(store, &status, apr_time_from_msec(20)), APR_TIMEUP);
    mogile_store_close(store);
    stop_node(&node);
}

static void a_node_by_name_or_away_is_an_error(void **state)
{
    mogile_store_t *store;
    mogile_copy_t copy = {.url = "http://node/dev1/0/000/000/0000000004.fid", .node = "node"};
    node_t node;

    assert_int_equal(mogile_store_open(&store, "PUT", &copy, 5, apr_time_from_sec(5), *state),
                     APR_EINVAL);
    start_node(&node, "x", "");
    copy = copy_on(node.port, *state);
    shutdown(node.listener, SHUT_RDWR);
    stop_node(&node);
    assert_int_not_equal(mogile_store_open(&store, "PUT", &copy, 5, apr_time_from_sec(5), *state),
                         APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(the_final_status_is_found),
        test_with_pool(half_an_answer_is_waited_for),
        test_with_pool(what_is_no_http_is_refused),
        test_with_pool(a_file_is_put_as_its_bytes_come),
        test_with_pool(an_answer_that_breaks_off_or_never_comes_is_none),
        test_with_pool(a_node_by_name_or_away_is_an_error),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
