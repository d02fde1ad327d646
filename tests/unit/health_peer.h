/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEALTH_PEER_H
#define HEALTH_PEER_H

/* A server that says what is written down, in one connection after the other. */

#include "health_testing.h"

#include <openssl/ssl.h>

#define PEER_CONNECTIONS 16

typedef struct said_t {
    const void *bytes;
    size_t size;
} said_t;

#define SAID(text) ((said_t){text, sizeof(text) - 1})

/* Zeroed, but for what the test wants. */
typedef struct peer_t {
    said_t greeting;   /* said first; size 0: nothing is */
    said_t answers[4]; /* to what is received, one after the other; size 0: no more */
    int hangs;         /* keeps the connection after the last answer; otherwise closes it */
    size_t piece;      /* sends so many bytes at a time, with a pause before; 0: all at once */
    SSL_CTX *tls;      /* NULL: in the clear */
    int cut;           /* with tls: ends without its farewell */

    /* The peer's own. */
    int listener;
    int port;
    int connections; /* atomic */
    int shaken;      /* of these, those whose TLS handshake came to its end; atomic */
    int ended;       /* of these, those that are over; atomic */
    int open[PEER_CONNECTIONS];
    pthread_t thread;
} peer_t;

static inline int peer_hears(SSL *ssl, int fd)
{
    char bytes[4096];

    return (ssl ? SSL_read(ssl, bytes, sizeof(bytes)) : (int)recv(fd, bytes, sizeof(bytes), 0)) > 0;
}

static inline void peer_sends(SSL *ssl, int fd, const char *bytes, size_t size)
{
    if (ssl)
        SSL_write(ssl, bytes, (int)size);
    else
        send(fd, bytes, size, MSG_NOSIGNAL);
}

static inline void peer_says(const peer_t *peer, SSL *ssl, int fd, const said_t *said)
{
    size_t piece = peer->piece ? peer->piece : said->size;

    for (size_t at = 0; at < said->size; at += piece) {
        if (peer->piece)
            usleep(1000);
        peer_sends(ssl, fd, (const char *)said->bytes + at,
                   piece < said->size - at ? piece : said->size - at);
    }
}

static inline void peer_converse(const peer_t *peer, SSL *ssl, int fd)
{
    int said = 0;

    peer_says(peer, ssl, fd, &peer->greeting);
    while (said < 4 && peer->answers[said].size > 0 && peer_hears(ssl, fd))
        peer_says(peer, ssl, fd, &peer->answers[said++]);
    while (peer->hangs && peer_hears(ssl, fd))
        ;
}

static inline void peer_accept(peer_t *peer, int fd)
{
    SSL *ssl = peer->tls ? SSL_new(peer->tls) : NULL;

    if (ssl) {
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            __atomic_fetch_add(&peer->shaken, 1, __ATOMIC_RELEASE);
    }
    if (!ssl || SSL_is_init_finished(ssl))
        peer_converse(peer, ssl, fd);
    if (ssl && SSL_is_init_finished(ssl) && !peer->cut)
        SSL_shutdown(ssl);
    SSL_free(ssl);
    shutdown(fd, SHUT_RDWR);
    __atomic_fetch_add(&peer->ended, 1, __ATOMIC_RELEASE);
}

static inline void *peer_serve(void *data)
{
    peer_t *peer = data;
    int fd;

    while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
        int count = __atomic_load_n(&peer->connections, __ATOMIC_ACQUIRE);

        assert_true(count < PEER_CONNECTIONS);
        peer->open[count] = fd;
        __atomic_store_n(&peer->connections, count + 1, __ATOMIC_RELEASE);
        peer_accept(peer, fd);
    }
    return NULL;
}

static inline void open_peer(peer_t *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(peer->listener, 64), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_serve, peer), 0);
}

static inline int peer_connections(const peer_t *peer)
{
    return __atomic_load_n(&peer->connections, __ATOMIC_ACQUIRE);
}

/* Ends all its connections. */
static inline void close_peer(peer_t *peer)
{
    int count;

    shutdown(peer->listener, SHUT_RDWR);
    count = peer_connections(peer);
    for (int i = 0; i < count; i++)
        shutdown(peer->open[i], SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    for (int i = 0; i < peer->connections; i++)
        close(peer->open[i]);
    close(peer->listener);
}

#endif
