/* SPDX-License-Identifier: Apache-2.0 */
#include "health_testing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "health_command.h"

typedef struct run_t {
    health_probe_t probe;
    health_check_t check;
    const char *arguments[4];
    tier_loop_t *loop;
    apr_pool_t *pool;
    int done;
    health_verdict_e verdict;
    char result[400];
} run_t;

static void note(tier_loop_t *loop, health_probe_t *probe, health_verdict_e verdict,
                 const tier_result_t *result, apr_interval_time_t latency)
{
    run_t *run = probe->baton;

    (void)loop;
    assert_true(latency >= 0);
    run->done++;
    run->verdict = verdict;
    snprintf(run->result, sizeof(run->result), "%s",
             verdict == HEALTH_PASS ? result->detail : tier_result_text(result, run->pool));
}

static apr_sockaddr_t *address_of(apr_pool_t *pool)
{
    apr_sockaddr_t *address;

    assert_int_equal(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 3306, 0, pool),
                     APR_SUCCESS);
    return address;
}

static void begin(run_t *run, const char *script, health_commands_t *commands, tier_loop_t *loop,
                  apr_pool_t *pool)
{
    memset(run, 0, sizeof(*run));
    run->pool = pool;
    run->loop = loop;
    health_check_defaults(&run->check);
    run->check.kind = HEALTH_KIND_COMMAND;
    run->check.timeout = MS(30000);
    run->arguments[0] = "/bin/sh";
    run->arguments[1] = "-c";
    run->arguments[2] = script;
    run->check.command = run->arguments;
    run->probe.check = &run->check;
    run->probe.member = "http://m:80";
    run->probe.commands = commands;
    run->probe.done = note;
    run->probe.baton = run;
    assert_int_equal(health_probe_init(&run->probe, loop, pool), APR_SUCCESS);
}

static void finish(run_t *run)
{
    assert_int_equal(health_probe_start(&run->probe, address_of(run->pool)), APR_SUCCESS);
    for (int i = 0; i < 6000 && !run->done; i++)
        run_for(run->loop, MS(5));
    assert_int_equal(run->done, 1);
}

static tier_loop_t *new_loop(apr_pool_t *pool)
{
    tier_loop_t *loop;

    assert_int_equal(tier_loop_create(&loop, 64, pool), APR_SUCCESS);
    return loop;
}

static void exit_status_and_first_line(void **state)
{
    static const struct {
        const char *script;
        health_verdict_e verdict;
        const char *result;
    } cases[] = {
        {"exit 0", HEALTH_PASS, "exit status 0"},
        {"echo fine; echo more", HEALTH_PASS, "fine"},
        {"printf 'no end'", HEALTH_PASS, "no end"},
        {"echo disk full; exit 2", HEALTH_FAIL, "command: exit status 2: disk full"},
        {"echo err >&2; exit 1", HEALTH_FAIL, "command: exit status 1: err"},
        {"exit 3", HEALTH_FAIL, "command: exit status 3"},
        {"kill -SEGV $$", HEALTH_FAIL, "command: killed by signal 11"},
        {"printf '\\001\\377x\\n'", HEALTH_PASS, "??x"},
        {"echo $TIER_HEALTH_MEMBER $TIER_HEALTH_ADDRESS $TIER_HEALTH_PORT $TIER_HEALTH_TIMEOUT "
         "$HOME",
         HEALTH_PASS, "http://m:80 127.0.0.1 3306 30000"},
        {"read x || echo nothing to read; pwd", HEALTH_PASS, "nothing to read"},
        {"head -c 300000 /dev/zero | tr '\\0' a; exit 0", HEALTH_PASS, NULL},
    };
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_t *run = apr_palloc(*state, sizeof(*run));
        apr_pool_t *pool;

        apr_pool_create(&pool, *state);
        begin(run, cases[i].script, &commands, loop, pool);
        finish(run);
        assert_int_equal(run->verdict, cases[i].verdict);
        if (cases[i].result)
            assert_string_equal(run->result, cases[i].result);
        else
            assert_int_equal(strlen(run->result), 256);
        apr_pool_destroy(pool);
        assert_int_equal(commands.running, 0);
    }
}

static pid_t written_pid(const char *path)
{
    char text[32] = "";
    FILE *file = fopen(path, "r");

    if (file) {
        if (!fgets(text, sizeof(text), file))
            text[0] = '\0';
        fclose(file);
    }
    return (pid_t)atoi(text);
}

static int is_gone(pid_t pid)
{
    for (int i = 0; i < 400; i++) {
        char path[64], text[64] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        file = fopen(path, "r");
        if (!file)
            return 1;
        if (!fgets(text, sizeof(text), file))
            text[0] = '\0';
        fclose(file);
        if (strstr(text, ") Z"))
            return 1; /* nobody of ours reaps it */
        usleep(5000);
    }
    return 0;
}

