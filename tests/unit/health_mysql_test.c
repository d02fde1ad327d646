/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are no MySQL servers, stop in the middle, or say what a test wants; the real one is
 * in the integration tests. */
#include "health_peer.h"
#include "health_probing.h"

#include <apr_strings.h>
#include <signal.h>

#include "health_mysql.h"

#define PACKETS_MOST 1024

/* Bytes of a MySQL server, packet by packet. */
typedef struct packets_t {
    char bytes[PACKETS_MOST];
    size_t size;
} packets_t;

static void add_packet(packets_t *packets, char number, const char *payload, size_t size)
{
    char *to = packets->bytes + packets->size;

    assert_true(size < 256 && packets->size + 4 + size <= PACKETS_MOST);
    to[0] = (char)size;
    to[1] = to[2] = 0;
    to[3] = number;
    memcpy(to + 4, payload, size);
    packets->size += 4 + size;
}

#define ADD(packets, number, text) add_packet(packets, number, text, sizeof(text) - 1)

static said_t said(const packets_t *packets)
{
    return (said_t){packets->bytes, packets->size};
}

/* Protocol 10 with the 4.1 protocol, and the native password. */
static void add_greeting(packets_t *packets)
{
    ADD(packets, 0,
        "\x0a"
        "10.11.0-\x01test\0"
        "\x01\0\0\0"
        "abcdefgh\0"
        "\x09\xa2\x21\x02\0\x08\0\x15"
        "\0\0\0\0\0\0\0\0\0\0"
        "abcdefghijkl\0"
        "mysql_native_password\0");
}

/* No error, or what follows the status byte of one. */
static void add_end(packets_t *packets, char number, const char *error)
{
    if (error)
        add_packet(packets, number, error, strlen(error));
    else
        ADD(packets, number, "\0\0\0\x02\0\0\0");
}

#define DENIED  "\xff\x15\x04#28000Access denied for 'probe'"
#define NO_SUCH "\xff\x7a\x04#42S02No table\x07"

/* The head of an answer of one column, and then a row of these bytes, or none. */
static void add_rows(packets_t *packets, const char *row, size_t size)
{
    ADD(packets, 1, "\x01");
    ADD(packets, 2,
        "\x03"
        "def\0\0\0\x01"
        "a\0\x0c\x21\0\xff\0\0\0\xfd\0\0\0\0\0");
    ADD(packets, 3, "\xfe\0\0\x02\0");
    if (row)
        add_packet(packets, 4, row, size);
    ADD(packets, row ? 5 : 4, "\xfe\0\0\x02\0");
}

static packets_t greeting, login, answer;
static size_t piece; /* how much of them comes at once; 0: all */

static run_t *mysql_run(const char *query, const char *expect, apr_pool_t *pool)
{
    run_t *run = new_run(HEALTH_KIND_MYSQL, pool);

    assert_true(health_mysql_prepare());
    run->check.user = "probe";
    run->check.query = query;
    run->check.expect = expect;
    begin_probing(run);
    return run;
}

/* Probes a server that greets, lets in, and answers the query by answer, which may be empty. */
static run_t *probe_server(const char *query, const char *expect, apr_pool_t *pool)
{
    peer_t peer = {.hangs = 1, .piece = piece};
    run_t *run = mysql_run(query, expect, pool);

    greeting.size = login.size = 0;
    add_greeting(&greeting);
    add_end(&login, 2, NULL);
    peer.greeting = said(&greeting);
    peer.answers[0] = said(&login);
    peer.answers[1] = said(&answer);
    open_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, pool));
    close_peer(&peer);
    return run;
}

static void hung(void **state)
{
    peer_t peer = {.hangs = 1};
    run_t *run = mysql_run(NULL, NULL, *state);

    run->check.timeout = MS(50);
    open_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "timeout: no login within 50ms");
    close_peer(&peer);
}

static void refused(void **state)
{
    peer_t peer = {.hangs = 1};
    run_t *run = mysql_run(NULL, NULL, *state);

    open_peer(&peer);
    close_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "refused: "));
}

