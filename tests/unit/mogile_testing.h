/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOGILE_TESTING_H
#define MOGILE_TESTING_H

/* What the tests of the MogileFS engine share: exchanges recorded from a real tracker. */

#include "common_support.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "mogile_file.h"

/* Returns the string of a member of the JSON object in line, from pool; NULL: it has none. */
static inline char *json_string(const char *line, const char *member, apr_pool_t *pool)
{
    const char *from = strstr(line, apr_psprintf(pool, "\"%s\": \"", member));
    char *text, *to;

    if (!from)
        return NULL;
    from += strlen(member) + 5;
    text = to = apr_palloc(pool, strlen(from) + 1);
    while (*from != '"') {
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == 'u') {
            *to++ = (char)strtol(apr_pstrmemdup(pool, from + 2, 4), NULL, 16);
            from += 6;
        } else {
            *to++ = from[1] == 'n' ? '\n' : from[1] == 'r' ? '\r' : from[1];
            from += 2;
        }
    }
    *to = '\0';
    return text;
}

/* Returns the array of the transcripts' lines, from pool. */
static inline apr_array_header_t *transcripts(apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 200, sizeof(char *));
    FILE *file = fopen(MOGILE_TRANSCRIPTS, "r");
    static char line[65536];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        APR_ARRAY_PUSH(lines, char *) = apr_pstrdup(pool, line);
    fclose(file);
    assert_true(lines->nelts > 150);
    return lines;
}

/* Returns what the tracker answered to exactly this request. */
static inline char *answer_to(const char *request, apr_pool_t *pool)
{
    apr_array_header_t *lines = transcripts(pool);

    for (int i = 0; i < lines->nelts; i++) {
        const char *line = APR_ARRAY_IDX(lines, i, const char *);
        const char *sent = json_string(line, "send", pool);

        if (sent && strcmp(sent, request) == 0)
            return json_string(line, "recv", pool);
    }
    fail_msg("no transcript of %s", request);
    return NULL;
}

/* Reads the recorded answer to request. */
static inline void read_answer_to(mogile_answer_t *answer, const char *request, apr_pool_t *pool)
{
    char *text = answer_to(request, pool);

    text[strcspn(text, "\r\n")] = '\0';
    assert_int_equal(mogile_wire_read(answer, text, strlen(text), pool), APR_SUCCESS);
}

#endif
