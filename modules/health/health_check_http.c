/* SPDX-License-Identifier: Apache-2.0 */
#include "health_check_http.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>
#include <strings.h>

#include "health_http.h"

#define STATUSES_ALLOWED                                                                           \
    "allowed are statuses from 100 to 599, ranges and classes of them, at most 16, with commas "   \
    "between: 200-399, 2xx or 200,204"

/* Reads "2xx", all of a class; returns what follows it, or NULL. */
static const char *read_class(const char *text, int *first, int *last)
{
    if (text[0] < '1' || text[0] > '5' || strncasecmp(text + 1, "xx", 2) != 0)
        return NULL;
    *first = (text[0] - '0') * 100;
    *last = *first + 99;
    return text + 3;
}

/* Reads a status of three digits; returns what follows it, or NULL. */
static const char *read_status(const char *text, int *status)
{
    int value = 0;

    for (int i = 0; i < 3; i++) {
        if (!apr_isdigit(text[i]))
            return NULL;
        value = value * 10 + (text[i] - '0');
    }
    if (value < 100 || value > 599)
        return NULL;
    *status = value;
    return text + 3;
}

/* Reads a status, a class or a range; returns what follows it, or NULL. */
static const char *read_range(const char *text, int *first, int *last)
{
    const char *rest = read_class(text, first, last);

    if (rest)
        return rest;
    rest = read_status(text, first);
    *last = rest ? *first : 0;
    if (rest && *rest == '-')
        rest = read_status(rest + 1, last);
    return *last < *first ? NULL : rest;
}

const char *health_check_parse_statuses(health_status_set_t *set, const char *text)
{
    set->count = 0;
    for (;;) {
        int first = 0, last = 0;

        if (set->count == HEALTH_STATUS_RANGES || !(text = read_range(text, &first, &last)))
            return STATUSES_ALLOWED;
        set->range[set->count].first = first;
        set->range[set->count].last = last;
        set->count++;
        if (*text == '\0')
            return NULL;
        if (*text++ != ',')
            return STATUSES_ALLOWED;
    }
}

int health_check_status_passes(const health_status_set_t *set, int status)
{
    for (int i = 0; i < set->count; i++) {
        if (status >= set->range[i].first && status <= set->range[i].last)
            return 1;
    }
    return 0;
}

int health_check_is_token(char c)
{
    return apr_isascii(c) && (apr_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

/* Returns how many bytes of a token text begins with. */
static apr_size_t token_size(const char *text)
{
    apr_size_t size = 0;

    while (health_check_is_token(text[size]))
        size++;
    return size;
}

const char *health_check_method_error(const char *method)
{
    apr_size_t size = token_size(method);

    if (size > 0 && size <= 32 && method[size] == '\0' && strcmp(method, "CONNECT") != 0)
        return NULL;
    return "allowed is any method of HTTP but CONNECT, as it is spelled: GET, HEAD, OPTIONS, ...";
}

const char *health_check_uri_error(const char *uri)
{
    static const char allowed[] =
        "allowed is a path of up to 1024 visible ASCII characters that begins with /, with "
        "or without a query (or * with method=OPTIONS)";

    if (strcmp(uri, "*") == 0)
        return NULL;
    if (*uri != '/' || strlen(uri) > 1024)
        return allowed;
    for (; *uri; uri++) {
        if (!apr_isascii(*uri) || !apr_isgraph(*uri) || *uri == '#')
            return allowed;
    }
    return NULL;
}

const char *health_check_host_error(const char *host)
{
    static const char allowed[] =
        "allowed is a host name or address of up to 255 characters, with or without :port";

    if (*host == '\0' || strlen(host) > 255)
        return allowed;
    for (; *host; host++) {
        if (!apr_isalnum(*host) && !strchr("-._:[]", *host))
            return allowed;
    }
    return NULL;
}

/* Those that say how the message is framed, or that have a setting of their own. */
static int is_ours(const char *header, apr_size_t size)
{
    static const char *const ours[] = {
        "Host", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Upgrade", "Expect",
    };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strlen(ours[i]) == size && strncasecmp(ours[i], header, size) == 0)
            return 1;
    }
    return 0;
}

static int is_visible(const char *text)
{
    for (; *text; text++) {
        if (!apr_isascii(*text) || !apr_isprint(*text))
            return 0;
    }
    return 1;
}

const char *health_check_header_error(const char *header)
{
    static const char allowed[] =
        "allowed is \"Name: value\" of up to 1024 visible ASCII characters and spaces; Host has "
        "its own setting, and Connection, Content-Length, Transfer-Encoding, TE, Upgrade and "
        "Expect are not for the administrator to set";
    apr_size_t size = token_size(header);

    return size > 0 && header[size] == ':' && !is_ours(header, size) && strlen(header) <= 1024 &&
                   is_visible(header)
               ? NULL
               : allowed;
}

const char *health_check_parse_header(health_http_line_t *line, const char *text, apr_pool_t *pool)
{
    static const char allowed[] =
        "allowed is \"Name: value\" with a name of up to 39 characters and a value of 1 to 63 "
        "visible ASCII characters and spaces";
    apr_size_t size = token_size(text);
    const char *value, *end;

    if (size == 0 || size >= HEALTH_HTTP_NAME || text[size] != ':' || !is_visible(text))
        return allowed;
    value = text + size + 1;
    value += strspn(value, " ");
    end = value + strlen(value);
    while (end > value && end[-1] == ' ')
        end--;
    if (end == value || end - value >= HEALTH_HTTP_VALUE)
        return allowed;
    line->name = apr_pstrmemdup(pool, text, size);
    line->value = apr_pstrmemdup(pool, value, (apr_size_t)(end - value));
    return NULL;
}

int health_check_has_header(const char *headers, const char *name)
{
    apr_size_t size = strlen(name);

    while (*headers) {
        const char *end = strchr(headers, '\n');

        if (strncasecmp(headers, name, size) == 0 && headers[size] == ':')
            return 1;
        if (!end)
            return 0;
        headers = end + 1;
    }
    return 0;
}

const char *health_check_host_name(const char *host, apr_pool_t *pool)
{
    const char *end;

    if (*host == '[' && (end = strchr(host, ']')))
        return apr_pstrmemdup(pool, host + 1, (apr_size_t)(end - host - 1));
    end = strchr(host, ':');
    return end && !strchr(end + 1, ':') ? apr_pstrmemdup(pool, host, (apr_size_t)(end - host))
                                        : apr_pstrdup(pool, host);
}
