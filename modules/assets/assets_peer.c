/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_peer.h"

#include "assets_text.h"
#include "atomics.h"
#include "clock.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define PIECE ((apr_size_t)65536)

static int is_host(const char *host, int is_v6)
{
    for (const char *p = host; *p; p++) {
        if (!assets_text_is_alnum(*p) && !strchr(is_v6 ? ":." : "-._", *p))
            return 0;
    }
    return *host != '\0';
}

int assets_peer_read(const char *url, const char **host, apr_port_t *port, apr_pool_t *pool)
{
    char *read_host = NULL, *scope = NULL;

    if (strncmp(url, "http://", 7) != 0 ||
        apr_parse_addr_port(&read_host, &scope, port, url + 7, pool) != APR_SUCCESS || !read_host ||
        scope || !is_host(read_host, url[7] == '['))
        return 0;
    if (*port == 0)
        *port = 80;
    *host = read_host;
    return 1;
}

/* The head. */

/* Cuts the next line off, which ends with CR LF or LF. Returns NULL at the empty one. */
static char *next_line(char **cursor)
{
    char *line = *cursor;
    char *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *cursor = end + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return end > line ? line : NULL;
}

static int is_ok(const char *line)
{
    return line && strncmp(line, "HTTP/1.", 7) == 0 && apr_isdigit(line[7]) &&
           strncmp(line + 8, " 200", 4) == 0 && (line[12] == ' ' || line[12] == '\0');
}

static int add_field(apr_table_t *fields, char *line, apr_pool_t *pool)
{
    char *colon = strchr(line, ':');
    char *value, *end;

    if (!colon || colon == line)
        return 0;
    for (char *p = line; p < colon; p++) {
        if (!assets_text_is_alnum(*p) && !strchr("!#$%&'*+-.^_`|~", *p))
            return 0;
    }
    *colon = '\0';
    for (value = colon + 1; *value == ' ' || *value == '\t';)
        value++;
    end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    for (const char *p = value; *p; p++) {
        if (apr_iscntrl(*p) && *p != '\t')
            return 0;
    }
    apr_table_add(fields, apr_pstrdup(pool, line), value);
    return 1;
}

static int read_length(const apr_table_t *fields, apr_off_t *length, apr_pool_t *pool)
{
    const char *text = apr_table_getm(pool, fields, "Content-Length");

    if (!text || !*text || strlen(text) > 15 || apr_table_get(fields, "Transfer-Encoding"))
        return 0;
    *length = 0;
    for (; *text; text++) {
        if (!apr_isdigit(*text))
            return 0;
        *length = *length * 10 + (*text - '0');
    }
    return 1;
}

int assets_peer_head(char *head, apr_table_t **fields, apr_off_t *length, apr_pool_t *pool)
{
    char *line = next_line(&head);

    if (!is_ok(line))
        return 0;
    *fields = apr_table_make(pool, 12);
    while ((line = next_line(&head)) != NULL) {
        if (!add_field(*fields, line, pool))
            return 0;
    }
    return read_length(*fields, length, pool);
}

/* The connection. */

static apr_interval_time_t left_of(const assets_peer_ask_t *ask)
{
    apr_interval_time_t left = ask->until - tier_clock_now();

    if (left <= 0)
        return 0;
    return left < ask->timeout ? left : ask->timeout;
}

static apr_status_t set_timeout(apr_socket_t *socket, const assets_peer_ask_t *ask)
{
    apr_interval_time_t left = left_of(ask);

    return left > 0 ? apr_socket_timeout_set(socket, left) : APR_TIMEUP;
}

static apr_status_t send_request(apr_socket_t *socket, const assets_peer_ask_t *ask,
                                 apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, "GET ", ask->uri, " HTTP/1.1\r\nHost: ", ask->host,
                                   "\r\nCache-Control: only-if-cached\r\n"
                                   "Accept-Encoding: identity\r\nConnection: close\r\n\r\n",
                                   NULL);
    apr_size_t size = strlen(text);

    while (size > 0) {
        apr_size_t sent = size;
        apr_status_t rv = apr_socket_send(socket, text, &sent);

        if (rv != APR_SUCCESS)
            return rv;
        text += sent;
        size -= sent;
    }
    return APR_SUCCESS;
}

