/* SPDX-License-Identifier: Apache-2.0 */
#include "health_tls.h"

#include <apr_strings.h>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

struct health_tls_context_t {
    SSL_CTX *ssl;
    const health_tls_settings_t *settings;
};

struct health_tls_t {
    const health_tls_settings_t *settings;
    const char *peer;
    SSL *ssl;
    BIO *in;  /* from the network; owned by ssl */
    BIO *out; /* to the network; likewise */
    health_tls_e state;
};

/* Returns the oldest error of OpenSSL's queue and empties it. */
static const char *openssl_error(apr_pool_t *pool)
{
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    char text[200];

    if (!reason) {
        ERR_error_string_n(code, text, sizeof(text));
        reason = apr_pstrdup(pool, text);
    }
    ERR_clear_error();
    return code ? reason : "no reason given";
}

static apr_status_t free_context(void *data)
{
    SSL_CTX_free(data);
    return APR_SUCCESS;
}

static const char *load_authorities(SSL_CTX *ssl, const health_tls_settings_t *settings,
                                    apr_pool_t *pool)
{
    if (!settings->ca_file && !settings->ca_path) {
        SSL_CTX_set_default_verify_paths(ssl);
        return NULL;
    }
    if (SSL_CTX_load_verify_locations(ssl, settings->ca_file, settings->ca_path))
        return NULL;
    return apr_psprintf(pool, "no authorities can be read from %s: %s",
                        settings->ca_file ? settings->ca_file : settings->ca_path,
                        openssl_error(pool));
}

static const char *load_certificate(SSL_CTX *ssl, const health_tls_settings_t *settings,
                                    apr_pool_t *pool)
{
    const char *key = settings->key_file ? settings->key_file : settings->cert_file;

    if (!settings->cert_file)
        return NULL;
    if (!SSL_CTX_use_certificate_chain_file(ssl, settings->cert_file))
        return apr_psprintf(pool, "no certificate can be read from %s: %s", settings->cert_file,
                            openssl_error(pool));
    if (!SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM))
        return apr_psprintf(pool, "no key for %s can be read from %s: %s", settings->cert_file, key,
                            openssl_error(pool));
    return NULL;
}

const char *health_tls_context_create(const health_tls_context_t **context,
                                      const health_tls_settings_t *settings, apr_pool_t *pool)
{
    health_tls_context_t *made = apr_pcalloc(pool, sizeof(*made));
    const char *problem;

    ERR_clear_error();
    made->settings = apr_pmemdup(pool, settings, sizeof(*settings));
    made->ssl = SSL_CTX_new(TLS_client_method());
    if (!made->ssl)
        return apr_psprintf(pool, "OpenSSL cannot begin: %s", openssl_error(pool));
    apr_pool_cleanup_register(pool, made->ssl, free_context, apr_pool_cleanup_null);
    /* The handshake goes on whatever the certificate is: what is wrong with it is told afterwards,
     * before the peer has had a byte of the request. */
    SSL_CTX_set_verify(made->ssl, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(made->ssl, SSL_SESS_CACHE_OFF);
    problem = load_authorities(made->ssl, settings, pool);
    if (!problem)
        problem = load_certificate(made->ssl, settings, pool);
    if (!problem)
        *context = made;
    return problem;
}

static int is_address(const char *name)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static apr_status_t free_session(void *data)
{
    SSL_free(data);
    return APR_SUCCESS;
}

health_tls_t *health_tls_begin(const health_tls_context_t *context, const char *peer,
                               apr_pool_t *pool)
{
    health_tls_t *tls = apr_pcalloc(pool, sizeof(*tls));

    ERR_clear_error();
    tls->settings = context->settings;
    tls->peer = peer;
    tls->ssl = SSL_new(context->ssl);
    if (!tls->ssl)
        return NULL;
    apr_pool_cleanup_register(pool, tls->ssl, free_session, apr_pool_cleanup_null);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->in || !tls->out) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        return NULL;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    if (!is_address(peer)) /* RFC 6066, 3: no addresses in it */
        SSL_set_tlsext_host_name(tls->ssl, peer);
    return tls;
}

static health_tls_e fail(health_tls_t *tls, tier_result_t *problem, tier_result_t what)
{
    *problem = what;
    return tls->state = HEALTH_TLS_FAILED;
}

static const char *time_text(const ASN1_TIME *time, apr_pool_t *pool)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char text[64] = "?";
    int size = 0;

    if (memory && ASN1_TIME_print(memory, time))
        size = BIO_read(memory, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    BIO_free(memory);
    return apr_pstrdup(pool, text);
}

static health_tls_e judge_expiry(health_tls_t *tls, const X509 *certificate, tier_result_t *problem,
                                 apr_pool_t *pool)
{
    const ASN1_TIME *from = X509_get0_notBefore(certificate);
    const ASN1_TIME *until = X509_get0_notAfter(certificate);

    if (X509_cmp_current_time(until) <= 0)
        return fail(tls, problem,
                    tier_result_fail(pool, APR_EGENERAL, "expired",
                                     "the member's certificate was valid until %s",
                                     time_text(until, pool)));
    if (X509_cmp_current_time(from) > 0)
        return fail(tls, problem,
                    tier_result_fail(pool, APR_EGENERAL, "expired",
                                     "the member's certificate is not valid before %s",
                                     time_text(from, pool)));
    return HEALTH_TLS_OPEN;
}

