/* SPDX-License-Identifier: Apache-2.0 */
#include "health_peer.h"
#include "health_probing.h"
#include "health_sockets.h"

#include <apr_strings.h>
#include <signal.h>

#define WHOLE SAID("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

static void passes(run_t *run, apr_sockaddr_t *address, const char *result)
{
    probe(run, address);
    assert_string_equal(run->result, result);
    assert_int_equal(run->verdict, HEALTH_PASS);
}

static void fails(run_t *run, apr_sockaddr_t *address, const char *result)
{
    probe(run, address);
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_string_equal(run->result, result);
}

/* A connection of HTTP that serves so many probes. */
static run_t *reusing(apr_uint32_t reuse, apr_pool_t *pool)
{
    run_t *run = new_run(HEALTH_KIND_HTTP, pool);

    run->check.reuse = reuse;
    begin_probing(run);
    return run;
}

static void connections_are_kept_between_probes(void **state)
{
    peer_t peer = {.answers = {WHOLE, WHOLE, WHOLE, WHOLE}, .hangs = 1};
    run_t *run = reusing(3, *state);
    apr_sockaddr_t *address;

    open_peer(&peer);
    address = address_of("127.0.0.1", peer.port, *state);
    for (int i = 0; i < 3; i++)
        passes(run, address, "status 200 OK");
    assert_int_equal(peer_connections(&peer), 1);
    passes(run, address, "status 200 OK"); /* three is its most */
    assert_int_equal(peer_connections(&peer), 2);
    close_peer(&peer);
}

/* The member has closed it meanwhile: no fault of the member. */
static void closed_meanwhile(void **state)
{
    peer_t peer = {.answers = {WHOLE}};
    run_t *run = reusing(100, *state);
    apr_sockaddr_t *address;

    open_peer(&peer);
    address = address_of("127.0.0.1", peer.port, *state);
    for (int i = 1; i <= 4; i++) {
        passes(run, address, "status 200 OK");
        assert_int_equal(peer_connections(&peer), i);
    }
    close_peer(&peer);
    fails(run, address, "refused: could not connect (Connection refused)");
}

/* The same of one that says so first (RFC 9110 15.5.9): that is no answer to the next probe. */
static void closed_meanwhile_with_a_word(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    peer_t peer = {.answers = {SAID("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                                    "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")},
                   .piece = sizeof(whole) - 1};
    run_t *run = reusing(100, *state);
    apr_sockaddr_t *address;

    open_peer(&peer);
    address = address_of("127.0.0.1", peer.port, *state);
    for (int i = 1; i <= 4; i++) {
        passes(run, address, "status 200 OK");
        assert_true(wait_until(__atomic_load_n(&peer.ended, __ATOMIC_ACQUIRE) == i, MS(10000)));
        assert_int_equal(peer_connections(&peer), i);
    }
    close_peer(&peer);
}

/* A kept connection is no excuse for a member that hangs. */
static void hangs_on_a_kept_connection(void **state)
{
    peer_t peer = {.answers = {WHOLE}, .hangs = 1};
    run_t *run = reusing(100, *state);
    apr_sockaddr_t *address;

    open_peer(&peer);
    address = address_of("127.0.0.1", peer.port, *state);
    passes(run, address, "status 200 OK");
    run->check.timeout = MS(30);
    fails(run, address, "timeout: no whole answer within 30ms");
    assert_int_equal(peer_connections(&peer), 1);
    run->check.timeout = MS(20000);
    passes(run, address, "status 200 OK"); /* what is left of it is not taken for an answer */
    assert_int_equal(peer_connections(&peer), 2);
    close_peer(&peer);
}

/* Only what has passed, whole, is asked again. */
static void what_is_not_kept(void **state)
{
    static const said_t answers[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 19}, /* ends with the connection */
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 57},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore", 42},
    };
    peer_t peer = {.answers = {SAID("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")}, .hangs = 1};
    run_t *run = reusing(100, *state);

    open_peer(&peer);
    for (int i = 1; i <= 2; i++) {
        fails(run, address_of("127.0.0.1", peer.port, *state), "bad_status: status 500 No");
        assert_int_equal(peer_connections(&peer), i);
    }
    close_peer(&peer);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        peer_t other = {.answers = {answers[i]}, .hangs = 1};
        apr_sockaddr_t *address;

        open_peer(&other);
        address = address_of("127.0.0.1", other.port, *state);
        passes(run, address, "status 200 OK");
        passes(run, address, "status 200 OK");
        assert_int_equal(peer_connections(&other), 2);
        close_peer(&other);
    }
}

