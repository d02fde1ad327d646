/* SPDX-License-Identifier: Apache-2.0 */
#include "health_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not in the libraries of all distributions. */
static int open_process(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int set_actions(posix_spawn_file_actions_t *actions, int output)
{
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, output, 2);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return error ? error : posix_spawn_file_actions_addchdir_np(actions, "/");
}

/* httpd's threads block or ignore signals that a program should not. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
}

static int spawn_with(health_spawn_t *spawn, const char *const *arguments,
                      const char *const *environment, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = set_attributes(&attributes);
        if (!error)
            error = set_actions(&actions, output);
        if (!error)
            error = posix_spawn(&spawn->pid, arguments[0], &actions, &attributes,
                                (char *const *)arguments, (char *const *)environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Only where starting failed half-way: a process that was just killed. */
static apr_status_t give_up(health_spawn_t *spawn, apr_status_t status)
{
    int unused;

    if (spawn->pid) {
        health_spawn_kill(spawn);
        waitpid(spawn->pid, &unused, 0);
    }
    spawn->pid = 0;
    health_spawn_close(spawn);
    return status;
}

apr_status_t health_spawn_start(health_spawn_t *spawn, const char *const *arguments,
                                const char *const *environment)
{
    int ends[2];
    int error;

    spawn->pid = 0;
    spawn->end = spawn->output = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    spawn->output = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* ours alone: the program's may block */
    error = spawn_with(spawn, arguments, environment, ends[1]);
    close(ends[1]);
    if (error) {
        spawn->pid = 0;
        return give_up(spawn, error);
    }
    spawn->end = open_process(spawn->pid);
    return spawn->end < 0 ? give_up(spawn, errno) : APR_SUCCESS;
}

int health_spawn_reap(health_spawn_t *spawn, int *status)
{
    siginfo_t info = {.si_pid = 0};

    if (!spawn->pid)
        return 0;
    /* Not forgotten yet: as long as it is there its id names this group and no other. */
    if (waitid(P_PID, (id_t)spawn->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid)
        return 0;
    health_spawn_kill(spawn);
    waitpid(spawn->pid, status, 0);
    spawn->pid = 0;
    return 1;
}

void health_spawn_kill(const health_spawn_t *spawn)
{
    if (spawn->pid)
        kill(-spawn->pid, SIGKILL);
}

void health_spawn_close(health_spawn_t *spawn)
{
    if (spawn->end >= 0)
        close(spawn->end);
    if (spawn->output >= 0)
        close(spawn->output);
    spawn->end = spawn->output = -1;
}