/* What of the peer's bytes goes into the log is plain text. */
static const char *clean(const char *text, apr_size_t size, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, text, size > 80 ? 80 : size);

    for (char *c = copy; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return copy;
}

/* Returns the first name that a certificate is issued for. */
static const char *issued_for(const X509 *certificate, apr_pool_t *pool)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const char *text = "no name";

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            text = clean((const char *)ASN1_STRING_get0_data(name->d.dNSName),
                         (apr_size_t)ASN1_STRING_length(name->d.dNSName), pool);
            break;
        }
        text = "an address or name of another kind";
    }
    GENERAL_NAMES_free(names);
    return text;
}

static health_tls_e judge_name(health_tls_t *tls, X509 *certificate, tier_result_t *problem,
                               apr_pool_t *pool)
{
    int matches = is_address(tls->peer) ? X509_check_ip_asc(certificate, tls->peer, 0)
                                        : X509_check_host(certificate, tls->peer, 0, 0, NULL);

    if (matches == 1)
        return HEALTH_TLS_OPEN;
    return fail(tls, problem,
                tier_result_fail(pool, APR_EGENERAL, "wrong_name",
                                 "the member's certificate is for %s, not for %s",
                                 issued_for(certificate, pool), tls->peer));
}

/* Expiry and name come first: OpenSSL's finding tells only the first of several faults. */
static health_tls_e judge(health_tls_t *tls, tier_result_t *problem, apr_pool_t *pool)
{
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    long found = SSL_get_verify_result(tls->ssl);
    health_tls_e state = tls->state = HEALTH_TLS_OPEN;

    if (!certificate)
        return fail(
            tls, problem,
            tier_result_fail(pool, APR_EGENERAL, "untrusted", "the member shows no certificate"));
    if (tls->settings->expiry)
        state = judge_expiry(tls, certificate, problem, pool);
    if (state == HEALTH_TLS_OPEN && tls->settings->name)
        state = judge_name(tls, certificate, problem, pool);
    if (state == HEALTH_TLS_OPEN && tls->settings->chain && found != X509_V_OK)
        state = fail(tls, problem,
                     tier_result_fail(pool, APR_EGENERAL, "untrusted",
                                      "the member's certificate cannot be trusted: %s",
                                      X509_verify_cert_error_string(found)));
    return state;
}

static health_tls_e fail_openssl(health_tls_t *tls, const char *word, tier_result_t *problem,
                                 apr_pool_t *pool)
{
    return fail(tls, problem,
                tier_result_fail(pool, APR_EGENERAL, word, "%s", openssl_error(pool)));
}

static health_tls_e shake(health_tls_t *tls, tier_result_t *problem, apr_pool_t *pool)
{
    int result = SSL_do_handshake(tls->ssl);

    if (result == 1)
        return judge(tls, problem, pool);
    result = SSL_get_error(tls->ssl, result);
    if (result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE)
        return HEALTH_TLS_SHAKING;
    return fail_openssl(tls, "handshake", problem, pool);
}

health_tls_e health_tls_feed(health_tls_t *tls, const char *data, apr_size_t size,
                             tier_result_t *problem, apr_pool_t *pool)
{
    ERR_clear_error();
    if (tls->state == HEALTH_TLS_FAILED)
        return tls->state;
    if (size > 0 && BIO_write(tls->in, data, (int)size) != (int)size)
        return fail_openssl(tls, "tls", problem, pool);
    return tls->state == HEALTH_TLS_SHAKING ? shake(tls, problem, pool) : tls->state;
}

int health_tls_write(health_tls_t *tls, const char *text, apr_size_t size)
{
    ERR_clear_error();
    return size == 0 || SSL_write(tls->ssl, text, (int)size) == (int)size;
}

apr_size_t health_tls_read(health_tls_t *tls, char *bytes, apr_size_t size, health_tls_e *state,
                           tier_result_t *problem, apr_pool_t *pool)
{
    int count;

    ERR_clear_error();
    *state = tls->state;
    if (tls->state != HEALTH_TLS_OPEN)
        return 0;
    count = SSL_read(tls->ssl, bytes, (int)size);
    if (count > 0)
        return (apr_size_t)count;
    count = SSL_get_error(tls->ssl, count);
    if (count == SSL_ERROR_ZERO_RETURN)
        tls->state = HEALTH_TLS_CLOSED;
    else if (count != SSL_ERROR_WANT_READ && count != SSL_ERROR_WANT_WRITE)
        fail_openssl(tls, "tls", problem, pool);
    *state = tls->state;
    return 0;
}

apr_size_t health_tls_output(health_tls_t *tls, char *bytes, apr_size_t size)
{
    int count = BIO_read(tls->out, bytes, (int)size);

    return count > 0 ? (apr_size_t)count : 0;
}

const char *health_tls_text(const health_tls_t *tls, apr_pool_t *pool)
{
    const X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    int days = 0, seconds;

    if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
        return SSL_get_version(tls->ssl);
    return apr_psprintf(pool, "%s, certificate valid for %d days", SSL_get_version(tls->ssl), days);
}
