/* SPDX-License-Identifier: Apache-2.0 */
#include "mogile_database.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>

#include "clock.h"

#define LENGTH_MOST 18 /* digits of a number that is read */

struct mogile_database_t {
    mogile_database_options_t options;
    apr_thread_mutex_t *mutex; /* not held over I/O */
    apr_thread_cond_t *returned;
    int in_use;
    int idle_count;
    MYSQL *idle[MOGILE_DATABASE_CONNECTIONS_MOST];
};

static apr_status_t close_idle(void *data)
{
    mogile_database_t *database = data;

    for (int i = 0; i < database->idle_count; i++) {
        mariadb_cancel(database->idle[i]); /* the farewell could wait for a server that hangs */
        mysql_close(database->idle[i]);
    }
    return APR_SUCCESS;
}

apr_status_t mogile_database_create(mogile_database_t **made,
                                    const mogile_database_options_t *options, apr_pool_t *pool)
{
    mogile_database_t *database = apr_pcalloc(pool, sizeof(*database));
    apr_status_t status;

    database->options = *options;
    if (mysql_library_init(0, NULL, NULL) != 0)
        return APR_EGENERAL;
    status = apr_thread_mutex_create(&database->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&database->returned, pool);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_cleanup_register(pool, database, close_idle, apr_pool_cleanup_null);
    *made = database;
    return APR_SUCCESS;
}

/* Takes the right to one connection, and a kept one where there is any. */
static apr_status_t take(mogile_database_t *database, MYSQL **mysql, apr_time_t until)
{
    apr_status_t status = APR_SUCCESS;

    *mysql = NULL;
    apr_thread_mutex_lock(database->mutex);
    while (database->in_use >= database->options.connections && status == APR_SUCCESS) {
        apr_interval_time_t left = until - tier_clock_now();

        status = left > 0 ? apr_thread_cond_timedwait(database->returned, database->mutex, left)
                          : APR_TIMEUP;
    }
    if (database->in_use < database->options.connections) {
        database->in_use++;
        if (database->idle_count > 0)
            *mysql = database->idle[--database->idle_count];
        status = APR_SUCCESS;
    }
    apr_thread_mutex_unlock(database->mutex);
    return status;
}

/* Gives it back; mysql is kept, NULL: there is nothing to keep. */
static void give_back(mogile_database_t *database, MYSQL *mysql)
{
    apr_thread_mutex_lock(database->mutex);
    database->in_use--;
    if (mysql)
        database->idle[database->idle_count++] = mysql;
    apr_thread_cond_signal(database->returned);
    apr_thread_mutex_unlock(database->mutex);
}

/* Waits for what a non-blocking call wants; returns what has come of it in the same bits, 0: the
 * deadline has passed. */
static int wait_for(MYSQL *mysql, int wanted, apr_time_t until)
{
    struct pollfd poll_fd = {.fd = (int)mysql_get_socket(mysql)};
    int ready;

    if (wanted & MYSQL_WAIT_READ)
        poll_fd.events |= POLLIN;
    if (wanted & MYSQL_WAIT_WRITE)
        poll_fd.events |= POLLOUT;
    if (wanted & MYSQL_WAIT_EXCEPT)
        poll_fd.events |= POLLPRI;
    do {
        apr_interval_time_t left = until - tier_clock_now();

        if (left <= 0)
            return 0;
        ready = poll(&poll_fd, 1, (int)((left + 999) / 1000));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        return 0;
    return (poll_fd.revents & (POLLIN | POLLHUP | POLLERR) ? wanted & MYSQL_WAIT_READ : 0) |
           (poll_fd.revents & (POLLOUT | POLLHUP | POLLERR) ? wanted & MYSQL_WAIT_WRITE : 0) |
           (poll_fd.revents & POLLPRI ? wanted & MYSQL_WAIT_EXCEPT : 0);
}

/* The address is looked up elsewhere, as a resolver has no deadline. NULL: not known. */
static const char *address_of(const mogile_database_t *database, char *text, socklen_t size)
{
    const mogile_database_options_t *options = &database->options;
    tier_memcache_addresses_t addresses;
    const struct sockaddr *name = (const struct sockaddr *)&addresses.at[0].name;
    const void *address = &((const struct sockaddr_in *)name)->sin_addr;

    if (!options->host)
        return "";
    tier_memcache_resolver_get(options->resolver, options->resolver_index, &addresses);
    if (addresses.count == 0)
        return NULL;
    if (name->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)name)->sin6_addr;
    return inet_ntop(name->sa_family, address, text, size);
}

