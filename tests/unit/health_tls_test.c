/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <apr_strings.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "health_tls.h"

/* An authority, and a server that has a certificate of it and speaks through memory. */
typedef struct fixture_t {
    EVP_PKEY *authority_key;
    X509 *authority;
    EVP_PKEY *key;
    char folder[64];
    const char *ca_file;
} fixture_t;

static X509 *issue(fixture_t *f, EVP_PKEY *key, const char *name, long from, long until)
{
    X509 *made = X509_new();
    X509_NAME *subject = X509_get_subject_name(made);
    X509V3_CTX context;
    X509_EXTENSION *extension;
    char text[100];

    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), from);
    X509_gmtime_adj(X509_getm_notAfter(made), until);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_pubkey(made, key);
    X509_set_issuer_name(made, f->authority ? X509_get_subject_name(f->authority) : subject);
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, made, made, NULL, NULL, 0);
    snprintf(text, sizeof(text), "%s", name ? name : "CA:TRUE");
    extension = X509V3_EXT_conf_nid(NULL, &context,
                                    name ? NID_subject_alt_name : NID_basic_constraints, text);
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(made, f->authority_key, EVP_sha256());
    return made;
}

static int set_up(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));
    static char path[100];
    FILE *file;

    start_apr(state);
    f->authority_key = EVP_EC_gen("P-256");
    f->key = EVP_EC_gen("P-256");
    f->authority = issue(f, f->authority_key, NULL, -1000, 1000);
    /* The names differ, or OpenSSL takes what the authority signs for self-signed. */
    X509_NAME_add_entry_by_txt(X509_get_subject_name(f->authority), "O", MBSTRING_ASC,
                               (const unsigned char *)"authority", -1, -1, 0);
    X509_set_issuer_name(f->authority, X509_get_subject_name(f->authority));
    X509_sign(f->authority, f->authority_key, EVP_sha256());
    snprintf(f->folder, sizeof(f->folder), "/tmp/health_tls_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(path, sizeof(path), "%s/ca.pem", f->folder);
    f->ca_file = path;
    file = fopen(path, "w");
    PEM_write_X509(file, f->authority);
    fclose(file);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *f = *state;

    unlink(f->ca_file);
    rmdir(f->folder);
    X509_free(f->authority);
    EVP_PKEY_free(f->authority_key);
    EVP_PKEY_free(f->key);
    free(f);
    return 0;
}

/* Both ends, and what came of them. */
typedef struct talk_t {
    health_tls_t *client;
    SSL_CTX *server_context;
    SSL *server;
    BIO *to_server;
    BIO *from_server;
    health_tls_e state;
    tier_result_t problem;
    apr_pool_t *pool;
} talk_t;

static void open_server_end(talk_t *talk, fixture_t *f, X509 *certificate)
{
    talk->server_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(talk->server_context, certificate);
    SSL_CTX_use_PrivateKey(talk->server_context, f->key);
    talk->server = SSL_new(talk->server_context);
    talk->to_server = BIO_new(BIO_s_mem());
    talk->from_server = BIO_new(BIO_s_mem());
    SSL_set_bio(talk->server, talk->to_server, talk->from_server);
    SSL_set_accept_state(talk->server);
}

/* Moves bytes from one end to the other until nothing moves, at most size at a time. */
static void pump(talk_t *talk, int size)
{
    char bytes[4096];

    for (int moved = 1; moved > 0;) {
        apr_size_t count = health_tls_output(talk->client, bytes, (apr_size_t)size);
        int answered;

        if (count > 0)
            BIO_write(talk->to_server, bytes, (int)count);
        SSL_do_handshake(talk->server);
        answered = BIO_read(talk->from_server, bytes, size);
        moved = (int)count + (answered > 0 ? answered : 0);
        if (answered > 0)
            talk->state = health_tls_feed(talk->client, bytes, (apr_size_t)answered, &talk->problem,
                                          talk->pool);
    }
}

