/* SPDX-License-Identifier: Apache-2.0 */
#include "common_memcached.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#define START_LIMIT apr_time_from_sec(10)

static void run_memcached(pid_t parent, int port, const char *path, const char *port_file)
{
    char number[16];
    const char *arguments[16];
    int n = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    snprintf(number, sizeof(number), "%d", port ? port : -1); /* -1: one that is free */
    setenv("MEMCACHED_PORT_FILENAME", port_file, 1);
    unsetenv("LD_PRELOAD");
    arguments[n++] = "memcached";
    arguments[n++] = "-t1";
    arguments[n++] = "-m32";
    if (geteuid() == 0) {
        arguments[n++] = "-u";
        arguments[n++] = "root";
    }
    arguments[n++] = path ? "-s" : "-l";
    arguments[n++] = path ? path : "127.0.0.1";
    if (!path) {
        arguments[n++] = "-p";
        arguments[n++] = number;
    }
    arguments[n] = NULL;
    execvp("memcached", (char *const *)arguments);
    _exit(127);
}

static int connect_to(const memcached_t *memcached)
{
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons((uint16_t)memcached->port)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int fd = socket(memcached->port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    assert_true(fd >= 0);
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(local.sun_path, sizeof(local.sun_path), "%.100s", memcached->server);
    result = memcached->port ? connect(fd, (struct sockaddr *)&inet, sizeof(inet))
                             : connect(fd, (struct sockaddr *)&local, sizeof(local));
    if (result != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int read_port(const char *file, int *port)
{
    FILE *stream = fopen(file, "r");
    int found;

    if (!stream)
        return 0;
    found = fscanf(stream, "TCP INET: %d", port) == 1;
    fclose(stream);
    return found;
}

static int answers(const memcached_t *memcached)
{
    int fd = connect_to(memcached);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void temporary_path(char *path, size_t size, const char *name)
{
    apr_pool_t *pool;
    const char *folder;

    apr_pool_create(&pool, NULL);
    assert_int_equal(apr_temp_dir_get(&folder, pool), APR_SUCCESS);
    assert_true((size_t)snprintf(path, size, "%s/webtier-%ld-%s", folder, (long)getpid(), name) <
                size);
    apr_pool_destroy(pool);
    unlink(path);
}

void memcached_start(memcached_t *memcached, int port, const char *path)
{
    char file[128];
    pid_t parent = getpid();

    temporary_path(file, sizeof(file), "port");
    memset(memcached, 0, sizeof(*memcached));
    memcached->pid = fork();
    assert_true(memcached->pid >= 0);
    if (memcached->pid == 0)
        run_memcached(parent, port, path, file);
    if (path) {
        snprintf(memcached->server, sizeof(memcached->server), "%s", path);
        assert_true(wait_until(answers(memcached), START_LIMIT));
        return;
    }
    memcached->port = port;
    if (!port)
        assert_true(wait_until(read_port(file, &memcached->port), START_LIMIT));
    unlink(file);
    assert_true(wait_until(answers(memcached), START_LIMIT));
    snprintf(memcached->server, sizeof(memcached->server), "127.0.0.1:%d", memcached->port);
}

void memcached_kill(memcached_t *memcached)
{
    if (memcached->pid == 0)
        return;
    kill(memcached->pid, SIGKILL);
    assert_int_equal(waitpid(memcached->pid, NULL, 0), memcached->pid);
    memcached->pid = 0;
}

void memcached_stop(const memcached_t *memcached)
{
    int status;

    kill(memcached->pid, SIGSTOP);
    assert_int_equal(waitpid(memcached->pid, &status, WUNTRACED), memcached->pid);
    assert_true(WIFSTOPPED(status));
}

void memcached_cont(const memcached_t *memcached)
{
    kill(memcached->pid, SIGCONT);
}

void memcached_restart(memcached_t *memcached)
{
    int port = memcached->port;

    memcached_kill(memcached);
    memcached_start(memcached, port, NULL);
}

void memcached_ask(const memcached_t *memcached, const char *command, char *answer, size_t size)
{
    int fd = connect_to(memcached);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    ssize_t got;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, command, strlen(command)), (int)strlen(command));
    assert_int_equal(poll(&poll_fd, 1, 1000), 1);
    got = read(fd, answer, size - 1);
    assert_true(got > 0);
    answer[got] = '\0';
    close(fd);
}

static void serve(fake_t *fake, int fd)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    char question[4096];
    ssize_t got;

    while (!__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE)) {
        if (poll(&poll_fd, 1, 10) <= 0)
            continue;
        got = recv(fd, question, sizeof(question) - 1, 0);
        if (got <= 0) {
            __atomic_add_fetch(&fake->hung_up, 1, __ATOMIC_ACQ_REL);
            break;
        }
        question[got] = '\0';
        __atomic_add_fetch(&fake->questions, 1, __ATOMIC_ACQ_REL);
        if (fake->play(fake, fd, question))
            break;
    }
    close(fd);
}

