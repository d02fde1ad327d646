/* SPDX-License-Identifier: Apache-2.0 */
#include "health_command.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "health_line.h"

#define REAP_PERIOD apr_time_from_msec(20)

typedef struct health_command_t health_command_t;
struct health_command_t {
    health_probe_t *probe;
    health_spawn_t spawn;
    tier_loop_socket_t end;
    tier_loop_socket_t output;
    health_line_t line;
    int line_is_whole;
    int is_waiting;
    health_command_t *next; /* the next one that waits */
};

/* Those that wait. */

static void enqueue(health_command_t *command)
{
    health_command_t **last = &command->probe->commands->waiting;

    while (*last)
        last = &(*last)->next;
    *last = command;
    command->next = NULL;
    command->is_waiting = 1;
}

static void leave_queue(health_command_t *command)
{
    health_command_t **at = &command->probe->commands->waiting;

    while (*at && *at != command)
        at = &(*at)->next;
    if (*at)
        *at = command->next;
    command->is_waiting = 0;
}

static int launch(health_command_t *command);

void health_commands_end(health_commands_t *commands, tier_loop_t *loop)
{
    for (int tries = 0; tries < 50; tries++) {
        int left = 0;

        for (int i = 0; i < HEALTH_COMMANDS; i++) {
            int unused;

            health_spawn_reap(&commands->dying[i], &unused);
            left += commands->dying[i].pid != 0;
        }
        if (left == 0)
            break;
        apr_sleep(apr_time_from_msec(1));
    }
    tier_loop_timer_cancel(loop, &commands->reaper);
}

/* There may be room now. One that cannot be started has its verdict at once. */
static void start_waiting(health_commands_t *commands)
{
    while (commands->waiting && commands->running < HEALTH_COMMANDS) {
        health_command_t *command = commands->waiting;

        leave_queue(command);
        if (launch(command))
            health_probe_finish(command->probe);
    }
}

/* Those that are killed. A process in the middle of a system call may take its time to die. */

static void reap(tier_loop_t *loop, tier_loop_timer_t *timer)
{
    health_commands_t *commands = timer->baton;
    int left = 0;

    for (int i = 0; i < HEALTH_COMMANDS; i++) {
        int unused;

        if (health_spawn_reap(&commands->dying[i], &unused))
            commands->running--;
        left += commands->dying[i].pid != 0;
    }
    if (left > 0)
        tier_loop_timer_set(loop, timer, tier_loop_now(loop) + REAP_PERIOD);
    start_waiting(commands);
}

/* running counts them, so there is always room. */
static void let_die(health_command_t *command)
{
    health_commands_t *commands = command->probe->commands;

    for (int i = 0; i < HEALTH_COMMANDS; i++) {
        if (commands->dying[i].pid == 0) {
            commands->dying[i].pid = command->spawn.pid;
            break;
        }
    }
    command->spawn.pid = 0;
    commands->reaper.fire = reap;
    commands->reaper.baton = commands;
    tier_loop_timer_set(command->probe->loop, &commands->reaper,
                        tier_loop_now(command->probe->loop));
}

static void command_stop(health_probe_t *probe)
{
    health_command_t *command = probe->work;

    if (command->is_waiting)
        leave_queue(command);
    tier_loop_socket_forget(probe->loop, &command->end);
    tier_loop_socket_forget(probe->loop, &command->output);
    health_spawn_close(&command->spawn);
    if (command->spawn.pid) {
        health_spawn_kill(&command->spawn);
        let_die(command);
    }
}

/* Only the first line is kept, and of that what fits. */
static void take_line(health_command_t *command, const char *bytes, apr_size_t size)
{
    apr_size_t used;
    health_line_e line = health_line_feed(&command->line, bytes, size, &used);

    if (line == HEALTH_LINE_TOO_LONG)
        health_line_end(&command->line);
    command->line_is_whole = line != HEALTH_LINE_MORE;
}

/* Takes in what the program has written. A program that writes on and on is not waited for. */
static void read_output(health_command_t *command)
{
    char bytes[4096];

    for (int i = 0; i < 16; i++) {
        ssize_t size = read(command->spawn.output, bytes, sizeof(bytes));

        if (size == 0) /* all who could write are gone */
            tier_loop_socket_forget(command->probe->loop, &command->output);
        if (size <= 0)
            return;
        if (!command->line_is_whole)
            take_line(command, bytes, (apr_size_t)size);
    }
}

