/* SPDX-License-Identifier: Apache-2.0 */
#include "health_http_dialogue.h"

#include <apr_strings.h>

#include <string.h>

#include <webtier/version.h>

#include "health_check_http.h"
#include "health_http.h"
#include "health_http_body.h"

typedef struct dialogue_t {
    const health_check_t *check;
    health_http_t head;
    health_advice_t advice; /* a weight of 0: there is none */
    int in_body;
    int contained;         /* the body has what it must contain */
    apr_size_t after_head; /* bytes that came after the head */
    health_http_body_t body;
} dialogue_t;

static const char *default_line(const health_check_t *check, const char *name, const char *line)
{
    return health_check_has_header(check->headers, name) ? "" : line;
}

/* A member that reads the request's body, if there were one, must know that there is none. */
static const char *content_lines(const health_check_t *check, apr_pool_t *pool)
{
    static const char *const with_body[] = {"POST", "PUT", "PATCH"};

    if (check->content)
        return apr_psprintf(
            pool, "%sContent-Length: %" APR_SIZE_T_FMT "\r\n",
            default_line(check, "Content-Type", "Content-Type: application/json\r\n"),
            strlen(check->content));
    for (size_t i = 0; i < sizeof(with_body) / sizeof(with_body[0]); i++) {
        if (strcmp(check->method, with_body[i]) == 0)
            return "Content-Length: 0\r\n";
    }
    return "";
}

static const char *http_request(const health_check_t *check, const char *authority,
                                apr_pool_t *pool)
{
    return apr_pstrcat(
        pool, check->method, " ", check->uri,
        " HTTP/1.1\r\nHost: ", check->host ? check->host : authority, "\r\n",
        default_line(check, "User-Agent", "User-Agent: webtier-health/" WEBTIER_VERSION "\r\n"),
        default_line(check, "Accept", "Accept: */*\r\n"), check->headers,
        content_lines(check, pool), check->reuse > 1 ? "\r\n" : "Connection: close\r\n\r\n",
        check->content, NULL);
}

static void *http_begin(const health_check_t *check, apr_pool_t *pool)
{
    dialogue_t *dialogue = apr_pcalloc(pool, sizeof(*dialogue));

    dialogue->check = check;
    health_http_init(&dialogue->head);
    dialogue->head.sought = &check->drain_header;
    return dialogue;
}

/* "status 200 OK", without printf: each probe that passes says so. */
static const char *status_text(const health_http_t *head, apr_pool_t *pool)
{
    const char digits[] = {(char)('0' + head->status / 100), (char)('0' + head->status / 10 % 10),
                           (char)('0' + head->status % 10), '\0'};
    const char *text =
        apr_pstrcat(pool, "status ", digits, *head->reason ? " " : "", head->reason, NULL);

    return head->status >= 300 && head->status < 400 && *head->location
               ? apr_pstrcat(pool, text, ", to ", head->location, NULL)
               : text;
}

/* What says so by its status passes by it, too. */
static int drains_by_status(const dialogue_t *dialogue)
{
    return health_check_status_passes(&dialogue->check->drains, dialogue->head.status);
}

static int contains(const health_http_body_t *body, apr_size_t from, const char *text)
{
    return body->size > from &&
           memmem(body->bytes + from, body->size - from, text, strlen(text)) != NULL;
}

static int asks_for_drain(const dialogue_t *dialogue)
{
    const char *text = dialogue->check->drain_body;

    return drains_by_status(dialogue) || dialogue->head.found ||
           (text && contains(&dialogue->body, 0, text));
}

/* Only an answer that passes says anything of sessions: while probes fail it stays as it was. */
static health_verdict_e pass(dialogue_t *dialogue, tier_result_t *result, apr_pool_t *pool)
{
    if (health_check_may_drain(dialogue->check)) {
        dialogue->advice.weight = 100;
        dialogue->advice.drain = (apr_uint32_t)asks_for_drain(dialogue);
    }
    *result = tier_result_ok();
    result->detail = status_text(&dialogue->head, pool);
    return HEALTH_PASS;
}

static health_verdict_e no_match(const dialogue_t *dialogue, const char *what,
                                 tier_result_t *result, apr_pool_t *pool)
{
    const health_http_body_t *body = &dialogue->body;

    *result = tier_result_fail(pool, APR_EGENERAL, "no_match",
                               "%s, but the body's %s%" APR_SIZE_T_FMT " bytes %s",
                               status_text(&dialogue->head, pool),
                               body->size == body->limit ? "first " : "", body->size, what);
    return HEALTH_FAIL;
}

/* The body is whole, or as much of it is there as is read. */
static health_verdict_e judge_body(dialogue_t *dialogue, tier_result_t *result, apr_pool_t *pool)
{
    const health_check_t *check = dialogue->check;
    const health_http_body_t *body = &dialogue->body;
    health_match_e found;

    if (check->body && !dialogue->contained)
        return no_match(dialogue, "lack what body= asks for", result, pool);
    if (!check->match)
        return pass(dialogue, result, pool);
    found = health_match_find(check->match, body->size ? body->bytes : "", body->size);
    if (found == HEALTH_MATCH_GAVE_UP)
        return no_match(dialogue, "take match= too many steps", result, pool);
    return found == HEALTH_MATCH_YES ? pass(dialogue, result, pool)
                                     : no_match(dialogue, "do not fit match=", result, pool);
}

