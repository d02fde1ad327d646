/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <apr_strings.h>

#include <netdb.h>

#include "health_post.h"

#define TEXT "{\"to\": \"down\"}"

/* What the name "receiver" stands for; 0: it does not resolve. */
static int known; /* atomic */

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **answer);
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **answer);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **answer)
{
    if (host && strcmp(host, "receiver") == 0) {
        if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE))
            return EAI_NONAME;
        host = "127.0.0.1";
    }
    return __real_getaddrinfo(host, service, hints, answer);
}

typedef struct fixture_t {
    member_server_t receiver;
    health_check_t url;
    health_lookups_t lookups;
    tier_loop_t *loop;
    health_post_t post;
    const char *why;
    int ended;
} fixture_t;

static fixture_t *open_post(const char *answer, const char *address, apr_pool_t *pool)
{
    fixture_t *f = apr_pcalloc(pool, sizeof(*f));

    open_member(&f->receiver, answer);
    health_check_defaults(&f->url);
    f->url.method = "POST";
    f->url.uri = "/told?by=webtier";
    f->url.address = address;
    f->url.host = "receiver.example";
    f->url.port = (apr_port_t)f->receiver.port;
    f->url.timeout = MS(20000); /* never met but by those that test it */
    f->url.statuses.range[0].last = 299;
    assert_int_equal(tier_loop_create(&f->loop, 4, pool), APR_SUCCESS);
    health_post_init(&f->post, &f->url, &f->lookups, f->loop, pool);
    return f;
}

static int tick(fixture_t *f)
{
    f->ended |= health_post_tick(&f->post, tier_clock_now(), &f->why);
    return f->ended;
}

/* Returns what went wrong with one text, "" when it was taken. */
static const char *outcome(fixture_t *f)
{
    f->why = NULL;
    f->ended = 0;
    health_post_begin(&f->post, TEXT, tier_clock_now());
    assert_true(health_post_under_way(&f->post));
    RUN_UNTIL(f->loop, tick(f));
    assert_false(health_post_under_way(&f->post));
    return f->why ? f->why : "";
}

static void test_a_text_is_posted(void **state)
{
    fixture_t *f = open_post("HTTP/1.1 204 No Content\r\n\r\n", "127.0.0.1", *state);

    assert_string_equal(outcome(f), "");
    assert_non_null(strstr(f->receiver.heard, "POST /told?by=webtier HTTP/1.1\r\n"));
    assert_non_null(strstr(f->receiver.heard, "\r\nHost: receiver.example\r\n"));
    assert_non_null(strstr(f->receiver.heard, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(f->receiver.heard, "\r\nContent-Length: 14\r\n"));
    assert_non_null(strstr(f->receiver.heard, "\r\n\r\n" TEXT));
    f->url.headers = "Content-Type: text/x-event\r\n";
    assert_string_equal(outcome(f), "");
    assert_non_null(strstr(f->receiver.heard, "\r\nContent-Type: text/x-event\r\n"));
    assert_null(strstr(f->receiver.heard, "application/json"));
    close_member(&f->receiver);
}

static void test_only_a_whole_answer_of_2xx_counts(void **state)
{
    static const struct {
        const char *answer;
        const char *why;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""},
        {"HTTP/1.1 202 Later\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ""},
        {"HTTP/1.0 200 OK\r\n\r\nup to the end", ""},
        {"HTTP/1.1 301 Moved\r\nLocation: /there\r\n\r\n",
         "fails: bad_status: status 301 Moved, to /there"},
        {"HTTP/1.1 500 Broken\r\n\r\n", "fails: bad_status: status 500 Broken"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
         "fails: closed: the connection was closed before the end of the body"},
        {"HTTP/1.1 200", "fails: closed: the connection was closed after 12 bytes, before the end "
                         "of the headers"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_t *f = open_post(cases[i].answer, "127.0.0.1", *state);

        assert_string_equal(outcome(f), cases[i].why);
        close_member(&f->receiver);
    }
}

static void test_garbage_and_nobody_there_are_failures(void **state)
{
    fixture_t *f = open_post("\x16\x03\x01 what", "127.0.0.1", *state);

    assert_non_null(strstr(outcome(f), "fails: "));
    close_member(&f->receiver);
    assert_non_null(strstr(outcome(f), "fails: refused: could not connect"));
}

/* Of an answer without end no more is read than the limit. */
static void test_a_long_answer_is_not_read_to_its_end(void **state)
{
    fixture_t *f = open_post(
        apr_psprintf(*state, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n%01024d", 0),
        "127.0.0.1", *state);

    f->url.limit = 1024;
    assert_string_equal(outcome(f), "");
    close_member(&f->receiver);
}

static void test_one_that_hangs_has_its_time(void **state)
{
    fixture_t *f = open_post(NULL, "127.0.0.1", *state);

    f->url.timeout = MS(100);
    assert_non_null(strstr(outcome(f), "fails: timeout: no "));
    close_member(&f->receiver);
}

static void test_a_name_is_looked_up_meanwhile(void **state)
{
    fixture_t *f = open_post("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "receiver", *state);

    f->url.timeout = MS(50);
    assert_string_equal(outcome(f), "fails: unresolved: its name has no address");
    __atomic_store_n(&known, 1, __ATOMIC_RELEASE);
    f->url.timeout = MS(60000); /* it is looked up again after a second */
    assert_string_equal(outcome(f), "");
    __atomic_store_n(&known, 0, __ATOMIC_RELEASE);
    close_member(&f->receiver);
}

static void test_what_is_under_way_can_be_broken_off(void **state)
{
    fixture_t *f = open_post(NULL, "127.0.0.1", *state);

    health_post_cancel(&f->post); /* nothing is */
    health_post_begin(&f->post, TEXT, tier_clock_now());
    assert_false(tick(f));
    RUN_UNTIL(f->loop, __atomic_load_n(&f->receiver.served, __ATOMIC_ACQUIRE) == 1);
    health_post_cancel(&f->post);
    assert_false(health_post_under_way(&f->post));
    assert_false(tick(f));
    close_member(&f->receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(test_a_text_is_posted),
        test_with_pool(test_only_a_whole_answer_of_2xx_counts),
        test_with_pool(test_garbage_and_nobody_there_are_failures),
        test_with_pool(test_a_long_answer_is_not_read_to_its_end),
        test_with_pool(test_one_that_hangs_has_its_time),
        test_with_pool(test_a_name_is_looked_up_meanwhile),
        test_with_pool(test_what_is_under_way_can_be_broken_off),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