/* One that forks, and whose child hangs with the output open: all of it is gone at the deadline. */
static void hung_group_is_killed(void **state)
{
    char path[] = "/tmp/health_command_XXXXXX", script[200];
    int descriptor = mkstemp(path);
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);
    run_t *run = apr_palloc(*state, sizeof(*run));

    snprintf(script, sizeof(script), "trap '' TERM; sleep 60 & echo $! > %s; wait", path);
    begin(run, script, &commands, loop, *state);
    run->check.timeout = MS(300);
    finish(run);
    assert_string_equal(run->result, "timeout: no end of the command within 300ms");
    assert_true(written_pid(path) > 0);
    assert_true(is_gone(written_pid(path)));
    for (int i = 0; i < 400 && commands.running; i++)
        run_for(loop, MS(5));
    assert_int_equal(commands.running, 0);
    close(descriptor);
    unlink(path);
}

/* One that ends and leaves a process behind has its verdict at once, and the process is killed. */
static void what_is_left_behind_is_killed(void **state)
{
    char path[] = "/tmp/health_command_XXXXXX", script[200];
    int descriptor = mkstemp(path);
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);
    run_t *run = apr_palloc(*state, sizeof(*run));

    snprintf(script, sizeof(script), "sleep 60 & echo $! > %s; echo left; exit 0", path);
    begin(run, script, &commands, loop, *state);
    finish(run);
    assert_string_equal(run->result, "left");
    assert_true(is_gone(written_pid(path)));
    close(descriptor);
    unlink(path);
}

static void number_is_bounded(void **state)
{
    static run_t runs[HEALTH_COMMANDS + 4];
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);
    int done = 0;

    for (int i = 0; i < HEALTH_COMMANDS + 4; i++) {
        begin(&runs[i], "sleep 0.1; echo ok", &commands, loop, *state);
        health_probe_start(&runs[i].probe, address_of(*state));
        assert_true(commands.running <= HEALTH_COMMANDS);
    }
    health_probe_cancel(&runs[HEALTH_COMMANDS].probe); /* one that waits */
    for (int tries = 0; tries < 1000 && done < HEALTH_COMMANDS + 3; tries++) {
        run_for(loop, MS(5));
        assert_true(commands.running <= HEALTH_COMMANDS);
        done = 0;
        for (int i = 0; i < HEALTH_COMMANDS + 4; i++)
            done += runs[i].done;
    }
    assert_int_equal(done, HEALTH_COMMANDS + 3);
    assert_string_equal(runs[HEALTH_COMMANDS + 3].result, "ok");
    assert_null(commands.waiting);
}

static void no_turn_is_nobodys_fault(void **state)
{
    health_commands_t commands = {.running = HEALTH_COMMANDS};
    tier_loop_t *loop = new_loop(*state);
    run_t *run = apr_palloc(*state, sizeof(*run));

    begin(run, "exit 0", &commands, loop, *state);
    run->check.timeout = MS(50);
    finish(run);
    assert_int_equal(run->verdict, HEALTH_VOID);
    assert_string_equal(run->result, "local: this host could not begin the probe in time");
    assert_null(commands.waiting);
}

static void program_that_is_not_there(void **state)
{
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);
    run_t *run = apr_palloc(*state, sizeof(*run));

    begin(run, "", &commands, loop, *state);
    run->arguments[0] = "/no/such/program";
    finish(run);
    assert_int_equal(run->verdict, HEALTH_VOID);
    assert_non_null(strstr(run->result, "could not start the command (No such file"));
    assert_int_equal(commands.running, 0);
}

/* The watch stops to lead while commands run-> */
static void end_of_the_watch(void **state)
{
    char path[] = "/tmp/health_command_XXXXXX", script[200];
    int descriptor = mkstemp(path);
    health_commands_t commands = {0};
    tier_loop_t *loop = new_loop(*state);
    run_t *run = apr_palloc(*state, sizeof(*run));

    snprintf(script, sizeof(script), "echo $$ > %s; sleep 60", path);
    begin(run, script, &commands, loop, *state);
    health_probe_start(&run->probe, address_of(*state));
    for (int i = 0; i < 6000 && !written_pid(path); i++)
        run_for(loop, MS(5));
    health_probe_cancel(&run->probe);
    health_commands_end(&commands, loop);
    assert_int_equal(run->done, 0);
    assert_true(is_gone(written_pid(path)));
    assert_int_equal(kill(written_pid(path), 0), -1); /* and reaped */
    assert_int_equal(errno, ESRCH);
    close(descriptor);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pool(exit_status_and_first_line),
        test_with_pool(hung_group_is_killed),
        test_with_pool(what_is_left_behind_is_killed),
        test_with_pool(number_is_bounded),
        test_with_pool(no_turn_is_nobodys_fault),
        test_with_pool(program_that_is_not_there),
        test_with_pool(end_of_the_watch),
    };

    return cmocka_run_group_tests(tests, start_apr, stop_apr);
}
