/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_testing.h"

#include "assets_peer.h"
#include "clock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static void urls_of_web_boxes(void **state)
{
    static const char *const bad[] = {"box",          "https://box",  "http://",
                                      "http://box/",  "http://box:x", "ftp://box",
                                      "http://u@box", "http://box:0x"};
    const char *host;
    apr_port_t port;

    assert_true(assets_peer_read("http://box", &host, &port, *state));
    assert_string_equal(host, "box");
    assert_int_equal(port, 80);
    assert_true(assets_peer_read("http://10.0.0.2:8080", &host, &port, *state));
    assert_string_equal(host, "10.0.0.2");
    assert_int_equal(port, 8080);
    assert_true(assets_peer_read("http://[::1]:81", &host, &port, *state));
    assert_string_equal(host, "::1");
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(assets_peer_read(bad[i], &host, &port, *state));
}

static void heads_that_count(void **state)
{
    char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nCONTENT-LENGTH:  12 \r\nA: b\r\nA: "
                  "c\r\nEmpty:\r\n\r\n";
    apr_table_t *fields;
    apr_off_t length;

    assert_true(assets_peer_head(head, &fields, &length, *state));
    assert_int_equal(length, 12);
    assert_string_equal(apr_table_get(fields, "content-type"), "text/css");
    assert_string_equal(apr_table_getm(*state, fields, "a"), "b,c");
    assert_string_equal(apr_table_get(fields, "empty"), "");
    assert_true(assets_peer_head(
        apr_pstrdup(*state, "HTTP/1.0 200\r\nContent-Length: 123456789012345\r\n\r\n"), &fields,
        &length, *state));
    assert_true(length == APR_INT64_C(123456789012345));
}

static void heads_that_do_not(void **state)
{
    static const char *const cases[] = {
        "",
        "\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/2 200\r\nContent-Length: 1\r\n\r\n",
        "ICY 200 OK\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA : x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: x\ry\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: x\x01\r\n\r\n",
    };
    apr_table_t *fields;
    apr_off_t length;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_false(assets_peer_head(apr_pstrdup(*state, cases[i]), &fields, &length, *state));
}

/* Another web box, which answers each connection with the same text and closes it. */
typedef struct box_t {
    int listener;
    const char *text; /* NULL: nothing is said, and the connection stays */
    int asked;        /* atomic */
    char request[1000];
    pthread_t thread;
} box_t;

static void serve_one(box_t *box, int fd)
{
    ssize_t size = recv(fd, box->request, sizeof(box->request) - 1, 0);

    box->request[size > 0 ? size : 0] = '\0';
    __atomic_fetch_add(&box->asked, 1, __ATOMIC_RELEASE);
    for (size_t at = 0, left = box->text ? strlen(box->text) : 0; left > 0;) {
        ssize_t sent = send(fd, box->text + at, left, MSG_NOSIGNAL);

        if (sent <= 0)
            break;
        at += (size_t)sent;
        left -= (size_t)sent;
    }
    if (box->text)
        shutdown(fd, SHUT_WR);
    while (recv(fd, (char[1000]){0}, 1000, 0) > 0)
        continue; /* until the other side has closed */
    close(fd);
}

static void *serve(void *data)
{
    box_t *box = data;
    int fd;

    while ((fd = accept(box->listener, NULL, NULL)) >= 0)
        serve_one(box, fd);
    return NULL;
}

typedef struct fixture_t {
    box_t box;
    assets_peer_t peer;
    apr_int64_t down;
    assets_peer_ask_t ask;
    apr_file_t *file;
    apr_table_t *fields;
    apr_off_t length;
    apr_pool_t *pool;
} fixture_t;

static void open_box(fixture_t *f, const char *text, apr_pool_t *pool)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char name[] = "/tmp/webtier-peer-XXXXXX";
    socklen_t size = sizeof(place);

    memset(f, 0, sizeof(*f));
    f->pool = pool;
    f->box.text = text;
    f->box.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(f->box.listener, (struct sockaddr *)&place, size), 0);
    assert_int_equal(getsockname(f->box.listener, (struct sockaddr *)&place, &size), 0);
    assert_int_equal(listen(f->box.listener, 8), 0);
    assert_int_equal(pthread_create(&f->box.thread, NULL, serve, &f->box), 0);
    assert_int_equal(apr_sockaddr_info_get(&f->peer.address, "127.0.0.1", APR_INET,
                                           ntohs(place.sin_port), 0, pool),
                     APR_SUCCESS);
    f->peer.down = &f->down;
    f->ask = (assets_peer_ask_t){"/a.css?v=1", "www.example", SECONDS(20),
                                 tier_clock_now() + SECONDS(20), 1000000};
    assert_int_equal(apr_file_mktemp(&f->file, name, 0, pool), APR_SUCCESS);
}

static void close_box(fixture_t *f)
{
    shutdown(f->box.listener, SHUT_RDWR);
    pthread_join(f->box.thread, NULL);
    close(f->box.listener);
    apr_file_close(f->file);
}

static apr_status_t get(fixture_t *f)
{
    return assets_peer_get(&f->peer, &f->ask, f->file, &f->fields, &f->length, f->pool);
}

