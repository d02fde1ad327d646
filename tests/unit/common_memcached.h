/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_MEMCACHED_H
#define COMMON_MEMCACHED_H

/* What the tests of the memcached client share: real memcached processes, servers that lie, and a
 * client of both. */

#include <pthread.h>

#include "common_support.h"
#include "memcache.h"

#define DEADLINE apr_time_from_msec(200) /* of clients whose servers hang */
#define PATIENCE apr_time_from_sec(5)    /* of all others, so that a busy machine is no fault */
#define STALL    apr_time_from_msec(300) /* what a busy machine may add to a deadline */

/* Writes the path of a file of this process in the system's temporary folder; there is no such file
 * then. */
void temporary_path(char *path, size_t size, const char *name);

/* A real memcached on a port of 127.0.0.1 that the kernel chose; it dies with the test program. */
typedef struct memcached_t {
    pid_t pid; /* 0 while it does not run */
    int port;
    char server[128]; /* as the client's configuration spells it */
} memcached_t;

/* port 0: the kernel's choice. path: a Unix socket instead, or NULL. Fails the test when it does
 * not start. */
void memcached_start(memcached_t *memcached, int port, const char *path);
void memcached_kill(memcached_t *memcached);
void memcached_stop(const memcached_t *memcached); /* SIGSTOP; returns when it is stopped */
void memcached_cont(const memcached_t *memcached); /* SIGCONT */

/* Kills it and starts another one, empty, on the same port. */
void memcached_restart(memcached_t *memcached);

/* Sends command as it is and returns what came within a second, in answer. */
void memcached_ask(const memcached_t *memcached, const char *command, char *answer, size_t size);

/*
 * A server of one thread that treats one connection after the other as the test says: for each time
 * it has received something, play() is called; non-zero closes the connection.
 */
typedef struct fake_t fake_t;
struct fake_t {
    int (*play)(fake_t *fake, int fd, const char *question); /* set before fake_start */
    const char *text;                                        /* the test's, for play() */
    size_t size;                                             /* the test's */
    int listener;
    int port;
    char server[128];
    int connections; /* how many have come; atomic */
    int questions;   /* how many times something was received; atomic */
    int hung_up;     /* how many connections the client closed; atomic */
    int stopping;    /* atomic */
    pthread_t thread;
};

void fake_start(fake_t *fake);
void fake_stop(fake_t *fake);

/* A client with breakers in memory that processes share, and a log that is kept there too. */
typedef struct rig_t {
    tier_memcache_options_t options;
    tier_breaker_t *breakers;
    kept_log_t *log;
    tier_memcache_t *memcache;
    apr_pool_t *pool;
} rig_t;

/* servers ends with NULL. The client is made by rig_connect(), so that options may be changed
 * before. */
void rig_make(rig_t *rig, apr_pool_t *pool, const char *const *servers);
void rig_connect(rig_t *rig);
void rig_one(rig_t *rig, apr_pool_t *pool, const char *server); /* both, for one server */

/* A loop in a thread of its own that probes rig's servers. */
typedef struct prober_thread_t {
    tier_loop_t *loop;
    apr_pool_t *pool;
    pthread_t thread;
} prober_thread_t;

void probe_start(prober_thread_t *prober, rig_t *rig);
void probe_stop(prober_thread_t *prober);

/* Reads one of a fake's counters, or how many lines were logged. */
int seen(const int *counter);
unsigned line_count(const rig_t *rig);

int is_open(const tier_breaker_t *breaker);

/* Short forms for keys that are strings. get returns the value's size, *value is from rig->pool. */
apr_status_t get(rig_t *rig, const char *key, const char **value, apr_size_t *size);
apr_status_t set(rig_t *rig, const char *key, const char *value, apr_size_t size);

/* Returns how many descriptors this process has open. */
int count_descriptors(void);

#endif