static apr_status_t connect_to(apr_socket_t **socket, const assets_peer_t *peer,
                               const assets_peer_ask_t *ask, apr_pool_t *pool)
{
    apr_status_t rv =
        apr_socket_create(socket, peer->address->family, SOCK_STREAM, APR_PROTO_TCP, pool);

    if (rv == APR_SUCCESS)
        rv = set_timeout(*socket, ask);
    if (rv == APR_SUCCESS)
        rv = apr_socket_connect(*socket, peer->address);
    return rv == APR_SUCCESS ? send_request(*socket, ask, pool) : rv;
}

/* Returns where the body begins in data, which is terminated; NULL: the head is not over. */
static char *body_in(char *data)
{
    char *crlf = strstr(data, "\r\n\r\n");

    return crlf ? crlf + 4 : NULL;
}

/* Reads until the head is there: the whole of it takes no longer than a pause may. */
static apr_status_t read_head(apr_socket_t *socket, const assets_peer_ask_t *ask, char *data,
                              apr_size_t *size, char **body)
{
    assets_peer_ask_t head = *ask;
    apr_time_t soon = tier_clock_now() + ask->timeout;

    head.until = soon < ask->until ? soon : ask->until;
    *size = 0;
    do {
        apr_size_t got = ASSETS_PEER_HEAD - *size;
        apr_status_t rv = got > 0 ? set_timeout(socket, &head) : APR_EGENERAL;

        if (rv == APR_SUCCESS)
            rv = apr_socket_recv(socket, data + *size, &got);
        if (rv != APR_SUCCESS)
            return rv;
        *size += got;
        data[*size] = '\0';
        *body = body_in(data);
    } while (!*body);
    return APR_SUCCESS;
}

static apr_status_t read_body(apr_socket_t *socket, const assets_peer_ask_t *ask, apr_file_t *file,
                              apr_off_t left)
{
    char data[PIECE];

    while (left > 0) {
        apr_size_t got = left < (apr_off_t)sizeof(data) ? (apr_size_t)left : sizeof(data);
        apr_status_t rv = set_timeout(socket, ask);

        if (rv == APR_SUCCESS)
            rv = apr_socket_recv(socket, data, &got);
        if (rv == APR_SUCCESS)
            rv = apr_file_write_full(file, data, got, NULL);
        if (rv != APR_SUCCESS)
            return rv;
        left -= (apr_off_t)got;
    }
    return APR_SUCCESS;
}

static apr_status_t converse(apr_socket_t *socket, const assets_peer_ask_t *ask, apr_file_t *file,
                             apr_table_t **fields, apr_off_t *length, apr_pool_t *pool)
{
    char *data = apr_palloc(pool, ASSETS_PEER_HEAD + 1);
    apr_size_t size, early;
    char *body;
    apr_status_t rv = read_head(socket, ask, data, &size, &body);

    if (rv != APR_SUCCESS)
        return rv;
    early = size - (apr_size_t)(body - data);
    body = apr_pmemdup(pool, body, early);
    data[size - early] = '\0';
    if (!assets_peer_head(data, fields, length, pool) || *length > ask->largest)
        return APR_ENOENT;
    if ((apr_off_t)early > *length)
        return APR_EGENERAL;
    rv = apr_file_write_full(file, body, early, NULL);
    return rv == APR_SUCCESS ? read_body(socket, ask, file, *length - (apr_off_t)early) : rv;
}

apr_status_t assets_peer_get(const assets_peer_t *peer, const assets_peer_ask_t *ask,
                             apr_file_t *file, apr_table_t **fields, apr_off_t *length,
                             apr_pool_t *pool)
{
    apr_socket_t *socket = NULL;
    apr_time_t now = tier_clock_now();
    apr_status_t rv;

    if (peer->down && now < tier_atomic_load64(peer->down))
        return APR_ENOENT;
    rv = connect_to(&socket, peer, ask, pool);
    if (rv == APR_SUCCESS)
        rv = converse(socket, ask, file, fields, length, pool);
    if (socket)
        apr_socket_close(socket);
    if (peer->down && rv != APR_SUCCESS && rv != APR_ENOENT)
        tier_atomic_store64(peer->down, now + ASSETS_PEER_DOWN);
    return rv;
}