static apr_status_t open_connection(mogile_database_t *database, MYSQL **made, apr_time_t until)
{
    const mogile_database_options_t *options = &database->options;
    char text[INET6_ADDRSTRLEN];
    const char *address = address_of(database, text, sizeof(text));
    MYSQL *mysql = mysql_init(NULL), *connected = NULL;
    int off = 0, wanted;

    if (!mysql || !address) {
        mysql_close(mysql);
        return mysql ? APR_EINVAL : APR_ENOMEM;
    }
    tier_counter_add(&options->server->counts->connections, 1);
    mysql_options(mysql, MYSQL_OPT_NONBLOCK, 0);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off); /* no server may ask for our files */
    wanted = mysql_real_connect_start(&connected, mysql, *address ? address : NULL, options->user,
                                      options->password, options->name, options->port,
                                      options->socket, 0);
    while (wanted) {
        int ready = wait_for(mysql, wanted, until);

        if (!ready)
            break;
        wanted = mysql_real_connect_cont(&connected, mysql, ready);
    }
    *made = mysql;
    if (wanted)
        return APR_TIMEUP;
    return connected ? APR_SUCCESS : APR_ECONNREFUSED;
}

static apr_status_t run_query(MYSQL *mysql, const char *statement, apr_time_t until)
{
    int failed = 0;
    int wanted = mysql_real_query_start(&failed, mysql, statement, strlen(statement));

    while (wanted) {
        int ready = wait_for(mysql, wanted, until);

        if (!ready)
            return APR_TIMEUP;
        wanted = mysql_real_query_cont(&failed, mysql, ready);
    }
    return failed ? APR_EGENERAL : APR_SUCCESS;
}

static apr_status_t store_result(MYSQL *mysql, MYSQL_RES **result, apr_time_t until)
{
    int wanted = mysql_store_result_start(result, mysql);

    while (wanted) {
        int ready = wait_for(mysql, wanted, until);

        if (!ready)
            return APR_TIMEUP;
        wanted = mysql_store_result_cont(result, mysql, ready);
    }
    return *result ? APR_SUCCESS : APR_EGENERAL;
}

/*
 * Returns the statement. The connection's character set is what the trackers' is, so that the
 * database compares keys as it does for them; the text is escaped by the rules of that set.
 */
static const char *statement_of(MYSQL *mysql, const char *domain, const char *key, apr_pool_t *pool)
{
    apr_size_t domain_size = strlen(domain), key_size = strlen(key);
    char *safe_domain = apr_palloc(pool, 2 * domain_size + 1);
    char *safe_key = apr_palloc(pool, 2 * key_size + 1);

    mysql_real_escape_string(mysql, safe_domain, domain, domain_size);
    mysql_real_escape_string(mysql, safe_key, key, key_size);
    return apr_pstrcat(
        pool,
        "SELECT f.fid, f.length, IF(c.hashtype = 1, LOWER(HEX(c.checksum)), NULL), d.devid, "
        "h.hostip, h.altip, IF(h.http_get_port > 0, h.http_get_port, h.http_port) "
        "FROM domain n JOIN file f ON f.dmid = n.dmid "
        "LEFT JOIN checksum c ON c.fid = f.fid "
        "LEFT JOIN file_on o ON o.fid = f.fid "
        "LEFT JOIN device d ON d.devid = o.devid AND d.status IN ('alive', 'readonly', 'drain') "
        "LEFT JOIN host h ON h.hostid = d.hostid AND h.status IN ('alive', 'readonly') "
        "WHERE n.namespace = '",
        safe_domain, "' AND f.dkey = '", safe_key, "' ORDER BY d.status = 'drain', RAND() LIMIT 64",
        NULL);
}

static int is_number(const char *text)
{
    apr_size_t digits = text ? strspn(text, "0123456789") : 0;

    return digits > 0 && digits <= LENGTH_MOST && !text[digits];
}

static apr_status_t read_row(mogile_file_t *file, MYSQL_ROW row, int alternate, apr_pool_t *pool)
{
    const char *address = alternate && row[5] && *row[5] ? row[5] : row[4];

    if (!is_number(row[0]))
        return APR_EGENERAL;
    file->fid = apr_atoi64(row[0]);
    if (is_number(row[1]))
        file->length = apr_atoi64(row[1]);
    if (row[2])
        file->md5 = mogile_file_md5(row[2], pool);
    if (!is_number(row[3]) || !address || !is_number(row[6]))
        return APR_SUCCESS; /* no copy, or not on what may be read */
    return mogile_file_add(
        file,
        apr_pstrcat(pool, "http://", address, ":", row[6],
                    mogile_file_path((apr_uint32_t)apr_atoi64(row[3]), file->fid, pool), NULL),
        pool);
}