/* Looks for the substring where it can have come with the bytes after before. */
static void look_for_text(dialogue_t *dialogue, apr_size_t before)
{
    const health_check_t *check = dialogue->check;
    apr_size_t size = check->body ? strlen(check->body) : 0;
    apr_size_t from = before >= size ? before - size + 1 : 0;

    if (size > 0 && !dialogue->contained)
        dialogue->contained = contains(&dialogue->body, from, check->body);
}

static health_verdict_e malformed(const char *complaint, const char *word, tier_result_t *result,
                                  apr_pool_t *pool)
{
    *result = tier_result_fail(pool, APR_EGENERAL, word, "%s", complaint);
    return HEALTH_FAIL;
}

static health_verdict_e feed_body(dialogue_t *dialogue, const char *data, apr_size_t size,
                                  tier_result_t *result, apr_pool_t *pool)
{
    apr_size_t before = dialogue->body.size;
    health_body_e state = health_http_body_feed(&dialogue->body, data, size);

    look_for_text(dialogue, before);
    /* What is asked for is there: what comes behind it does not matter, however the bytes arrive.
     */
    if (dialogue->contained && !dialogue->check->match && !dialogue->check->drain_body)
        return pass(dialogue, result, pool);
    if (state == HEALTH_BODY_MALFORMED)
        return malformed(dialogue->body.complaint, "malformed", result, pool);
    return state == HEALTH_BODY_MORE ? HEALTH_MORE : judge_body(dialogue, result, pool);
}

static int has_no_body(const dialogue_t *dialogue)
{
    return dialogue->head.status == 204 || dialogue->head.status == 304 ||
           strcmp(dialogue->check->method, "HEAD") == 0;
}

static health_verdict_e begin_body(dialogue_t *dialogue, const char *data, apr_size_t size,
                                   tier_result_t *result, apr_pool_t *pool)
{
    const health_check_t *check = dialogue->check;
    const health_http_t *head = &dialogue->head;

    if (drains_by_status(dialogue))
        return pass(dialogue, result, pool);
    if (!health_check_status_passes(&check->statuses, head->status)) {
        *result = tier_result_fail(pool, APR_EGENERAL, "bad_status", "%s", status_text(head, pool));
        return HEALTH_FAIL;
    }
    if (!check->body && !check->match && !check->content && !check->drain_body)
        return pass(dialogue, result, pool);
    dialogue->in_body = 1;
    health_http_body_init(&dialogue->body, head, has_no_body(dialogue), check->limit, pool);
    return feed_body(dialogue, data, size, result, pool);
}

static health_verdict_e http_feed(void *state, const char *data, apr_size_t size,
                                  tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;
    health_http_t *head = &dialogue->head;
    apr_size_t before = head->taken;

    if (dialogue->in_body) {
        dialogue->after_head += size;
        return feed_body(dialogue, data, size, result, pool);
    }
    switch (health_http_feed(head, data, size)) {
    case HEALTH_HTTP_MORE:
        return HEALTH_MORE;
    case HEALTH_HTTP_COMPLETE:
        dialogue->after_head = size - (head->taken - before);
        return begin_body(dialogue, data + (head->taken - before), size - (head->taken - before),
                          result, pool);
    case HEALTH_HTTP_TOO_LONG:
        *result = tier_result_fail(pool, APR_EGENERAL, "too_long",
                                   "no end of the headers within %d bytes", HEALTH_HTTP_MAX_HEAD);
        return HEALTH_FAIL;
    case HEALTH_HTTP_OTHER:
        return malformed(head->complaint, "wrong_protocol", result, pool);
    case HEALTH_HTTP_MALFORMED:
    default:
        return malformed(head->complaint, "malformed", result, pool);
    }
}

static health_verdict_e http_end(void *state, tier_result_t *result, apr_pool_t *pool)
{
    dialogue_t *dialogue = state;

    if (dialogue->in_body && health_http_body_closed(&dialogue->body) == HEALTH_BODY_END)
        return judge_body(dialogue, result, pool);
    if (dialogue->in_body)
        return malformed(dialogue->body.complaint, "closed", result, pool);
    *result = tier_result_fail(pool, APR_EGENERAL, "closed",
                               "the connection was closed after %" APR_SIZE_T_FMT
                               " bytes, before the end of the headers",
                               dialogue->head.taken);
    return HEALTH_FAIL;
}

static const health_advice_t *http_advice(const void *state)
{
    const dialogue_t *dialogue = state;

    return dialogue->advice.weight ? &dialogue->advice : NULL;
}

/* Chunked answers are not: their end is not looked for further than it has to be. */
static int http_reusable(const void *state)
{
    const dialogue_t *dialogue = state;
    const health_http_t *head = &dialogue->head;

    if (head->closes)
        return 0;
    if (has_no_body(dialogue))
        return dialogue->after_head == 0;
    return head->framing == HEALTH_FRAMING_LENGTH &&
           (apr_int64_t)dialogue->after_head == head->length;
}

const health_protocol_t health_http_protocol = {http_request, http_begin,  http_feed,
                                                http_end,     http_advice, http_reusable};
