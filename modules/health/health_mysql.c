/* SPDX-License-Identifier: Apache-2.0 */
#include "health_mysql.h"

#include <apr_portable.h>
#include <apr_strings.h>

#include <errmsg.h>
#include <mysql.h>
#include <string.h>
#include <sys/socket.h>

#define PACKET_MAX (64UL * 1024) /* nobody's answer to a probe is larger */
#define SHOWN      100           /* characters of a field or an error that are told */

/* Those that do not hand the password, or a terminal, to whoever asks for it. */
#define LOGINS "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password"

typedef struct session_t session_t;
struct session_t {
    health_probe_t *probe;
    MYSQL *mysql; /* NULL: none */
    MYSQL_RES *rows;
    /* Goes on with what is under way, events being MYSQL_WAIT_...; returns what it waits for now,
     * 0: it is over. */
    int (*resume)(session_t *session, int events);
    /* It is over: begins the next step or sets the verdict. Returns what that waits for; 0 with a
     * verdict. */
    int (*over)(session_t *session);
    MYSQL *connected; /* what the steps return */
    int failed;
    MYSQL_ROW row;
    tier_loop_socket_t watch;
};

int health_mysql_prepare(void)
{
    return mysql_server_init(0, NULL, NULL) == 0;
}

const char *health_mysql_problem(unsigned error)
{
    switch (error) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
        return "refused";
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
        return "closed";
    case CR_MALFORMED_PACKET:
    case CR_VERSION_ERROR:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_NET_PACKET_TOO_LARGE:
        return "malformed";
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
    case 1044: /* ER_DBACCESS_DENIED_ERROR */
    case 1045: /* ER_ACCESS_DENIED_ERROR */
    case 1129: /* ER_HOST_IS_BLOCKED */
    case 1130: /* ER_HOST_NOT_PRIVILEGED */
    case 1698: /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
        return "denied";
    default:
        return "bad_answer";
    }
}

/* What a server says goes into the log as plain text. */
static const char *shown(const char *text, apr_size_t size, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, text, size < SHOWN ? size : SHOWN);

    for (char *c = copy; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return copy;
}

static int fail(session_t *session, const char *word, const char *text)
{
    session->probe->verdict = HEALTH_FAIL;
    session->probe->result = tier_result_fail(session->probe->pool, APR_EGENERAL, word, "%s", text);
    return 0;
}

static int fail_mysql(session_t *session)
{
    unsigned error = mysql_errno(session->mysql);
    const char *text = mysql_error(session->mysql);
    apr_pool_t *pool = session->probe->pool;

    return fail(session, health_mysql_problem(error),
                apr_psprintf(pool, "%s (%u)", shown(text, strlen(text), pool), error));
}

static int pass(session_t *session, const char *text)
{
    session->probe->verdict = HEALTH_PASS;
    session->probe->result.detail = text;
    return 0;
}

/* The row. */

static int resume_row(session_t *session, int events)
{
    return mysql_fetch_row_cont(&session->row, session->rows, events);
}

static int judge_field(session_t *session)
{
    const char *expected = session->probe->check->expect;
    const char *field = session->row[0] ? session->row[0] : "NULL";
    apr_size_t size = session->row[0] ? mysql_fetch_lengths(session->rows)[0] : strlen(field);
    apr_pool_t *pool = session->probe->pool;
    const char *text = shown(field, size, pool);

    if (!expected || (strlen(expected) == size && memcmp(expected, field, size) == 0))
        return pass(session, apr_psprintf(pool, "the query's first field is \"%s\"", text));
    return fail(session, "unexpected",
                apr_psprintf(pool, "the query's first field is \"%s\", not \"%s\"", text,
                             shown(expected, strlen(expected), pool)));
}

static int over_row(session_t *session)
{
    if (session->row)
        return judge_field(session);
    if (mysql_errno(session->mysql))
        return fail_mysql(session);
    return session->probe->check->expect
               ? fail(session, "unexpected", "the query's answer has no row")
               : pass(session, "the query's answer has no row");
}

/* The query. */

static int resume_query(session_t *session, int events)
{
    return mysql_real_query_cont(&session->failed, session->mysql, events);
}

static int over_query(session_t *session)
{
    int events;

    if (session->failed)
        return fail_mysql(session);
    session->rows = mysql_use_result(session->mysql);
    if (!session->rows)
        return mysql_errno(session->mysql) ? fail_mysql(session) : over_row(session);
    session->resume = resume_row;
    session->over = over_row;
    events = mysql_fetch_row_start(&session->row, session->rows);
    return events ? events : over_row(session);
}

/* The login. */

static int resume_login(session_t *session, int events)
{
    return mysql_real_connect_cont(&session->connected, session->mysql, events);
}

static int connect_to(session_t *session);

