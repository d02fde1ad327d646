/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_status_field.h"
#include "cache_text.h"

#include <string.h>

/* Room for all members but the cache's name and the detail. */
#define ROOM 128

const char *cache_status_field_fwd(cache_fwd_e fwd)
{
    static const char *const names[CACHE_FWDS] = {"none",      "bypass",  "method", "uri-miss",
                                                  "vary-miss", "request", "stale",  "partial"};

    return (unsigned)fwd < CACHE_FWDS ? names[fwd] : "miss";
}

static char *add(char *out, const char *text)
{
    apr_size_t size = strlen(text);

    memcpy(out, text, size);
    return out + size;
}

static char *add_number(char *out, const char *name, apr_int64_t number)
{
    return cache_text_put_number(add(out, name), number);
}

/* Every answer has one: printf would be half of what it costs to make. */
const char *cache_status_field_text(const cache_status_field_t *field, const char *cache,
                                    apr_pool_t *pool)
{
    apr_size_t size = ROOM + strlen(cache) + (field->detail ? strlen(field->detail) : 0);
    char *text = apr_palloc(pool, size);
    char *out = add(text, cache);

    if (field->hit)
        out = add(out, "; hit");
    if (field->fwd != CACHE_FWD_NONE)
        out = add(add(out, "; fwd="), cache_status_field_fwd(field->fwd));
    if (field->collapsed)
        out = add(out, "; collapsed");
    if (field->fwd_status)
        out = add_number(out, "; fwd-status=", field->fwd_status);
    if (field->has_ttl)
        out = add_number(out, "; ttl=", field->ttl);
    if (field->stored)
        out = add(out, "; stored");
    if (field->detail)
        out = add(add(out, "; detail="), field->detail);
    *out = '\0';
    return text;
}
