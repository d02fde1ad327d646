/* SPDX-License-Identifier: Apache-2.0 */
#include "status_server.h"

#include <ap_mpm.h>
#include <apr_network_io.h>
#include <scoreboard.h>

#include "status_tree.h"

typedef struct board_t {
    int idle;
    int busy;
    int processes; /* that serve */
    int leaving;   /* that finish what they have, then exit */
    apr_int64_t connections;
    apr_int64_t keep_alive;
} board_t;

static void count_worker(board_t *board, const worker_score *worker)
{
    switch (worker->status) {
    case SERVER_DEAD:
    case SERVER_STARTING:
    case SERVER_IDLE_KILL:
        break;
    case SERVER_READY:
        board->idle++;
        break;
    default:
        board->busy++;
        break;
    }
}

/* A leaving process's idle threads will serve nobody; its busy ones still do. */
static void count_process(board_t *board, int slot, int threads)
{
    const process_score *process = ap_get_scoreboard_process(slot);
    int idle = board->idle;
    int leaving;

    if (!process->pid)
        return;
    leaving = process->quiescing ||
              process->generation != ap_scoreboard_image->global->running_generation;
    for (int thread = 0; thread < threads; thread++)
        count_worker(board, ap_get_scoreboard_worker_from_indexes(slot, thread));
    if (leaving)
        board->idle = idle;
    board->leaving += leaving;
    board->processes += !leaving;
    board->connections += process->connections;
    board->keep_alive += process->keep_alive;
}

static int ask_mpm(int question)
{
    int answer = 0;

    return ap_mpm_query(question, &answer) == APR_SUCCESS ? answer : 0;
}

static void read_board(board_t *board)
{
    const global_score *global = ap_scoreboard_image->global;

    for (int slot = 0; slot < global->server_limit; slot++)
        count_process(board, slot, global->thread_limit);
}

static void report_workers(tier_status_node_t *server, const board_t *board, apr_pool_t *pool)
{
    int processes = ask_mpm(AP_MPMQ_MAX_DAEMONS);
    int threads = ask_mpm(AP_MPMQ_MAX_THREADS);

    tier_status_metric(server, TIER_STATUS_GAUGE, "workers_busy", board->busy,
                       "Workers that are serving a request or a connection.", pool);
    tier_status_metric(server, TIER_STATUS_GAUGE, "workers_idle", board->idle,
                       "Workers that wait for work.", pool);
    tier_status_metric(server, TIER_STATUS_INTEGER, "workers_max",
                       (apr_int64_t)processes * (threads > 0 ? threads : 1),
                       "Workers that the configuration allows.", pool);
    tier_status_metric(server, TIER_STATUS_GAUGE, "processes", board->processes,
                       "Child processes that serve.", pool);
    tier_status_metric(server, TIER_STATUS_GAUGE, "processes_leaving", board->leaving,
                       "Child processes that exit when their last request is done.", pool);
}

/* Only an asynchronous MPM holds connections that no worker holds. */
static void report_connections(tier_status_node_t *server, const board_t *board, apr_pool_t *pool)
{
    if (!ask_mpm(AP_MPMQ_IS_ASYNC))
        return;
    tier_status_metric(server, TIER_STATUS_GAUGE, "connections", board->connections,
                       "Open client connections.", pool);
    tier_status_metric(server, TIER_STATUS_GAUGE, "connections_keep_alive", board->keep_alive,
                       "Open client connections that wait for their next request.", pool);
}

/* Which of several web boxes this is: they often serve under one name. */
static void add_machine(tier_status_node_t *server, apr_pool_t *pool)
{
    char *name = apr_pcalloc(pool, APRMAXHOSTLEN + 1);

    if (apr_gethostname(name, APRMAXHOSTLEN, pool) == APR_SUCCESS)
        tier_status_string(server, "machine", name, pool);
}

void status_server_report(tier_status_node_t *server, apr_time_t now, apr_pool_t *pool)
{
    board_t board = {0};
    const global_score *global;

    add_machine(server, pool);
    tier_status_string(server, "software", ap_get_server_description(), pool);
    tier_status_string(server, "mpm", ap_show_mpm(), pool);
    if (!ap_exists_scoreboard_image())
        return;
    global = ap_scoreboard_image->global;
    read_board(&board);
    tier_status_number(server, TIER_STATUS_TIME, "started", global->restart_time, pool);
    tier_status_number(server, TIER_STATUS_DURATION, "uptime", now - global->restart_time, pool);
    tier_status_metric(server, TIER_STATUS_INTEGER, "generation", global->running_generation,
                       "Restarts since the server was started.", pool);
    report_workers(server, &board, pool);
    report_connections(server, &board, pool);
}