static int over_login(session_t *session)
{
    const char *query = session->probe->check->query;
    const char *server;
    int events;

    if (!session->connected) {
        int refused = strcmp(health_mysql_problem(mysql_errno(session->mysql)), "refused") == 0;

        fail_mysql(session);
        if (!refused || !session->probe->address->next)
            return 0;
        session->probe->address = session->probe->address->next;
        session->probe->verdict = HEALTH_MORE;
        return connect_to(session);
    }
    server = mysql_get_server_info(session->mysql);
    if (!query)
        return pass(session,
                    apr_pstrcat(session->probe->pool, "logged in to ",
                                shown(server, strlen(server), session->probe->pool), NULL));
    session->resume = resume_query;
    session->over = over_query;
    events = mysql_real_query_start(&session->failed, session->mysql, query, strlen(query));
    return events ? events : over_query(session);
}

/* Ends a session without ado: a server that hangs is not waited for. */
static void close_session(session_t *session)
{
    int descriptor;

    tier_loop_socket_forget(session->probe->loop, &session->watch);
    if (!session->mysql)
        return;
    descriptor = (int)mysql_get_socket(session->mysql);
    if (descriptor >= 0)
        shutdown(descriptor, SHUT_RDWR);
    if (session->rows)
        mysql_free_result(session->rows);
    mysql_close(session->mysql);
    session->rows = NULL;
    session->mysql = NULL;
}

/* No file of this host for a server that asks for one, no certificates, no large packets. */
static void set_options(MYSQL *mysql)
{
    const unsigned long largest = PACKET_MAX;
    const unsigned int no_file = 0;
    const my_bool no = 0;

    mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_file);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
    mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest);
    mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH, LOGINS);
}

static int connect_to(session_t *session)
{
    const health_probe_t *probe = session->probe;
    const health_check_t *check = probe->check;
    int is_path = probe->address->family == APR_UNIX;
    char *host = NULL;
    int events;

    close_session(session);
    session->mysql = mysql_init(NULL);
    if (!session->mysql) {
        health_probe_set_void(session->probe, APR_ENOMEM, "begin a session");
        return 0;
    }
    set_options(session->mysql);
    if (!is_path)
        apr_sockaddr_ip_get(&host, probe->address);
    session->resume = resume_login;
    session->over = over_login;
    events = mysql_real_connect_start(&session->connected, session->mysql, host, check->user,
                                      check->password, check->database, probe->address->port,
                                      is_path ? probe->address->sa.unx.sun_path : NULL, 0);
    return events ? events : over_login(session);
}

/* Waits for events of Connector/C's. Returns 1 with a verdict. */
static int wait_for(session_t *session, int events)
{
    health_probe_t *probe = session->probe;
    int descriptor;
    apr_status_t status;

    if (events == 0)
        return 1;
    descriptor = (int)mysql_get_socket(session->mysql);
    apr_os_sock_put(&session->watch.socket, &descriptor, NULL);
    status = tier_loop_socket_watch(probe->loop, &session->watch,
                                    (apr_int16_t)((events & MYSQL_WAIT_READ ? APR_POLLIN : 0) |
                                                  (events & MYSQL_WAIT_WRITE ? APR_POLLOUT : 0) |
                                                  (events & MYSQL_WAIT_EXCEPT ? APR_POLLPRI : 0)));
    if (status != APR_SUCCESS)
        health_probe_set_void(probe, status, "watch a socket");
    return status != APR_SUCCESS;
}

static void session_ready(tier_loop_t *loop, tier_loop_socket_t *socket, apr_int16_t events)
{
    session_t *session = socket->baton;
    int happened = (events & ~(APR_POLLOUT | APR_POLLPRI) ? MYSQL_WAIT_READ : 0) |
                   (events & ~(APR_POLLIN | APR_POLLPRI) ? MYSQL_WAIT_WRITE : 0) |
                   (events & APR_POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
    int waits;

    /* The library may close the descriptor. */
    tier_loop_socket_forget(loop, socket);
    waits = session->resume(session, happened);
    if (wait_for(session, waits ? waits : session->over(session)))
        health_probe_finish(session->probe);
}

static int mysql_probe_start(health_probe_t *probe)
{
    session_t *session = probe->work;

    session->row = NULL;
    return wait_for(session, connect_to(session));
}

static void mysql_probe_stop(health_probe_t *probe)
{
    close_session(probe->work);
}

static void *mysql_probe_make(health_probe_t *probe, apr_pool_t *pool)
{
    session_t *session = apr_pcalloc(pool, sizeof(*session));
    apr_os_sock_t none = -1;

    session->probe = probe;
    session->watch.ready = session_ready;
    session->watch.baton = session;
    return apr_os_sock_put(&session->watch.socket, &none, pool) == APR_SUCCESS ? session : NULL;
}

static const char *mysql_probe_missing(const health_probe_t *probe)
{
    const session_t *session = probe->work;

    return session->resume == resume_login ? "login" : "answer to the query";
}

const health_driver_t health_mysql_driver = {mysql_probe_make, mysql_probe_start, mysql_probe_stop,
                                             mysql_probe_missing};