static void *run_fake(void *data)
{
    fake_t *fake = data;
    struct pollfd poll_fd = {fake->listener, POLLIN, 0};

    while (!__atomic_load_n(&fake->stopping, __ATOMIC_ACQUIRE)) {
        int fd;
        if (poll(&poll_fd, 1, 10) <= 0)
            continue;
        fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        __atomic_add_fetch(&fake->connections, 1, __ATOMIC_ACQ_REL);
        serve(fake, fd);
    }
    return NULL;
}

void fake_start(fake_t *fake)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof(name);

    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fake->listener, 16), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&name, &size), 0);
    fake->port = ntohs(name.sin_port);
    snprintf(fake->server, sizeof(fake->server), "127.0.0.1:%d", fake->port);
    assert_int_equal(pthread_create(&fake->thread, NULL, run_fake, fake), 0);
}

void fake_stop(fake_t *fake)
{
    __atomic_store_n(&fake->stopping, 1, __ATOMIC_RELEASE);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
}

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

/* What the processes share; not in the rig, which is gone when a test has failed. */
typedef struct shared_t {
    tier_breaker_t breakers[TIER_MEMCACHE_MAX_SERVERS];
    kept_log_t log;
} shared_t;

static apr_status_t unmap_shared(void *shared)
{
    munmap(shared, sizeof(shared_t));
    return APR_SUCCESS;
}

void rig_make(rig_t *rig, apr_pool_t *pool, const char *const *servers)
{
    shared_t *shared;

    memset(rig, 0, sizeof(*rig));
    shared = share(sizeof(*shared));
    apr_pool_cleanup_register(pool, shared, unmap_shared, apr_pool_cleanup_null);
    rig->breakers = shared->breakers;
    rig->log = &shared->log;
    apr_pool_create(&rig->pool, pool);
    rig->options.servers = apr_array_make(rig->pool, 4, sizeof(const char *));
    for (; *servers; servers++)
        APR_ARRAY_PUSH(rig->options.servers, const char *) = *servers;
    rig->options.deadline = PATIENCE;
    rig->options.breakers = rig->breakers;
    rig->options.log = keep_log(rig->log);
}

void rig_connect(rig_t *rig)
{
    assert_int_equal(tier_memcache_create(&rig->memcache, &rig->options, rig->pool), APR_SUCCESS);
}

void rig_one(rig_t *rig, apr_pool_t *pool, const char *server)
{
    const char *servers[] = {server, NULL};

    rig_make(rig, pool, servers);
    rig_connect(rig);
}

static void *run_loop(void *loop)
{
    tier_loop_run(loop);
    return NULL;
}

void probe_start(prober_thread_t *prober, rig_t *rig)
{
    apr_pool_create(&prober->pool, rig->pool);
    assert_int_equal(tier_loop_create(&prober->loop, 16, prober->pool), APR_SUCCESS);
    assert_int_equal(tier_memcache_probe_on(prober->loop, &rig->options, prober->pool),
                     APR_SUCCESS);
    assert_int_equal(pthread_create(&prober->thread, NULL, run_loop, prober->loop), 0);
}

void probe_stop(prober_thread_t *prober)
{
    tier_loop_stop(prober->loop);
    pthread_join(prober->thread, NULL);
    apr_pool_destroy(prober->pool);
}

int seen(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

unsigned line_count(const rig_t *rig)
{
    return __atomic_load_n(&rig->log->count, __ATOMIC_ACQUIRE);
}

int is_open(const tier_breaker_t *breaker)
{
    return tier_atomic_load(&breaker->state) == TIER_BREAKER_OPEN;
}

apr_status_t get(rig_t *rig, const char *key, const char **value, apr_size_t *size)
{
    apr_uint32_t flags;
    char *found = NULL;
    apr_status_t status =
        tier_memcache_get(rig->memcache, key, strlen(key), &found, size, &flags, rig->pool);

    *value = found;
    return status;
}

apr_status_t set(rig_t *rig, const char *key, const char *value, apr_size_t size)
{
    return tier_memcache_set(rig->memcache, key, strlen(key), value, size, 0, 0);
}

int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}