/* The member's name has another address now. */
static void kept_connection_of_another_address(void **state)
{
    peer_t old = {.answers = {WHOLE, WHOLE}, .hangs = 1}, now = old;
    run_t *run = reusing(100, *state);

    open_peer(&old);
    open_peer(&now);
    passes(run, address_of("127.0.0.1", old.port, *state), "status 200 OK");
    passes(run, address_of("127.0.0.1", now.port, *state), "status 200 OK");
    assert_int_equal(peer_connections(&old), 1);
    assert_int_equal(peer_connections(&now), 1);
    assert_true(wait_until(__atomic_load_n(&old.ended, __ATOMIC_ACQUIRE) == 1, MS(10000)));
    close_peer(&old);
    close_peer(&now);
}

/* A socket serves probes of fresh connections, also after one that hung; not after one that failed,
 * whose member may have more to say. */
static void sockets_are_used_again(void **state)
{
    peer_t peer = {.answers = {WHOLE}, .hangs = 1};
    peer_t bad = {.answers = {SAID("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")}, .hangs = 1};
    peer_t hung = {.hangs = 1};
    run_t *run = new_run(HEALTH_KIND_HTTP, *state);
    health_sockets_t sockets = {.count = 0};

    open_peer(&peer);
    open_peer(&bad);
    open_peer(&hung);
    run->probe.sockets = &sockets;
    begin_probing(run);
    for (int i = 1; i <= 3; i++) {
        passes(run, address_of("127.0.0.1", peer.port, *state), "status 200 OK");
        assert_int_equal(peer_connections(&peer), i);
        assert_int_equal(sockets.count, 1);
    }
    run->check.timeout = MS(30);
    fails(run, address_of("127.0.0.1", hung.port, *state), "timeout: no whole answer within 30ms");
    assert_int_equal(sockets.count, 1);
    run->check.timeout = MS(20000);
    fails(run, address_of("127.0.0.1", bad.port, *state), "bad_status: status 500 No");
    assert_int_equal(sockets.count, 0);
    passes(run, address_of("127.0.0.1", peer.port, *state), "status 200 OK");
    health_sockets_end(&sockets);
    close_peer(&peer);
    close_peer(&bad);
    close_peer(&hung);
}

/* Such a socket is good for no other address of its family. */
static void socket_of_an_address_of_both_families(void **state)
{
    peer_t peer = {.answers = {WHOLE}, .hangs = 1};
    run_t *run = new_run(HEALTH_KIND_HTTP, *state);
    health_sockets_t sockets = {.count = 0};

    open_peer(&peer);
    run->probe.sockets = &sockets;
    begin_probing(run);
    passes(run, address_of("::ffff:127.0.0.1", peer.port, *state), "status 200 OK");
    assert_int_equal(sockets.count, 0);
    passes(run, address_of("127.0.0.1", peer.port, *state), "status 200 OK");
    assert_int_equal(sockets.count, 1);
    health_sockets_end(&sockets);
    close_peer(&peer);
}

static void answer_that_comes_in_several_reads(void **state)
{
    char *text = apr_pstrcat(*state, "HTTP/1.1 200 OK\r\n", NULL);
    peer_t peer = {.hangs = 1};
    run_t *run = new_run(HEALTH_KIND_HTTP, *state);

    for (int i = 0; i < 300; i++)
        text = apr_pstrcat(*state, text, "X-Header: some more bytes\r\n", NULL);
    text = apr_pstrcat(*state, text, "Content-Length: 0\r\n\r\n", NULL);
    peer.answers[0] = (said_t){text, strlen(text)};
    open_peer(&peer);
    begin_probing(run);
    passes(run, address_of("127.0.0.1", peer.port, *state), "status 200 OK");
    close_peer(&peer);
}