static apr_status_t read_result(mogile_file_t **file, MYSQL_RES *result, int alternate,
                                apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;
    MYSQL_ROW row;

    *file = NULL;
    while (status == APR_SUCCESS && (row = mysql_fetch_row(result)) != NULL) {
        if (!*file)
            *file = mogile_file_make(pool);
        status = read_row(*file, row, alternate, pool);
    }
    return status;
}

/* The database says that the key cannot be compared with its column: it has no such key. */
static int is_no_key(MYSQL *mysql)
{
    unsigned error = mysql_errno(mysql);

    return error == ER_CANT_AGGREGATE_2COLLATIONS || error == ER_INVALID_CHARACTER_STRING;
}

static apr_status_t find(MYSQL *mysql, mogile_file_t **file, const char *domain, const char *key,
                         int alternate, apr_time_t until, apr_pool_t *pool)
{
    MYSQL_RES *result = NULL;
    apr_status_t status = run_query(mysql, statement_of(mysql, domain, key, pool), until);

    *file = NULL;
    if (status == APR_EGENERAL && is_no_key(mysql))
        return APR_SUCCESS;
    if (status == APR_SUCCESS)
        status = store_result(mysql, &result, until);
    if (status == APR_SUCCESS)
        status = read_result(file, result, alternate, pool);
    if (result)
        mysql_free_result(result);
    return status;
}

/* A kept connection that turns out to be gone says nothing of the database. */
static int is_gone(MYSQL *mysql)
{
    return mysql_errno(mysql) == CR_SERVER_GONE_ERROR || mysql_errno(mysql) == CR_SERVER_LOST;
}

static void hang_up(MYSQL **mysql)
{
    mariadb_cancel(*mysql);
    mysql_close(*mysql);
    *mysql = NULL;
}

typedef struct question_t {
    const char *domain, *key;
    int alternate;
    apr_time_t until;
    const char *problem; /* what the database, or the library, said of it */
} question_t;

static apr_status_t find_by(MYSQL **mysql, mogile_file_t **file, question_t *question,
                            apr_pool_t *pool)
{
    return find(*mysql, file, question->domain, question->key, question->alternate, question->until,
                pool);
}

/* The look-up itself, over a kept connection or a new one; leaves in *mysql what may be kept. */
static apr_status_t look_up(mogile_database_t *database, MYSQL **mysql, mogile_file_t **file,
                            question_t *question, apr_pool_t *pool)
{
    apr_status_t status = APR_EGENERAL;

    if (*mysql) {
        status = find_by(mysql, file, question, pool);
        if (status == APR_EGENERAL && is_gone(*mysql))
            hang_up(mysql);
    }
    if (!*mysql) {
        status = open_connection(database, mysql, question->until);
        if (status == APR_SUCCESS)
            status = find_by(mysql, file, question, pool);
    }
    if (status != APR_SUCCESS && *mysql) {
        if (mysql_errno(*mysql))
            question->problem = apr_pstrdup(pool, mysql_error(*mysql));
        hang_up(mysql);
    }
    return status;
}

/* While it does not answer, one look-up in a while finds out whether it does again. */
static int may_ask(const mogile_database_t *database)
{
    const mogile_server_t *server = database->options.server;

    return mogile_server_allows(server) ||
           tier_breaker_probe_due(server->breaker, database->options.retry, tier_clock_now());
}

apr_status_t mogile_database_find(mogile_database_t *database, mogile_file_t **file,
                                  const char *domain, const char *key, int alternate,
                                  apr_pool_t *pool)
{
    const mogile_server_t *server = database->options.server;
    apr_time_t began = tier_clock_now();
    apr_time_t until = began + database->options.deadline;
    question_t question = {.domain = domain, .key = key, .alternate = alternate, .until = until};
    apr_status_t status;
    MYSQL *mysql;

    *file = NULL;
    if (!may_ask(database) || take(database, &mysql, until) != APR_SUCCESS)
        return APR_EAGAIN;
    status = look_up(database, &mysql, file, &question, pool);
    give_back(database, mysql);
    if (status == APR_SUCCESS) {
        mogile_server_answered(server, began);
        return APR_SUCCESS;
    }
    *file = NULL;
    if (question.problem)
        tier_log(server->log, TIER_LOG_MARK, TIER_LOG_INFO, 0,
                 WTNO(3504) "MogileFS database %s: %s", server->name, question.problem);
    mogile_server_failed(server, began,
                         question.problem && status == APR_EGENERAL ? MOGILE_ERROR_FAILURE
                                                                    : mogile_error_of(status),
                         status);
    return status;
}