static void garbage(void **state)
{
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "+PONG\r\n", "\x05",
                                          "\x01\x01\x01\x01\n10.11.0-MariaDB-but-not-more", ""};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        peer_t peer = {.greeting = {answers[i], strlen(answers[i])}};
        run_t *run = mysql_run(NULL, NULL, *state);

        open_peer(&peer);
        probe(run, address_of("127.0.0.1", peer.port, *state));
        print_message("%s\n", run->result);
        assert_int_equal(run->verdict, HEALTH_FAIL);
        assert_true(strstr(run->result, "closed: ") || strstr(run->result, "malformed: "));
        close_peer(&peer);
    }
}

static void login_is_enough(void **state)
{
    run_t *run = probe_server(NULL, NULL, *state);

    assert_int_equal(run->verdict, HEALTH_PASS);
    assert_string_equal(run->result, "logged in to 10.11.0-?test");
}

static void login_that_is_denied(void **state)
{
    peer_t peer = {.hangs = 1};
    run_t *run = mysql_run("SELECT 1", NULL, *state);

    greeting.size = login.size = 0;
    add_greeting(&greeting);
    add_end(&login, 2, DENIED);
    peer.greeting = said(&greeting);
    peer.answers[0] = said(&login);
    open_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "denied: Access denied for 'probe' (1045)");
    close_peer(&peer);
}

/* One that refuses is no verdict while there is another address. */
static void next_address_is_tried(void **state)
{
    peer_t dead = {.hangs = 1}, peer = {.hangs = 1};
    run_t *run = mysql_run(NULL, NULL, *state);
    apr_sockaddr_t *address;

    greeting.size = login.size = 0;
    add_greeting(&greeting);
    add_end(&login, 2, NULL);
    peer.greeting = said(&greeting);
    peer.answers[0] = said(&login);
    open_peer(&dead);
    close_peer(&dead);
    open_peer(&peer);
    address = address_of("127.0.0.1", dead.port, *state);
    address->next = address_of("127.0.0.1", peer.port, *state);
    for (int i = 0; i < 2; i++) {
        probe(run, address);
        assert_int_equal(run->verdict, HEALTH_PASS);
    }
    close_peer(&peer);
}

static void first_field_of_the_query(void **state)
{
    static const struct {
        const char *row, *expect, *result;
        health_verdict_e verdict;
    } cases[] = {
        {"\x03yes", NULL, "the query's first field is \"yes\"", HEALTH_PASS},
        {"\x03yes", "yes", "the query's first field is \"yes\"", HEALTH_PASS},
        {"\x03yes", "ye", "unexpected: the query's first field is \"yes\", not \"ye\"",
         HEALTH_FAIL},
        {"\x03yes", "yea", "unexpected: the query's first field is \"yes\", not \"yea\"",
         HEALTH_FAIL},
        {"\x03yes", "yes!", "unexpected: the query's first field is \"yes\", not \"yes!\"",
         HEALTH_FAIL},
        {"\x03\n\x80%", NULL, "the query's first field is \"??%\"", HEALTH_PASS},
        {"\xfb", NULL, "the query's first field is \"NULL\"", HEALTH_PASS},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const run_t *run;

        answer.size = 0;
        add_rows(&answer, cases[i].row, strlen(cases[i].row));
        run = probe_server("SELECT a", cases[i].expect, *state);
        assert_string_equal(run->result, cases[i].result);
        assert_int_equal(run->verdict, cases[i].verdict);
    }
}

/* However it comes: within numbers and names too, or the rows alone. */
static void answer_in_pieces(void **state)
{
    static const size_t pieces[] = {9, 41};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const run_t *run;

        answer.size = 0;
        add_rows(&answer, "\x03yes", 4);
        piece = pieces[i];
        run = probe_server("SELECT a", "yes", *state);
        piece = 0;
        assert_string_equal(run->result, "the query's first field is \"yes\"");
        assert_int_equal(run->verdict, HEALTH_PASS);
    }
}

