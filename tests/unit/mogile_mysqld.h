/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_MYSQLD_H
#define MOGILE_MYSQLD_H

/* The process of mogile_mysql.h's database, and a client of it. */

#include "mogile_mysql.h"

#include "mogile_database.h"

static const char mysql_greeting[] = "\x0a"
                                     "5.5.5-10.11.0-MariaDB\0\1\0\0\0salt5678\0\xff\xa2\x2d\2\0"
                                     "\x08\0\x15\0\0\0\0\0\0\0\0\0\0salt56789012\0"
                                     "mysql_native_password";

typedef struct mysql_connection_t {
    mysql_fake_t *fake;
    int connection;
} mysql_connection_t;

/* Returns the first byte of the client's next packet, 0 at the end; its text is in text. */
static inline int mysql_read(int connection, char *text, size_t room)
{
    unsigned char head[4];
    size_t size;

    if (recv(connection, head, 4, MSG_WAITALL) != 4)
        return 0;
    size = head[0] | (size_t)head[1] << 8;
    if (size == 0 || size >= room || recv(connection, text, size, MSG_WAITALL) != (ssize_t)size)
        return 0;
    text[size] = '\0';
    return (unsigned char)text[0];
}

static inline void *mysql_talk(void *data)
{
    mysql_connection_t mine = *(mysql_connection_t *)data;
    static __thread char text[4096];

    free(data);
    mysql_say(mine.connection, 0, mysql_greeting, sizeof(mysql_greeting));
    if (mysql_read(mine.connection, text, sizeof(text))) {
        mysql_say(mine.connection, 2, MYSQL_OK, 7);
        mysql_with(mine.fake, mine.fake->logins++);
        while (mysql_read(mine.connection, text, sizeof(text)) == 3 &&
               mysql_answer(mine.fake, mine.connection, text + 1))
            continue;
    }
    shutdown(mine.connection, SHUT_RDWR);
    return NULL;
}

static inline void *mysql_serve(void *data)
{
    mysql_fake_t *fake = data;
    int count = 0, connection;

    while (count < 16 && (connection = accept(fake->listener, NULL, NULL)) >= 0) {
        mysql_connection_t *mine = malloc(sizeof(*mine));

        *mine = (mysql_connection_t){fake, connection};
        mysql_with(fake, fake->connections[count] = connection);
        pthread_create(&fake->threads[count++], NULL, mysql_talk, mine);
    }
    for (int i = 0; i < count; i++) {
        shutdown(fake->connections[i], SHUT_RDWR);
        pthread_join(fake->threads[i], NULL);
        close(fake->connections[i]);
    }
    return NULL;
}

static inline void mysql_start(mysql_fake_t *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    memset(fake, 0, sizeof(*fake));
    pthread_mutex_init(&fake->lock, NULL);
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(fake->listener, 16), 0);
    fake->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&fake->thread, NULL, mysql_serve, fake), 0);
}

static inline void mysql_stop(mysql_fake_t *fake)
{
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
}

static inline int mysql_selects(mysql_fake_t *fake)
{
    int selects;

    mysql_with(fake, selects = fake->selects);
    return selects;
}

static inline int mysql_logins(mysql_fake_t *fake)
{
    int logins;

    mysql_with(fake, logins = fake->logins);
    return logins;
}

/* What a client counts and logs. */
typedef struct mysql_client_t {
    mogile_server_t server;
    mogile_counts_t counts;
    tier_breaker_t breaker;
    kept_log_t log;
    mogile_database_t *database;
} mysql_client_t;

static inline void mysql_client(mysql_client_t *client, const mysql_fake_t *fake,
                                apr_interval_time_t deadline, apr_pool_t *pool)
{
    tier_memcache_server_t *spelled = apr_pcalloc(pool, sizeof(*spelled));
    mogile_database_options_t options = {.host = "127.0.0.1", .name = "mogilefs", .user = "u"};

    memset(client, 0, sizeof(*client));
    client->server = (mogile_server_t){.kind = "database",
                                       .name = "test",
                                       .breaker = &client->breaker,
                                       .counts = &client->counts,
                                       .log = keep_log(&client->log)};
    assert_null(
        tier_memcache_server_parse(spelled, apr_psprintf(pool, "127.0.0.1:%d", fake->port), pool));
    assert_int_equal(
        tier_memcache_resolver_create(&options.resolver, spelled, &client->breaker, 1, pool),
        APR_SUCCESS);
    options.port = (unsigned)fake->port;
    options.deadline = deadline;
    options.connections = 2;
    options.server = &client->server;
    options.retry = apr_time_from_sec(60);
    assert_int_equal(mogile_database_create(&client->database, &options, pool), APR_SUCCESS);
}

#endif
