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
    MYSQL_HANG   /* nothing */
} mysql_mood_e;

typedef struct mysql_fake_t {
    int listener, port;
    mysql_mood_e mood; /* of the next SELECT; the fields are written while nobody asks */
    const char *const (*rows)[MYSQL_COLUMNS]; /* NULL: SQL's NULL */
    int count, error;
    int logins, selects; /* atomic */
    char last[2048];     /* the last SELECT */
    int connections[16];
    pthread_t threads[16], thread;
} mysql_fake_t;

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
        mysql_send(connection, number++, &packet);
        if (fake->mood == MYSQL_HALF)
            return 0;
    }
    mysql_say(connection, number, MYSQL_EOF, 5);
    return 1;
}

/* Returns 0 when the connection is to be closed. */
static inline int mysql_answer(mysql_fake_t *fake, int connection, const char *statement)
{
    mysql_packet_t packet = {.size = 0};

    if (strncmp(statement, "SELECT f.", 9) != 0) {
        mysql_say(connection, 1, MYSQL_OK, 7);
        return 1;
    }
    apr_cpystrn(fake->last, statement, sizeof(fake->last));
    __atomic_fetch_add(&fake->selects, 1, __ATOMIC_RELEASE);
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

#endif
