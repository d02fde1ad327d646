/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_policy.h"

#include "assets_text.h"

#include <apr_date.h>
#include <apr_lib.h>

#include <string.h>
#include <strings.h>

#define LONGEST_AGE (APR_INT64_C(10) * 365 * 86400)

/* One element of a comma-separated list. */
typedef struct element_t {
    const char *name, *value;
    apr_size_t name_size, value_size;
} element_t;

/* Returns where the element that begins at text ends: at a comma outside of quotes. */
static const char *element_end(const char *text)
{
    int is_quoted = 0;

    for (; *text && (is_quoted || *text != ','); text++) {
        if (*text == '"')
            is_quoted = !is_quoted;
    }
    return text;
}

static const char *trim(const char *from, const char *to, apr_size_t *size)
{
    while (from < to && (assets_text_is_space(*from) || *from == '"'))
        from++;
    while (to > from && (assets_text_is_space(to[-1]) || to[-1] == '"'))
        to--;
    *size = (apr_size_t)(to - from);
    return from;
}

/* Sets *element to the next "name" or "name=value"; returns 0 at the end. */
static int next_element(const char **cursor, element_t *element)
{
    const char *end, *equals;

    while (**cursor == ',' || assets_text_is_space(**cursor))
        (*cursor)++;
    if (!**cursor)
        return 0;
    end = element_end(*cursor);
    equals = memchr(*cursor, '=', (apr_size_t)(end - *cursor));
    element->name = trim(*cursor, equals ? equals : end, &element->name_size);
    element->value = trim(equals ? equals + 1 : end, end, &element->value_size);
    *cursor = end;
    return 1;
}

/* Cache-Control. */

typedef struct control_t {
    int is_private, is_checked; /* private or no-store; no-cache */
    apr_int64_t max_age, s_maxage;
} control_t;

static apr_int64_t read_seconds(const element_t *element)
{
    apr_int64_t seconds = 0;

    for (apr_size_t i = 0; i < element->value_size; i++) {
        if (!apr_isdigit(element->value[i]))
            return 0; /* what cannot be read is stale */
        seconds = seconds * 10 + (element->value[i] - '0');
        if (seconds > LONGEST_AGE)
            seconds = LONGEST_AGE;
    }
    return seconds;
}

static int is(const element_t *element, const char *name)
{
    return assets_text_is(element->name, element->name_size, name);
}

static int add_control(void *data, const char *name, const char *value)
{
    control_t *control = data;
    element_t element;

    (void)name;
    while (next_element(&value, &element)) {
        if (is(&element, "private") || is(&element, "no-store")) {
            control->is_private = 1;
        } else if (is(&element, "no-cache")) {
            control->is_checked = 1;
        } else if (is(&element, "max-age")) {
            control->max_age = read_seconds(&element);
        } else if (is(&element, "s-maxage")) {
            control->s_maxage = read_seconds(&element);
        }
    }
    return 1;
}

static control_t read_control(const apr_table_t *fields)
{
    control_t control = {0, 0, -1, -1};

    apr_table_do(add_control, &control, fields, "Cache-Control", NULL);
    return control;
}

/* Vary. */

static int check_vary(void *data, const char *name, const char *value)
{
    int *varies = data;
    element_t element;

    (void)name;
    while (next_element(&value, &element))
        *varies |= !is(&element, "accept-encoding");
    return 1;
}

assets_verdict_e assets_policy_judge(int status, const apr_table_t *fields)
{
    const char *encoding = apr_table_get(fields, "Content-Encoding");
    int varies = 0;

    if (status != 200)
        return ASSETS_REFUSE_STATUS;
    if (apr_table_get(fields, "Set-Cookie") || apr_table_get(fields, "Set-Cookie2"))
        return ASSETS_REFUSE_COOKIE;
    if (read_control(fields).is_private)
        return ASSETS_REFUSE_PRIVATE;
    apr_table_do(check_vary, &varies, fields, "Vary", NULL);
    if (varies)
        return ASSETS_REFUSE_VARY;
    if (encoding && strcasecmp(encoding, "identity") != 0)
        return ASSETS_REFUSE_ENCODED;
    return ASSETS_STORE;
}

int assets_policy_is_http(const apr_table_t *fields)
{
    return apr_table_get(fields, "Date") || apr_table_get(fields, "Content-Type") ||
           apr_table_get(fields, "Content-Length");
}

/* Expires counts from the answer's own Date, whatever this host's clock says. */
static apr_interval_time_t until_expires(const apr_table_t *fields, apr_time_t now)
{
    const char *expires = apr_table_get(fields, "Expires");
    const char *date = apr_table_get(fields, "Date");
    apr_time_t end = apr_date_parse_http(expires);
    apr_time_t start = date ? apr_date_parse_http(date) : APR_DATE_BAD;

    return end == APR_DATE_BAD ? 0 : end - (start == APR_DATE_BAD ? now : start);
}

apr_time_t assets_policy_expires(const apr_table_t *fields, apr_time_t now,
                                 apr_interval_time_t fallback)
{
    control_t control = read_control(fields);
    const char *age = apr_table_get(fields, "Age");
    apr_interval_time_t life = fallback;

    if (control.is_checked)
        return now;
    if (control.s_maxage >= 0) {
        life = apr_time_from_sec(control.s_maxage);
    } else if (control.max_age >= 0) {
        life = apr_time_from_sec(control.max_age);
    } else if (apr_table_get(fields, "Expires")) {
        life = until_expires(fields, now);
    } else {
        age = NULL;
    }
    if (age) {
        element_t element = {NULL, age, 0, strlen(age)};

        life -= apr_time_from_sec(read_seconds(&element));
    }
    return life > 0 ? now + life : now;
}

int assets_policy_keeps(const char *name)
{
    static const char *const dropped[] = {"Connection",
                                          "Keep-Alive",
                                          "Proxy-Connection",
                                          "Proxy-Authenticate",
                                          "TE",
                                          "Trailer",
                                          "Transfer-Encoding",
                                          "Upgrade",
                                          "Date",
                                          "Age",
                                          "Content-Length",
                                          "Accept-Ranges",
                                          "Server",
                                          "Via",
                                          "Alt-Svc",
                                          "Content-Encoding",
                                          "Cache-Status",
                                          "Strict-Transport-Security"};

    for (apr_size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
        if (strcasecmp(name, dropped[i]) == 0)
            return 0;
    }
    return 1;
}