/* What is told of a field has its limit; what it is compared with has not. */
static void field_that_is_long(void **state)
{
    char row[202], expect[201];
    const run_t *run;

    memset(row, 'x', sizeof(row));
    memset(expect, 'x', sizeof(expect));
    row[0] = (char)200;
    row[201] = expect[200] = '\0';
    answer.size = 0;
    add_rows(&answer, row, 201);
    run = probe_server("SELECT a", expect, *state);
    assert_int_equal(run->verdict, HEALTH_PASS);
    assert_int_equal(strlen(run->result), strlen("the query's first field is \"\"") + 100);
    expect[199] = 'y';
    assert_int_equal(probe_server("SELECT a", expect, *state)->verdict, HEALTH_FAIL);
}

static void query_without_a_row(void **state)
{
    const run_t *run;

    answer.size = 0;
    add_rows(&answer, NULL, 0);
    run = probe_server("SELECT a", NULL, *state);
    assert_int_equal(run->verdict, HEALTH_PASS);
    assert_string_equal(run->result, "the query's answer has no row");
    run = probe_server("SELECT a", "1", *state);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "unexpected: the query's answer has no row");
    answer.size = 0;
    add_end(&answer, 1, NULL); /* as after DO 1 */
    run = probe_server("DO 1", NULL, *state);
    assert_int_equal(run->verdict, HEALTH_PASS);
}

static void query_that_fails(void **state)
{
    const run_t *run;

    answer.size = 0;
    add_end(&answer, 1, NO_SUCH);
    run = probe_server("SELECT a", NULL, *state);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, "bad_answer: No table? (1146)");
}

/* It logs in, and then nothing more comes, or half of an answer and the end. */
static void server_that_stops_after_the_login(void **state)
{
    peer_t peer = {.hangs = 1};
    run_t *run = mysql_run("SELECT a", NULL, *state);

    greeting.size = login.size = answer.size = 0;
    add_greeting(&greeting);
    add_end(&login, 2, NULL);
    peer.greeting = said(&greeting);
    peer.answers[0] = said(&login);
    open_peer(&peer);
    for (int limit = 50; limit < 20000; limit *= 2) {
        run->check.timeout = MS(limit);
        probe(run, address_of("127.0.0.1", peer.port, *state));
        if (!strstr(run->result, "no login"))
            break; /* else a busy machine */
    }
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "timeout: no answer to the query within "));
    close_peer(&peer);
    run->check.timeout = MS(20000);
    add_rows(&answer, "\x01y", 2);
    answer.size -= 12; /* within the row */
    peer = (peer_t){.greeting = said(&greeting), .answers = {said(&login), said(&answer)}};
    open_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "closed: "));
    close_peer(&peer);
}

static void stay_silent(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    (void)loop;
    (void)socket;
    (void)events;
}

/* No room for its socket in the loop says nothing of the server. */
static void own_fault(void **state)
{
    tier_loop_socket_t hogs[4] = {{0}};
    peer_t peer = {.hangs = 1};
    run_t *run = mysql_run(NULL, NULL, *state);

    open_peer(&peer);
    for (int i = 0; i < 4; i++) {
        hogs[i].ready = stay_silent;
        assert_int_equal(apr_socket_create(&hogs[i].socket, APR_INET, SOCK_DGRAM, 0, *state),
                         APR_SUCCESS);
        assert_int_equal(tier_loop_socket_watch(run->loop, &hogs[i], APR_POLLIN), APR_SUCCESS);
    }
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_VOID);
    assert_non_null(strstr(run->result, "local: this host could not watch a socket"));
    close_peer(&peer);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(health_mysql_problem(1045), "denied");
    assert_string_equal(health_mysql_problem(1040), "bad_answer");
    assert_string_equal(health_mysql_problem(2003), "refused");
    assert_string_equal(health_mysql_problem(2013), "closed");
    assert_string_equal(health_mysql_problem(2027), "malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(hung),
        test_with_pool(refused),
        test_with_pool(garbage),
        test_with_pool(login_is_enough),
        test_with_pool(login_that_is_denied),
        test_with_pool(next_address_is_tried),
        test_with_pool(first_field_of_the_query),
        test_with_pool(answer_in_pieces),
        test_with_pool(field_that_is_long),
        test_with_pool(query_without_a_row),
        test_with_pool(query_that_fails),
        test_with_pool(server_that_stops_after_the_login),
        test_with_pool(own_fault),
        cmocka_unit_test(words),
    };

    signal(SIGPIPE, SIG_IGN); /* as httpd does */
    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