static int asked(const fixture_t *f)
{
    return __atomic_load_n(&f->box.asked, __ATOMIC_ACQUIRE);
}

/* What the file has, from its beginning. */
static const char *content(fixture_t *f)
{
    apr_off_t start = 0;
    apr_finfo_t info;
    apr_size_t size;
    char *text;

    assert_int_equal(apr_file_info_get(&info, APR_FINFO_SIZE, f->file), APR_SUCCESS);
    text = apr_pcalloc(f->pool, (apr_size_t)info.size + 1);
    assert_int_equal(apr_file_seek(f->file, APR_SET, &start), APR_SUCCESS);
    if (info.size > 0)
        assert_int_equal(apr_file_read_full(f->file, text, (apr_size_t)info.size, &size),
                         APR_SUCCESS);
    return text;
}

static void file_of_another_box(void **state)
{
    fixture_t f;

    open_box(&f, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\nbody{", *state);
    assert_int_equal(get(&f), APR_SUCCESS);
    assert_int_equal(f.length, 5);
    assert_string_equal(apr_table_get(f.fields, "ETag"), "\"1\"");
    assert_string_equal(content(&f), "body{");
    assert_string_equal(f.box.request, "GET /a.css?v=1 HTTP/1.1\r\nHost: www.example\r\n"
                                       "Cache-Control: only-if-cached\r\n"
                                       "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
    assert_int_equal(f.down, 0);
    close_box(&f);
}

static void large_file(void **state)
{
    char *body = apr_palloc(*state, 300001);
    fixture_t f;

    for (int i = 0; i < 300000; i++)
        body[i] = (char)('a' + i * 7 % 26);
    body[300000] = '\0';
    open_box(&f, apr_pstrcat(*state, "HTTP/1.1 200\r\nContent-Length: 300000\r\n\r\n", body, NULL),
             *state);
    assert_int_equal(get(&f), APR_SUCCESS);
    assert_string_equal(content(&f), body);
    close_box(&f);
}

/* It answers, but has nothing for us: it is asked again next time. */
static void answers_that_do_not_count(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\ntoo large",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"};

    for (size_t i = 0; i < COUNT(answers); i++) {
        fixture_t f;

        open_box(&f, answers[i], *state);
        assert_int_equal(get(&f), APR_ENOENT);
        assert_int_equal(f.down, 0);
        assert_string_equal(content(&f), "");
        close_box(&f);
    }
}

/* It is left alone for a while, and the application is asked instead. */
static void box_that_breaks_off_is_left_alone(void **state)
{
    apr_time_t before = tier_clock_now();
    fixture_t f;

    open_box(&f, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", *state);
    assert_int_equal(get(&f), APR_EOF);
    assert_true(f.down >= before + ASSETS_PEER_DOWN);
    assert_int_equal(get(&f), APR_ENOENT);
    assert_int_equal(asked(&f), 1);
    f.down = before; /* the while is over */
    assert_int_equal(get(&f), APR_EOF);
    assert_int_equal(asked(&f), 2);
    f.peer.down = NULL; /* one that is asked always */
    get(&f);
    get(&f);
    assert_int_equal(asked(&f), 4);
    close_box(&f);
}

static void answers_that_are_none(void **state)
{
    char *endless = apr_palloc(*state, ASSETS_PEER_HEAD + 100);
    const char *answers[] = {"", "HTTP/1.1 200 OK\r\nContent-Len", endless,
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore than that"};

    memset(endless, 'x', ASSETS_PEER_HEAD + 99);
    endless[ASSETS_PEER_HEAD + 99] = '\0';
    for (size_t i = 0; i < COUNT(answers); i++) {
        apr_status_t status;
        fixture_t f;

        open_box(&f, answers[i], *state);
        status = get(&f);
        assert_true(status != APR_SUCCESS && status != APR_ENOENT);
        assert_true(f.down != 0);
        close_box(&f);
    }
}

static void box_that_hangs_costs_one_timeout(void **state)
{
    fixture_t f;

    open_box(&f, NULL, *state);
    f.ask.timeout = apr_time_from_msec(30);
    assert_true(APR_STATUS_IS_TIMEUP(get(&f)));
    assert_true(f.down != 0);
    f.down = 0;
    f.ask.until = tier_clock_now() - 1; /* there is no time left for any of it */
    assert_true(APR_STATUS_IS_TIMEUP(get(&f)));
    close_box(&f);
}

static void box_that_is_not_there(void **state)
{
    fixture_t f;

    open_box(&f, NULL, *state);
    close_box(&f);
    assert_true(APR_STATUS_IS_ECONNREFUSED(get(&f)));
    assert_true(f.down != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(urls_of_web_boxes),
        POOL_TEST(heads_that_count),
        POOL_TEST(heads_that_do_not),
        POOL_TEST(file_of_another_box),
        POOL_TEST(large_file),
        POOL_TEST(answers_that_do_not_count),
        POOL_TEST(box_that_breaks_off_is_left_alone),
        POOL_TEST(answers_that_are_none),
        POOL_TEST(box_that_hangs_costs_one_timeout),
        POOL_TEST(box_that_is_not_there),
    };

    return RUN_TESTS(tests);
}