static void judge(health_command_t *command, int status)
{
    health_probe_t *probe = command->probe;
    const char *line = command->line.text;
    const char *between;

    if (!command->line_is_whole)
        health_line_end(&command->line);
    between = *line ? ": " : "";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        probe->verdict = HEALTH_PASS;
        probe->result.detail = *line ? apr_pstrdup(probe->pool, line) : "exit status 0";
        return;
    }
    probe->verdict = HEALTH_FAIL;
    if (WIFEXITED(status))
        probe->result = tier_result_fail(probe->pool, APR_EGENERAL, "command", "exit status %d%s%s",
                                         WEXITSTATUS(status), between, line);
    else
        probe->result =
            tier_result_fail(probe->pool, APR_EGENERAL, "command", "killed by signal %d%s%s",
                             WTERMSIG(status), between, line);
}

static void output_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    (void)loop;
    (void)events;
    read_output(socket->baton);
}

static void end_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    health_command_t *command = socket->baton;
    health_commands_t *commands = command->probe->commands;
    int status;

    (void)loop;
    (void)events;
    if (!health_spawn_reap(&command->spawn, &status))
        return;
    commands->running--;
    if (command->output.slot)
        read_output(command);
    judge(command, status);
    health_probe_finish(command->probe);
    start_waiting(commands);
}

/* What the program is told. */
static const char *const *environment_of(const health_probe_t *probe)
{
    const char **environment = apr_palloc(probe->pool, 7 * sizeof(*environment));
    char *address = NULL;

    apr_sockaddr_ip_get(&address, probe->address);
    environment[0] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    environment[1] = "LANG=C";
    environment[2] = apr_pstrcat(probe->pool, "TIER_HEALTH_MEMBER=", probe->member, NULL);
    environment[3] = apr_pstrcat(probe->pool, "TIER_HEALTH_ADDRESS=", address ? address : "", NULL);
    environment[4] =
        apr_psprintf(probe->pool, "TIER_HEALTH_PORT=%u", (unsigned)probe->address->port);
    environment[5] = apr_psprintf(probe->pool, "TIER_HEALTH_TIMEOUT=%" APR_TIME_T_FMT,
                                  apr_time_as_msec(probe->check->timeout));
    environment[6] = NULL;
    return environment;
}

static apr_status_t watch(health_probe_t *probe, tier_loop_socket_t *socket, int descriptor)
{
    apr_os_sock_put(&socket->socket, &descriptor, NULL);
    return tier_loop_socket_watch(probe->loop, socket, APR_POLLIN);
}

/* Returns 1 with a verdict: it could not be started. */
static int launch(health_command_t *command)
{
    health_probe_t *probe = command->probe;
    apr_status_t status =
        health_spawn_start(&command->spawn, probe->check->command, environment_of(probe));

    if (status != APR_SUCCESS) {
        health_probe_set_void(probe, status, "start the command");
        return 1;
    }
    probe->commands->running++;
    status = watch(probe, &command->end, command->spawn.end);
    if (status == APR_SUCCESS)
        status = watch(probe, &command->output, command->spawn.output);
    if (status != APR_SUCCESS)
        health_probe_set_void(probe, status, "watch the command");
    return status != APR_SUCCESS;
}

static int command_start(health_probe_t *probe)
{
    health_command_t *command = probe->work;

    memset(&command->line, 0, sizeof(command->line));
    command->line_is_whole = 0;
    if (probe->commands->running < HEALTH_COMMANDS)
        return launch(command);
    enqueue(command);
    return 0;
}

static void *command_make(health_probe_t *probe, apr_pool_t *pool)
{
    health_command_t *command = apr_pcalloc(pool, sizeof(*command));
    apr_os_sock_t none = -1;

    command->probe = probe;
    command->spawn.end = command->spawn.output = -1;
    command->end.ready = end_ready;
    command->output.ready = output_ready;
    command->end.baton = command->output.baton = command;
    if (apr_os_sock_put(&command->end.socket, &none, pool) != APR_SUCCESS ||
        apr_os_sock_put(&command->output.socket, &none, pool) != APR_SUCCESS)
        return NULL;
    return command;
}

/* One that has not had its turn says nothing of the member. */
static const char *command_missing(const health_probe_t *probe)
{
    const health_command_t *command = probe->work;

    return command->is_waiting ? NULL : "end of the command";
}

const health_driver_t health_command_driver = {command_make, command_start, command_stop,
                                               command_missing};