static void begin_talk(talk_t *talk, fixture_t *f, const health_tls_settings_t *settings,
                       const char *peer, X509 *certificate, apr_pool_t *pool)
{
    const health_tls_context_t *context;

    memset(talk, 0, sizeof(*talk));
    talk->pool = pool;
    assert_null(health_tls_context_create(&context, settings, pool));
    open_server_end(talk, f, certificate);
    talk->client = health_tls_begin(context, peer, pool);
    assert_non_null(talk->client);
    talk->state = health_tls_feed(talk->client, "", 0, &talk->problem, pool);
    assert_int_equal(talk->state, HEALTH_TLS_SHAKING);
}

static void end_talk(talk_t *talk, X509 *certificate)
{
    X509_free(certificate);
    SSL_free(talk->server);
    SSL_CTX_free(talk->server_context);
    apr_pool_destroy(talk->pool);
}

static health_tls_settings_t strict(const fixture_t *f)
{
    const health_tls_settings_t settings = {
        .chain = 1, .name = 1, .expiry = 1, .ca_file = f->ca_file};

    return settings;
}

static void good_certificate(void **state)
{
    fixture_t *f = *state;
    health_tls_settings_t settings = strict(f);
    X509 *certificate = issue(f, f->key, "DNS:a.example,DNS:*.b.example", -10, 100000);
    char bytes[100];
    apr_pool_t *pool;
    talk_t talk;

    for (int piece = 1; piece < 5000; piece += 4094) {
        apr_pool_create(&pool, NULL);
        begin_talk(&talk, f, &settings, "a.example", certificate, pool);
        pump(&talk, piece);
        assert_int_equal(talk.state, HEALTH_TLS_OPEN);
        assert_string_equal(SSL_get_servername(talk.server, TLSEXT_NAMETYPE_host_name),
                            "a.example");
        assert_string_equal(health_tls_text(talk.client, pool),
                            "TLSv1.3, certificate valid for 1 days");
        assert_true(health_tls_write(talk.client, "ping", 4));
        pump(&talk, piece);
        assert_int_equal(SSL_read(talk.server, bytes, sizeof(bytes)), 4);
        assert_memory_equal(bytes, "ping", 4);
        SSL_write(talk.server, "pong", 4);
        SSL_shutdown(talk.server);
        pump(&talk, piece);
        assert_int_equal(
            health_tls_read(talk.client, bytes, sizeof(bytes), &talk.state, &talk.problem, pool),
            4);
        assert_memory_equal(bytes, "pong", 4);
        assert_int_equal(
            health_tls_read(talk.client, bytes, sizeof(bytes), &talk.state, &talk.problem, pool),
            0);
        assert_int_equal(talk.state, HEALTH_TLS_CLOSED);
        end_talk(&talk, NULL);
    }
    X509_free(certificate);
}

static void bad_certificates(void **state)
{
    static const struct {
        const char *name;
        const char *peer;
        long from;
        long until;
        const char *word;
        const char *detail;
    } cases[] = {
        {"DNS:a.example", "b.example", -10, 1000, "wrong_name", "is for a.example, not for b.exa"},
        {"IP:10.0.0.1", "10.0.0.2", -10, 1000, "wrong_name", "an address"},
        {"IP:10.0.0.1", "10.0.0.1", -10, 1000, NULL, NULL},
        {"DNS:*.b.example", "x.b.example", -10, 1000, NULL, NULL},
        {"DNS:a.example", "a.example", -1000, -10, "expired", "was valid until "},
        {"DNS:a.example", "a.example", 1000, 2000, "expired", "is not valid before "},
    };
    fixture_t *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        X509 *certificate = issue(f, f->key, cases[i].name, cases[i].from, cases[i].until);
        health_tls_settings_t settings = strict(f);
        apr_pool_t *pool;
        talk_t talk;

        apr_pool_create(&pool, NULL);
        begin_talk(&talk, f, &settings, cases[i].peer, certificate, pool);
        pump(&talk, 4096);
        assert_int_equal(talk.state, cases[i].word ? HEALTH_TLS_FAILED : HEALTH_TLS_OPEN);
        if (cases[i].word) {
            assert_string_equal(talk.problem.problem, cases[i].word);
            assert_non_null(strstr(talk.problem.detail, cases[i].detail));
        }
        end_talk(&talk, certificate);
    }
}

