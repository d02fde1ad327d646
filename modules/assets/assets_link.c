/* SPDX-License-Identifier: Apache-2.0 */
#include "assets_link.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

/* Returns the next '<' that is not within quotes, or NULL. */
static const char *next_target(const char *text)
{
    for (; *text && *text != '<'; text++) {
        if (*text != '"')
            continue;
        for (text++; *text && *text != '"'; text++) {
            if (*text == '\\' && text[1])
                text++;
        }
        if (!*text)
            return NULL;
    }
    return *text ? text : NULL;
}

/* '>' would end the target, and a line the field. */
static int may_be_written(const assets_change_t *change)
{
    for (apr_size_t i = 0; i < change->size; i++) {
        if (change->text[i] == '>' || (unsigned char)change->text[i] <= ' ')
            return 0;
    }
    return 1;
}

const char *assets_link_rewrite(const char *value, const assets_judge_t *judge, apr_pool_t *pool)
{
    const char *out = NULL;
    const char *done = value;
    const char *open, *end;

    while ((open = next_target(value)) != NULL && (end = strchr(open, '>')) != NULL) {
        assets_change_t change;
        const char *target = open + 1;

        value = end + 1;
        if (!judge->judge(judge->baton, ASSETS_REFERENCE_URL, target, (apr_size_t)(end - target),
                          &change, pool) ||
            !may_be_written(&change))
            continue;
        out = apr_pstrcat(pool, out ? out : "",
                          apr_pstrmemdup(pool, done, (apr_size_t)(target - done) + change.from),
                          apr_pstrmemdup(pool, change.text, change.size), NULL);
        done = target + change.to;
    }
    return out ? apr_pstrcat(pool, out, done, NULL) : NULL;
}

const char *assets_link_rewrite_head(const char *head, const assets_judge_t *judge,
                                     apr_pool_t *pool)
{
    static const char name[] = "Link:";
    const char *out = NULL;
    const char *done = head;
    const char *line = head, *end;

    while ((line = strstr(line, "\r\n")) != NULL && (end = strstr(line + 2, "\r\n")) != NULL) {
        const char *value = line + 2 + sizeof(name) - 1;
        const char *changed;

        line += 2;
        if (strncasecmp(line, name, sizeof(name) - 1) != 0)
            continue;
        changed = assets_link_rewrite(apr_pstrmemdup(pool, value, (apr_size_t)(end - value)), judge,
                                      pool);
        if (!changed)
            continue;
        out = apr_pstrcat(pool, out ? out : "",
                          apr_pstrmemdup(pool, done, (apr_size_t)(value - done)), changed, NULL);
        done = end;
    }
    return out ? apr_pstrcat(pool, out, done, NULL) : NULL;
}