static void advice_of_an_agent(void **state)
{
    peer_t peer = {.greeting = SAID("drain 30%\n")};
    peer_t silent = {.greeting = {0}};
    run_t *run = new_run(HEALTH_KIND_AGENT, *state);

    open_peer(&peer);
    open_peer(&silent);
    begin_probing(run);
    passes(run, address_of("127.0.0.1", peer.port, *state), "the agent says \"drain 30%\"");
    assert_true(run->probe.advised);
    assert_int_equal(run->probe.advice.weight, 30);
    assert_int_equal(run->probe.advice.drain, 1);
    fails(run, address_of("127.0.0.1", silent.port, *state),
          "closed: the agent closed the connection without a word");
    assert_false(run->probe.advised); /* that of the last probe is not repeated */
    close_peer(&peer);
    close_peer(&silent);
}

static SSL_CTX *server_context;

/* A certificate that signs itself is enough for probes that ask for nothing. */
static int make_certificate(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 90000);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    server_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server_context, certificate);
    SSL_CTX_use_PrivateKey(server_context, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return start_apr(state);
}

static int drop_certificate(void **state)
{
    SSL_CTX_free(server_context);
    return stop_apr(state);
}

/* chain: the certificate is to be trusted. */
static run_t *new_tls_run(health_kind_e kind, int chain, apr_pool_t *pool)
{
    run_t *run = new_run(kind, pool);

    run->check.tls.chain = chain;
    assert_null(health_tls_context_create(&run->check.tls_context, &run->check.tls, pool));
    begin_probing(run);
    return run;
}

static void http_in_tls(void **state)
{
    peer_t peer = {.answers = {WHOLE}, .hangs = 1, .tls = server_context};
    run_t *run = new_tls_run(HEALTH_KIND_HTTPS, 0, *state);
    apr_sockaddr_t *address;

    open_peer(&peer);
    address = address_of("127.0.0.1", peer.port, *state);
    for (int i = 1; i <= 2; i++) {
        passes(run, address, "status 200 OK");
        assert_int_equal(peer_connections(&peer), i);
    }
    close_peer(&peer);
}

/* A certificate that is not trusted is the verdict, whatever the server would answer. */
static void certificate_that_is_not_trusted(void **state)
{
    peer_t peer = {.answers = {WHOLE}, .hangs = 1, .tls = server_context};
    run_t *run = new_tls_run(HEALTH_KIND_HTTPS, 1, *state);

    open_peer(&peer);
    probe(run, address_of("127.0.0.1", peer.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "untrusted: the member's certificate cannot be trusted"));
    close_peer(&peer);
}

#define NO_LENGTH "HTTP/1.1 200 OK\r\n\r\n"

/* Advice in a body that ends with the connection: with TLS's own farewell, and without. */
static void advice_at_the_end_of_the_connection(void **state)
{
    for (int tls = 0; tls < 3; tls++) {
        peer_t leaves = {.answers = {SAID(NO_LENGTH "state: leaving")},
                         .tls = tls ? server_context : NULL,
                         .cut = tls == 2};
        peer_t stays = leaves;
        run_t *run =
            tls ? new_tls_run(HEALTH_KIND_HTTPS, 0, *state) : new_run(HEALTH_KIND_HTTP, *state);

        stays.answers[0] = SAID(NO_LENGTH "state: well");
        run->check.drain_body = "leaving";
        if (!tls)
            begin_probing(run);
        open_peer(&leaves);
        open_peer(&stays);
        passes(run, address_of("127.0.0.1", leaves.port, *state), "status 200 OK");
        assert_true(run->probe.advised);
        assert_int_equal(run->probe.advice.drain, 1);
        passes(run, address_of("127.0.0.1", stays.port, *state), "status 200 OK");
        assert_true(run->probe.advised);
        assert_int_equal(run->probe.advice.drain, 0);
        close_peer(&leaves);
        close_peer(&stays);
    }
}