static void unknown_authority(void **state)
{
    fixture_t *f = *state;
    health_tls_settings_t settings = strict(f);
    X509 *certificate = issue(f, f->key, "DNS:a.example", -10, 1000);
    apr_pool_t *pool;
    talk_t talk;

    apr_pool_create(&pool, NULL);
    settings.ca_file = NULL; /* the system's */
    begin_talk(&talk, f, &settings, "a.example", certificate, pool);
    pump(&talk, 4096);
    assert_int_equal(talk.state, HEALTH_TLS_FAILED);
    assert_string_equal(talk.problem.problem, "untrusted");
    assert_int_equal(health_tls_feed(talk.client, "x", 1, &talk.problem, pool), HEALTH_TLS_FAILED);
    end_talk(&talk, NULL);
    apr_pool_create(&pool, NULL);
    memset(&settings, 0, sizeof(settings));
    begin_talk(&talk, f, &settings, "z.example", certificate, pool);
    pump(&talk, 4096);
    assert_int_equal(talk.state, HEALTH_TLS_OPEN);
    end_talk(&talk, certificate);
}

static void no_tls_at_all(void **state)
{
    fixture_t *f = *state;
    health_tls_settings_t settings = strict(f);
    X509 *certificate = issue(f, f->key, "DNS:a.example", -10, 1000);
    apr_pool_t *pool;
    talk_t talk;

    apr_pool_create(&pool, NULL);
    begin_talk(&talk, f, &settings, "a.example", certificate, pool);
    assert_int_equal(
        health_tls_feed(talk.client, "HTTP/1.1 400 Bad\r\n\r\n", 20, &talk.problem, pool),
        HEALTH_TLS_FAILED);
    assert_string_equal(talk.problem.problem, "handshake");
    end_talk(&talk, certificate);
}

/* A record that nobody who has the keys has sent. */
static void garbage_after_the_handshake(void **state)
{
    static const char record[] = "\x17\x03\x03\0\x20 0123456789 0123456789 0123456789";
    fixture_t *f = *state;
    health_tls_settings_t settings = strict(f);
    X509 *certificate = issue(f, f->key, "DNS:a.example", -10, 1000);
    char bytes[100];
    apr_pool_t *pool;
    talk_t talk;

    apr_pool_create(&pool, NULL);
    begin_talk(&talk, f, &settings, "a.example", certificate, pool);
    assert_int_equal(
        health_tls_read(talk.client, bytes, sizeof(bytes), &talk.state, &talk.problem, pool), 0);
    assert_int_equal(talk.state, HEALTH_TLS_SHAKING);
    pump(&talk, 4096);
    assert_int_equal(health_tls_feed(talk.client, record, sizeof(record) - 1, &talk.problem, pool),
                     HEALTH_TLS_OPEN);
    assert_int_equal(
        health_tls_read(talk.client, bytes, sizeof(bytes), &talk.state, &talk.problem, pool), 0);
    assert_int_equal(talk.state, HEALTH_TLS_FAILED);
    assert_string_equal(talk.problem.problem, "tls");
    end_talk(&talk, certificate);
}

static void files_that_cannot_be_used(void **state)
{
    fixture_t *f = *state;
    health_tls_settings_t settings = strict(f);
    const health_tls_context_t *context;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    settings.ca_file = "/nonexistent";
    assert_non_null(strstr(health_tls_context_create(&context, &settings, pool),
                           "no authorities can be read from /nonexistent: "));
    settings.ca_file = f->ca_file;
    settings.cert_file = "/nonexistent";
    assert_non_null(strstr(health_tls_context_create(&context, &settings, pool),
                           "no certificate can be read from /nonexistent: "));
    settings.cert_file = f->ca_file;
    assert_non_null(strstr(health_tls_context_create(&context, &settings, pool), "no key for "));
    apr_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificate),          cmocka_unit_test(bad_certificates),
        cmocka_unit_test(unknown_authority),         cmocka_unit_test(no_tls_at_all),
        cmocka_unit_test(files_that_cannot_be_used), cmocka_unit_test(garbage_after_the_handshake),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
