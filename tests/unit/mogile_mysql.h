/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_MYSQL_H
#define MOGILE_MYSQL_H

/* A database that lets everybody in and answers each SELECT with what a test wants: the protocol of
 * MySQL 4.1, as its clients and servers have spoken it since. */

#include "mogile_testing.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#define MYSQL_COLUMNS 7

typedef enum {
    MYSQL_ROWS,  /* rows, count of them */
    MYSQL_ERROR, /* the error of that number */
    MYSQL_CLOSE, /* nothing, and the connection is closed */
    MYSQL_HALF,  /* as ROWS, and closes behind the first row */
    MYSQL_SLOW,  /* as ROWS, with a pause before each row */
    MYSQL_STOP,  /* as ROWS, and hangs behind the first row */
    MYSQL_HANG   /* nothing */
} mysql_mood_e;

typedef struct mysql_fake_t {
    int listener, port;
    pthread_t threads[16], thread;
    pthread_mutex_t lock;                     /* over what follows */
    mysql_mood_e mood;                        /* of each SELECT */
    const char *const (*rows)[MYSQL_COLUMNS]; /* NULL: SQL's NULL */
    int count, error;
    int logins, selects;
    char last[2048]; /* the last SELECT */
    int connections[16];
} mysql_fake_t;

/* An expression on a fake, under its lock. */
#define mysql_with(fake, expression)                                                               \
    (pthread_mutex_lock(&(fake)->lock), (void)(expression), pthread_mutex_unlock(&(fake)->lock))

typedef struct mysql_packet_t {
    unsigned char bytes[4096];
    size_t size;
} mysql_packet_t;

static inline void mysql_add(mysql_packet_t *packet, const void *data, size_t size)
{
    memcpy(packet->bytes + packet->size, data, size);
    packet->size += size;
}

static inline void mysql_add_text(mysql_packet_t *packet, const char *text)
{
    unsigned char size = text ? (unsigned char)strlen(text) : 0xfb;

    mysql_add(packet, &size, 1);
    if (text)
        mysql_add(packet, text, size);
}

static inline void mysql_send(int connection, int number, mysql_packet_t *packet)
{
    unsigned char head[4] = {(unsigned char)packet->size, (unsigned char)(packet->size >> 8), 0,
                             (unsigned char)number};

    send(connection, head, sizeof(head), MSG_NOSIGNAL | MSG_MORE);
    send(connection, packet->bytes, packet->size, MSG_NOSIGNAL);
    packet->size = 0;
}

static inline void mysql_say(int connection, int number, const char *bytes, size_t size)
{
    mysql_packet_t packet = {.size = 0};

    mysql_add(&packet, bytes, size);
    mysql_send(connection, number, &packet);
}

#define MYSQL_OK  "\0\0\0\2\0\0\0"
#define MYSQL_EOF "\xfe\0\0\2\0"

static inline int mysql_send_rows(const mysql_fake_t *fake, int connection)
{
    static const char end[] = "\x0c\x2d\0\0\4\0\0\xfd\0\0\0\0\0";
    mysql_packet_t packet = {.size = 0};
    int number = 1;

    mysql_say(connection, number++, "\x07", 1);
    for (int i = 0; i < MYSQL_COLUMNS; i++) {
        mysql_add_text(&packet, "def");
        for (int names = 0; names < 5; names++)
            mysql_add_text(&packet, "");
        mysql_add(&packet, end, sizeof(end) - 1);
        mysql_send(connection, number++, &packet);
    }
    mysql_say(connection, number++, MYSQL_EOF, 5);
    for (int i = 0; i < fake->count; i++) {
        for (int column = 0; column < MYSQL_COLUMNS; column++)
            mysql_add_text(&packet, fake->rows[i][column]);
        if (fake->mood == MYSQL_SLOW)
            usleep(5000);
        mysql_send(connection, number++, &packet);
        if (fake->mood == MYSQL_HALF || fake->mood == MYSQL_STOP)
            return fake->mood == MYSQL_STOP;
    }
    mysql_say(connection, number, MYSQL_EOF, 5);
    return 1;
}

/* Under the lock. Returns 0 when the connection is to be closed. */
static inline int mysql_select(mysql_fake_t *fake, int connection)
{
    mysql_packet_t packet = {.size = 0};

    switch (fake->mood) {
    case MYSQL_ERROR:
        mysql_add(&packet, "\xff", 1);
        mysql_add(&packet, &fake->error, 2);
        mysql_add(&packet, "#HY000no", 8);
        mysql_send(connection, 1, &packet);
        return 1;
    case MYSQL_CLOSE:
        return 0;
    case MYSQL_HANG:
        return 1;
    default:
        return mysql_send_rows(fake, connection);
    }
}

static inline int mysql_answer(mysql_fake_t *fake, int connection, const char *statement)
{
    int goes_on = 1;

    if (strncmp(statement, "SELECT f.", 9) != 0) {
        mysql_say(connection, 1, MYSQL_OK, 7);
        return 1;
    }
    pthread_mutex_lock(&fake->lock);
    apr_cpystrn(fake->last, statement, sizeof(fake->last));
    fake->selects++;
    goes_on = mysql_select(fake, connection);
    pthread_mutex_unlock(&fake->lock);
    return goes_on;
}

#endif