static void agent_without_an_end_of_line(void **state)
{
    peer_t peer = {.greeting = SAID("drain 30%")};
    run_t *run = new_run(HEALTH_KIND_AGENT, *state);

    open_peer(&peer);
    begin_probing(run);
    passes(run, address_of("127.0.0.1", peer.port, *state), "the agent says \"drain 30%\"");
    assert_true(run->probe.advised);
    assert_int_equal(run->probe.advice.weight, 30);
    assert_int_equal(run->probe.advice.drain, 1);
    close_peer(&peer);
}

static void answer_in_tls_that_ends_too_soon(void **state)
{
    peer_t peer = {.answers = {SAID("HTTP/1.1 200 OK\r\n")}, .tls = server_context};
    run_t *run = new_tls_run(HEALTH_KIND_HTTPS, 0, *state);

    open_peer(&peer);
    fails(run, address_of("127.0.0.1", peer.port, *state),
          "closed: the connection was closed after 17 bytes, before the end of the headers");
    close_peer(&peer);
}

/* The member must not have to log a handshake that was broken off each second. */
static void tls_alone_ends_its_handshake(void **state)
{
    peer_t peer = {.hangs = 1, .tls = server_context};
    run_t *run = new_tls_run(HEALTH_KIND_TLS, 0, *state);

    open_peer(&peer);
    passes(run, address_of("127.0.0.1", peer.port, *state),
           "TLSv1.3, certificate valid for 1 days");
    assert_true(wait_until(__atomic_load_n(&peer.shaken, __ATOMIC_ACQUIRE) == 1, MS(10000)));
    close_peer(&peer);
}

static void handshakes_that_come_to_nothing(void **state)
{
    peer_t closes = {.greeting = {0}};
    peer_t babbles = {.greeting = SAID("HTTP/1.1 400 Bad Request\r\n\r\n"), .hangs = 1};
    peer_t hangs = {.hangs = 1};
    run_t *run = new_tls_run(HEALTH_KIND_HTTPS, 0, *state);

    closes.answers[0] = SAID("\x16\x03\x03");
    open_peer(&closes);
    open_peer(&babbles);
    open_peer(&hangs);
    fails(run, address_of("127.0.0.1", closes.port, *state),
          "closed: the connection was closed in the TLS handshake");
    probe(run, address_of("127.0.0.1", babbles.port, *state));
    assert_int_equal(run->verdict, HEALTH_FAIL);
    assert_non_null(strstr(run->result, "handshake: "));
    run->check.timeout = MS(50);
    fails(run, address_of("127.0.0.1", hangs.port, *state),
          "timeout: no end of the TLS handshake within 50ms");
    close_peer(&closes);
    close_peer(&babbles);
    close_peer(&hangs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(connections_are_kept_between_probes),
        test_with_pool(closed_meanwhile),
        test_with_pool(closed_meanwhile_with_a_word),
        test_with_pool(hangs_on_a_kept_connection),
        test_with_pool(what_is_not_kept),
        test_with_pool(kept_connection_of_another_address),
        test_with_pool(sockets_are_used_again),
        test_with_pool(socket_of_an_address_of_both_families),
        test_with_pool(answer_that_comes_in_several_reads),
        test_with_pool(advice_of_an_agent),
        test_with_pool(http_in_tls),
        test_with_pool(certificate_that_is_not_trusted),
        test_with_pool(advice_at_the_end_of_the_connection),
        test_with_pool(agent_without_an_end_of_line),
        test_with_pool(answer_in_tls_that_ends_too_soon),
        test_with_pool(tls_alone_ends_its_handshake),
        test_with_pool(handshakes_that_come_to_nothing),
    };

    signal(SIGPIPE, SIG_IGN); /* as httpd does */
    return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
